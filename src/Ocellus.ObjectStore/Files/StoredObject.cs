using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;

namespace Ocellus.Objects.Files;

/// <summary>
/// An object as the index keeps it: what <see cref="ObjectInfo"/> says in a fifth of its memory. Digests are numbers, tables are flat, names that many objects
/// share are one string, and what an object has not costs nothing.
/// </summary>
internal sealed class StoredObject
{
    /// <summary>Bytes of this object itself and of its node in the index, as the 64-bit runtime lays them out.</summary>
    private const int OwnBytes = 96 + 48;

    private readonly UInt128 _md5;
    private readonly Guid _data;
    private readonly long _modifiedTicks;
    // 0: the ETag is the MD5 of an object that came whole.
    private readonly int _etagParts;
    private readonly Rest? _rest;

    private StoredObject(string key) => Key = key;

    /// <param name="info">A description that <see cref="Descriptions"/> found in order.</param>
    /// <param name="names">Strings that objects share.</param>
    public StoredObject(ObjectInfo info, SharedNames names)
    {
        Key = info.Key;
        Size = info.Size;
        var etag = info.ETag.AsSpan();
        _md5 = UInt128.Parse(etag[..Descriptions.Md5Digits], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        _etagParts = etag.Length > Descriptions.Md5Digits
            ? int.Parse(etag[(Descriptions.Md5Digits + 1)..], NumberStyles.None, CultureInfo.InvariantCulture)
            : 0;
        _modifiedTicks = info.LastModified.UtcTicks;
        _data = Guid.ParseExact(info.DataFile.Split('.')[1], "N");
        _rest = Rest.Of(info, names);
        Bytes = OwnBytes + SharedNames.BytesOf(Key) + (_rest?.Bytes ?? 0);
    }

    /// <summary>In the order of keys; each key once.</summary>
    public static IComparer<StoredObject> ByKey { get; } = Comparer<StoredObject>.Create((a, b) => Utf8Order.Keys.Compare(a.Key, b.Key));

    public static ImmutableSortedSet<StoredObject> None { get; } = ImmutableSortedSet.Create(ByKey);

    public string Key { get; }

    public long Size { get; }

    /// <summary>What it costs in memory, as far as that can be counted.</summary>
    public int Bytes { get; }

    public string DataFile => $"{ObjectFiles.Hash(Key)}.{_data:N}.data";

    /// <summary>Something to look an object up with.</summary>
    public static StoredObject Probe(string key) => new(key);

    public ObjectInfo ToInfo() => new()
    {
        Key = Key,
        Size = Size,
        ETag = _etagParts == 0 ? $"{_md5:x32}" : string.Create(CultureInfo.InvariantCulture, $"{_md5:x32}-{_etagParts}"),
        LastModified = new DateTimeOffset(_modifiedTicks, TimeSpan.Zero),
        ContentType = _rest?.ContentType ?? ObjectInfo.DefaultContentType,
        ChecksumType = _rest?.ChecksumType,
        UserMetadata = Table(_rest?.UserMetadata),
        Headers = Table(_rest?.Headers),
        Checksums = Table(_rest?.Checksums),
        Tags = Table(_rest?.Tags),
        Parts = _rest?.Parts,
        UploadId = _rest?.UploadId?.ToString("N"),
        DataFile = DataFile,
    };

    private static Dictionary<string, string> Table(string[]? flat)
    {
        var table = new Dictionary<string, string>(flat?.Length / 2 ?? 0);
        for (var i = 0; i < flat?.Length; i += 2)
        {
            table.Add(flat[i], flat[i + 1]);
        }

        return table;
    }

    /// <summary>What not every object has. Tables are names and values in turn; null is an empty one.</summary>
    private sealed class Rest
    {
        private Rest(ObjectInfo info, SharedNames names)
        {
            ContentType = names.Of(info.ContentType);
            ChecksumType = info.ChecksumType is null ? null : names.Of(info.ChecksumType);
            UserMetadata = Flat(info.UserMetadata, names);
            Headers = Flat(info.Headers, names);
            Checksums = Flat(info.Checksums, names);
            Tags = Flat(info.Tags, names);
            Parts = info.Parts is null ? null : new PartTable(info.Parts, names);
            // Only needed of what came in parts: a completion that is sent again is known by it.
            UploadId = Parts is not null && Guid.TryParseExact(info.UploadId, "N", out var upload) ? upload : null;
            // Names count too: not all of them are shared in the end.
            Bytes = 72 + 24 + (Parts?.Bytes ?? 0) + new[] { UserMetadata, Headers, Checksums, Tags }.Sum(
                t => t is null ? 0 : 24 + t.Sum(s => 8 + SharedNames.BytesOf(s)));
        }

        public string ContentType { get; }

        public string? ChecksumType { get; }

        public string[]? UserMetadata { get; }

        public string[]? Headers { get; }

        public string[]? Checksums { get; }

        public string[]? Tags { get; }

        public PartTable? Parts { get; }

        public Guid? UploadId { get; }

        public int Bytes { get; }

        public static Rest? Of(ObjectInfo info, SharedNames names) =>
            info.ContentType == ObjectInfo.DefaultContentType
                && info.ChecksumType is null
                && info.Parts is null
                && info.UserMetadata.Count + info.Headers.Count + info.Checksums.Count + info.Tags.Count == 0
                ? null
                : new(info, names);

        private static string[]? Flat(Dictionary<string, string> table, SharedNames names) =>
            table.Count == 0 ? null : [.. table.SelectMany(p => new[] { names.Of(p.Key), p.Value })];
    }
}

/// <summary>The parts of an object in three arrays: ten thousand parts with a dictionary each would take megabytes.</summary>
internal sealed class PartTable : IReadOnlyList<ObjectPart>
{
    private readonly int[] _numbers;
    private readonly long[] _sizes;
    private readonly string[] _algorithms;
    private readonly string?[] _sums;

