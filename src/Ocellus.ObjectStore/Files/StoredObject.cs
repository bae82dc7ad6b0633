using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Globalization;

namespace Ocellus.Objects.Files;

/// <summary>
/// An object in the index: the content of <see cref="ObjectInfo"/> in a fifth of its memory. Digests are numbers, tables are flat, names that many objects use
/// are shared strings, and absent members cost nothing.
/// </summary>
internal sealed class StoredObject
{
    /// <summary>Bytes of this object and its node in the index, in the 64-bit runtime.</summary>
    private const int OwnBytes = 96 + 48;

    private readonly UInt128 _md5;
    private readonly Guid _data;
    private readonly long _modifiedTicks;
    // 0: the ETag is the MD5 of an object that was not uploaded in parts.
    private readonly int _etagParts;
    private readonly Optional? _optional;

    private StoredObject(string key) => Key = key;

    /// <param name="info">A description validated by <see cref="Descriptions"/>.</param>
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
        _optional = Optional.Of(info, names);
        Bytes = OwnBytes + SharedNames.BytesOf(Key) + (_optional?.Bytes ?? 0);
    }

    /// <summary>Compares by key only.</summary>
    public static IComparer<StoredObject> ByKey { get; } = Comparer<StoredObject>.Create((a, b) => Utf8Order.Keys.Compare(a.Key, b.Key));

    public static ImmutableSortedSet<StoredObject> None { get; } = ImmutableSortedSet.Create(ByKey);

    public string Key { get; }

    public long Size { get; }

    /// <summary>Its memory in bytes, estimated.</summary>
    public int Bytes { get; }

    public string DataFile => $"{ObjectFiles.Hash(Key)}.{_data:N}.data";

    /// <summary>An object to search the index with.</summary>
    public static StoredObject Probe(string key) => new(key);

    public ObjectInfo ToInfo() => new()
    {
        Key = Key,
        Size = Size,
        ETag = _etagParts == 0 ? $"{_md5:x32}" : string.Create(CultureInfo.InvariantCulture, $"{_md5:x32}-{_etagParts}"),
        LastModified = new DateTimeOffset(_modifiedTicks, TimeSpan.Zero),
        ContentType = _optional?.ContentType ?? ObjectInfo.DefaultContentType,
        ChecksumType = _optional?.ChecksumType,
        UserMetadata = Table(_optional?.UserMetadata),
        Headers = Table(_optional?.Headers),
        Checksums = Table(_optional?.Checksums),
        Tags = Table(_optional?.Tags),
        Parts = _optional?.Parts,
        UploadId = _optional?.UploadId?.ToString("N"),
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

    /// <summary>Members that not every object has. Tables alternate names and values; null is an empty table.</summary>
    private sealed class Optional
    {
        private Optional(ObjectInfo info, SharedNames names)
        {
            ContentType = names.Of(info.ContentType);
            ChecksumType = info.ChecksumType is null ? null : names.Of(info.ChecksumType);
            UserMetadata = Flat(info.UserMetadata, names);
            Headers = Flat(info.Headers, names);
            Checksums = Flat(info.Checksums, names);
            Tags = Flat(info.Tags, names);
            Parts = info.Parts is null ? null : new PartTable(info.Parts, names);
            // Only needed for multipart uploads, to recognize repeated completions.
            UploadId = Parts is not null && Guid.TryParseExact(info.UploadId, "N", out var upload) ? upload : null;
            // Names count too, because not all of them are shared.
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

        public static Optional? Of(ObjectInfo info, SharedNames names) =>
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

/// <summary>The parts of an object in flat arrays: ten thousand parts with a dictionary each would take megabytes.</summary>
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

/// <summary>Shares equal strings between objects: content types, and names of headers, metadata and checksums.</summary>
internal sealed class SharedNames
{
    /// <summary>Further names are not shared: a client with a new name for each object must not fill the memory.</summary>
    private const int CountMax = 4096;

    private readonly ConcurrentDictionary<string, string> _names = new(StringComparer.Ordinal);

    public string Of(string name) => _names.TryGetValue(name, out var shared) ? shared : _names.Count >= CountMax ? name : _names.GetOrAdd(name, name);

    /// <summary>Bytes of a string in memory: header, two bytes per character and terminator, rounded up to eight.</summary>
    public static int BytesOf(string text) => (22 + (2 * text.Length) + 7) & ~7;
}
