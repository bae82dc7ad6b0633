using System.Collections.Immutable;

namespace Ocellus.Objects.Files;

/// <summary>An unfinished upload as the index keeps it: what a list shows. The rest is read from its folder when it is needed.</summary>
internal sealed class StoredUpload(string key, string id, DateTimeOffset initiated, string? algorithm)
{
    /// <summary>In the order of keys, and of ids where keys are equal.</summary>
    public static IComparer<StoredUpload> ByKey { get; } = Comparer<StoredUpload>.Create(
        (a, b) => Utf8Order.Keys.Compare(a.Key, b.Key) is var order and not 0 ? order : string.CompareOrdinal(a.Id, b.Id));

    public static ImmutableSortedSet<StoredUpload> None { get; } = ImmutableSortedSet.Create(ByKey);

    public string Key { get; } = key;

    public string Id { get; } = id;

    public DateTimeOffset Initiated { get; } = initiated;

    public string? Algorithm { get; } = algorithm;

    /// <summary>Held while a part is given its name and while the upload ends: other uploads do not wait.</summary>
    public Lock Gate { get; } = new();

    /// <summary>It was completed, aborted or given up.</summary>
    public bool Ended { get; set; }

    /// <summary>What it costs in memory: itself, its lock, its node in the index and its strings.</summary>
    public int Bytes => 72 + 40 + 48 + SharedNames.BytesOf(Key) + SharedNames.BytesOf(Id);

    /// <summary>Something to look an upload up with.</summary>
    public static StoredUpload Probe(string key, string id) => new(key, id, default, null);
}