    public PartTable(IReadOnlyList<ObjectPart> parts, SharedNames names)
    {
        _numbers = [.. parts.Select(p => p.Number)];
        _sizes = [.. parts.Select(p => p.Size)];
        _algorithms = [.. parts.SelectMany(p => p.Checksums.Keys).Distinct().Select(names.Of)];
        _sums = [.. parts.SelectMany(p => _algorithms.Select(a => p.Checksums.GetValueOrDefault(a)))];
        Bytes = 56 + (12 * _numbers.Length) + _sums.Sum(s => 8 + (s is null ? 0 : SharedNames.BytesOf(s)));
    }

    public int Count => _numbers.Length;

    public int Bytes { get; }

    public ObjectPart this[int index]
    {
        get
        {
            var sums = new Dictionary<string, string>();
            for (var a = 0; a < _algorithms.Length; a++)
            {
                if (_sums[(index * _algorithms.Length) + a] is { } sum)
                {
                    sums.Add(_algorithms[a], sum);
                }
            }

            return new(_numbers[index], _sizes[index], sums);
        }
    }

    public IEnumerator<ObjectPart> GetEnumerator() => Enumerable.Range(0, Count).Select(i => this[i]).GetEnumerator();

    System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>One string for all objects that have an equal one: content types, names of headers, of metadata and of checksums.</summary>
internal sealed class SharedNames
{
    /// <summary>Further ones are not shared: who makes up a name for each object must not fill the memory with them.</summary>
    private const int CountMax = 4096;

    private readonly ConcurrentDictionary<string, string> _names = new(StringComparer.Ordinal);

    public string Of(string name) => _names.TryGetValue(name, out var shared) ? shared : _names.Count >= CountMax ? name : _names.GetOrAdd(name, name);

    /// <summary>Bytes of a string in memory: a header, two bytes a character, an end, in steps of eight.</summary>
    public static int BytesOf(string text) => (22 + (2 * text.Length) + 7) & ~7;
}
