using System.Text.Json.Serialization;
using Ocellus.Wire;

namespace Ocellus.Objects.Files;

/// <summary>A bucket, and the account and region that it belongs to.</summary>
/// <remarks>
/// The server is the endpoint of every region, so a bucket is served for any region that a request is signed for: a redirect would lead back to the same
/// address. HeadBucket, GetBucketLocation and ListBuckets return the bucket's own region.
/// </remarks>
internal sealed record Bucket(string Name, string AccountId, string Region, DateTimeOffset CreationDate)
{
    /// <summary>The region whose name S3 omits.</summary>
    public const string FirstRegion = "us-east-1";

    /// <summary>
    /// The region it was created in. Early versions accepted regions whose names are unsafe in headers and documents; such buckets count as in the first
    /// region. A missing region stays null, because the description is damaged.
    /// </summary>
    public string Region { get; init; } = Region is null || Regions.IsName(Region) ? Region! : FirstRegion;

    /// <summary>CORS rules; null if there are none.</summary>
    public IReadOnlyList<CorsRule>? Cors { get; init; }

    /// <summary>Tags of the bucket itself; null if there are none.</summary>
    public Dictionary<string, string>? Tags { get; init; }
}

/// <summary>The metadata of an object. <see cref="ETag"/> is unquoted; checksums are base64.</summary>
internal sealed record ObjectInfo
{
    public const string DefaultContentType = "binary/octet-stream";

    public required string Key { get; init; }
    public required long Size { get; init; }
    public required string ETag { get; init; }
    public required DateTimeOffset LastModified { get; init; }
    public string ContentType { get; init; } = DefaultContentType;
    public Dictionary<string, string> UserMetadata { get; init; } = [];

    /// <summary>Headers that are returned unchanged: Cache-Control, Content-Encoding and the like.</summary>
    public Dictionary<string, string> Headers { get; init; } = [];
    public Dictionary<string, string> Checksums { get; init; } = [];
    public string? ChecksumType { get; init; }
    public Dictionary<string, string> Tags { get; init; } = [];

    /// <summary>Its parts, in order; null if it was not uploaded in parts.</summary>
    public IReadOnlyList<ObjectPart>? Parts { get; init; }

    /// <summary>The multipart upload that created it, which identifies repeated completions; null if it was not uploaded in parts.</summary>
    public string? UploadId { get; init; }

    /// <summary>Name of the data file. It changes with every write, so that metadata and data always match.</summary>
    public required string DataFile { get; init; }
}

/// <summary>How an object is written.</summary>
internal sealed record PutOptions
{
    public string? ContentType { get; init; }
    public Dictionary<string, string> UserMetadata { get; init; } = [];
    public Dictionary<string, string> Headers { get; init; } = [];

    /// <summary>Checksums to compute and store, besides MD5.</summary>
    public IReadOnlyCollection<string> Algorithms { get; init; } = [];

    /// <summary>Checksums to compute for <see cref="Verify"/> only.</summary>
    public IReadOnlyCollection<string> OnlyVerified { get; init; } = [];

    /// <summary>Called when the bytes are on disk, before they become visible. Throws to refuse them.</summary>
    public Action<ObjectDigests>? Verify { get; init; }

    /// <summary>Maximum bytes of the content.</summary>
    public long LengthMax { get; init; } = ObjectStore.MaxObjectBytes;

    /// <summary>Refuses to replace an existing object.</summary>
    public bool OnlyIfAbsent { get; init; }

    /// <summary>Refuses unless the existing object has this ETag ("*" for any).</summary>
    public string? OnlyIfETag { get; init; }

    /// <summary>Replaces the MD5 as ETag (multipart uploads).</summary>
    public string? ETag { get; init; }
    public Dictionary<string, string>? Checksums { get; init; }
    public string? ChecksumType { get; init; }
    public Dictionary<string, string> Tags { get; init; } = [];
    public IReadOnlyList<ObjectPart>? Parts { get; init; }
    public string? UploadId { get; init; }
}

/// <summary>A part of an object. Checksums are in base64 by name.</summary>
internal sealed record ObjectPart(int Number, long Size, Dictionary<string, string> Checksums);

/// <summary>Digests of an object's bytes: MD5, and checksums by name.</summary>
internal sealed record ObjectDigests(long Length, byte[] Md5, IReadOnlyDictionary<string, byte[]> Values)
{
    /// <summary>The named checksums, in base64.</summary>
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

/// <summary>A part as named when its upload is completed. Checksums are in base64 by name; absent ones are not compared.</summary>
internal sealed record WantedPart(int Number, string ETag, IReadOnlyDictionary<string, string> Checksums);

internal sealed record PartInfo(
    int Number, long Size, string ETag, DateTimeOffset LastModified, Dictionary<string, string> Checksums, string DataFile);

/// <summary>One page of a listing. <see cref="Next"/> is the last key or prefix of the page if more follow; otherwise null.</summary>
internal sealed record ObjectPage(IReadOnlyList<ObjectInfo> Objects, IReadOnlyList<string> Prefixes, string? Next);

[JsonSerializable(typeof(Bucket))]
[JsonSerializable(typeof(ObjectInfo))]
[JsonSerializable(typeof(UploadInfo))]
[JsonSerializable(typeof(PartInfo))]
[JsonSerializable(typeof(string))]
internal sealed partial class ObjectJson : JsonSerializerContext;
