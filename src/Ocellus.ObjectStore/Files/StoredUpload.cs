using System.Collections.Immutable;

namespace Ocellus.Objects.Files;

/// <summary>An unfinished upload in the index, with what a listing shows. The rest is read from its folder when needed.</summary>
internal sealed class StoredUpload(string key, string id, DateTimeOffset initiated, string? algorithm)
{
    /// <summary>Compares by key, then by id.</summary>
    public static IComparer<StoredUpload> ByKey { get; } = Comparer<StoredUpload>.Create(
        (a, b) => Utf8Order.Keys.Compare(a.Key, b.Key) is var order and not 0 ? order : string.CompareOrdinal(a.Id, b.Id));

    public static ImmutableSortedSet<StoredUpload> None { get; } = ImmutableSortedSet.Create(ByKey);

    public string Key { get; } = key;

    public string Id { get; } = id;

    public DateTimeOffset Initiated { get; } = initiated;

    public string? Algorithm { get; } = algorithm;

    /// <summary>Held while a part is committed and while the upload ends. Other uploads do not wait.</summary>
    public Lock Gate { get; } = new();

    /// <summary>Whether it was completed, aborted or expired.</summary>
    public bool Ended { get; set; }

    /// <summary>Its memory in bytes: itself, its lock, its node in the index and its strings.</summary>
    public int Bytes => 72 + 40 + 48 + SharedNames.BytesOf(Key) + SharedNames.BytesOf(Id);

    /// <summary>An upload to search the index with.</summary>
    public static StoredUpload Probe(string key, string id) => new(key, id, default, null);
}
