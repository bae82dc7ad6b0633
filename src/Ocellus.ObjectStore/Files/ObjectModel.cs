using System.Text.Json.Serialization;
using Ocellus.Wire;

namespace Ocellus.Objects.Files;

/// <summary>A bucket and the account and region it belongs to.</summary>
/// <remarks>
/// One server is the endpoint of every region, so a bucket is served whichever region a request is signed for: a redirect would
/// lead back to the same address. The bucket keeps its region and tells it (HeadBucket, GetBucketLocation, ListBuckets).
/// </remarks>
internal sealed record Bucket(string Name, string AccountId, string Region, DateTimeOffset CreationDate)
{
    /// <summary>The region whose name S3 leaves out.</summary>
    public const string FirstRegion = "us-east-1";

    /// <summary>
    /// The region it was made in. Buckets of earlier versions may have been made in what is no region and no header or document can carry: they are in the
    /// first. One that is missing stays so, for the description is damaged.
    /// </summary>
    public string Region { get; init; } = Region is null || Regions.IsName(Region) ? Region! : FirstRegion;

    /// <summary>Rules for pages of other origins; null if there are none.</summary>
    public IReadOnlyList<CorsRule>? Cors { get; init; }

    /// <summary>Tags of the bucket itself; null if there are none.</summary>
    public Dictionary<string, string>? Tags { get; init; }
}

/// <summary>What is stored beside an object's bytes. <see cref="ETag"/> is unquoted; checksums are base64.</summary>
internal sealed record ObjectInfo
{
    public const string DefaultContentType = "binary/octet-stream";

    public required string Key { get; init; }
    public required long Size { get; init; }
    public required string ETag { get; init; }
    public required DateTimeOffset LastModified { get; init; }
    public string ContentType { get; init; } = DefaultContentType;
    public Dictionary<string, string> UserMetadata { get; init; } = [];

    /// <summary>Headers that are returned as they came: Cache-Control, Content-Encoding and the like.</summary>
    public Dictionary<string, string> Headers { get; init; } = [];
    public Dictionary<string, string> Checksums { get; init; } = [];
    public string? ChecksumType { get; init; }
    public Dictionary<string, string> Tags { get; init; } = [];

    /// <summary>The parts that it was uploaded in, in order; null if it came whole.</summary>
    public IReadOnlyList<ObjectPart>? Parts { get; init; }

    /// <summary>The upload in parts that made it, by which a completion that is sent again is known; null if it came whole.</summary>
    public string? UploadId { get; init; }

    /// <summary>Name of the data file, which changes with every write, so that metadata and data never mix.</summary>
    public required string DataFile { get; init; }
}

/// <summary>How an object is written.</summary>
internal sealed record PutOptions
{
    public string? ContentType { get; init; }
    public Dictionary<string, string> UserMetadata { get; init; } = [];
    public Dictionary<string, string> Headers { get; init; } = [];

    /// <summary>Checksums to compute and keep, besides MD5.</summary>
    public IReadOnlyCollection<string> Algorithms { get; init; } = [];

    /// <summary>Checksums to compute for <see cref="Verify"/> and not to keep.</summary>
    public IReadOnlyCollection<string> OnlyVerified { get; init; } = [];

    /// <summary>Called when the bytes are on disk and before they become visible; it throws to refuse them.</summary>
    public Action<ObjectDigests>? Verify { get; init; }

    /// <summary>Most bytes of the content.</summary>
    public long LengthMax { get; init; } = ObjectStore.MaxObjectBytes;

    /// <summary>Refuse to replace an existing object.</summary>
    public bool OnlyIfAbsent { get; init; }

    /// <summary>Refuse unless the object there now has this ETag (or any, for "*").</summary>
    public string? OnlyIfETag { get; init; }

    /// <summary>Replaces the MD5 as ETag (multipart uploads).</summary>
    public string? ETag { get; init; }
    public Dictionary<string, string>? Checksums { get; init; }
    public string? ChecksumType { get; init; }
    public Dictionary<string, string> Tags { get; init; } = [];
    public IReadOnlyList<ObjectPart>? Parts { get; init; }
    public string? UploadId { get; init; }
}

/// <summary>A part that an object was made of. Checksums are base64 by name.</summary>
internal sealed record ObjectPart(int Number, long Size, Dictionary<string, string> Checksums);

/// <summary>Digests of the bytes that were read: MD5 in hex and in base64, the others in base64 by name.</summary>
internal sealed record ObjectDigests(long Length, byte[] Md5, IReadOnlyDictionary<string, byte[]> Values)
{
    /// <summary>Some of the others, in base64.</summary>
    public Dictionary<string, string> Kept(IReadOnlyCollection<string> names) =>
        Values.Where(v => names.Contains(v.Key)).ToDictionary(v => v.Key, v => Convert.ToBase64String(v.Value));
}

internal sealed record UploadInfo
{
    public required string Id { get; init; }
    public required string Key { get; init; }
    public required DateTimeOffset Initiated { get; init; }
    public string? ContentType { get; init; }
    public Dictionary<string, string> UserMetadata { get; init; } = [];
    public Dictionary<string, string> Headers { get; init; } = [];
    public string? Algorithm { get; init; }
    public string? ChecksumType { get; init; }
    public Dictionary<string, string> Tags { get; init; } = [];
}

/// <summary>A part as the completion of its upload names it. Checksums are base64 by name; those not given are not compared.</summary>
internal sealed record WantedPart(int Number, string ETag, IReadOnlyDictionary<string, string> Checksums);

internal sealed record PartInfo(
    int Number, long Size, string ETag, DateTimeOffset LastModified, Dictionary<string, string> Checksums, string DataFile);

/// <summary>One page of a listing. <see cref="Next"/> is the last key or prefix given, when more follow.</summary>
internal sealed record ObjectPage(IReadOnlyList<ObjectInfo> Objects, IReadOnlyList<string> Prefixes, string? Next);

[JsonSerializable(typeof(Bucket))]
[JsonSerializable(typeof(ObjectInfo))]
[JsonSerializable(typeof(UploadInfo))]
[JsonSerializable(typeof(PartInfo))]
[JsonSerializable(typeof(string))]
internal sealed partial class ObjectJson : JsonSerializerContext;
