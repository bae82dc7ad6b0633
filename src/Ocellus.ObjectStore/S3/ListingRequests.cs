using System.Text;
using System.Xml.Linq;
using Ocellus.Encodings;
using Ocellus.Objects.Files;
using static Ocellus.Objects.S3.S3Headers;
using static Ocellus.Objects.S3.S3Xml;

namespace Ocellus.Objects.S3;

/// <summary>Lists objects, uploads and parts.</summary>
internal sealed class ListingRequests(ObjectStore store)
{
    public Task ListAsync(S3Request request, bool v2, CancellationToken cancel)
    {
        var encode = Encoder(request.Parameter("encoding-type"));
        var prefix = request.Parameter("prefix");
        var delimiter = NullIfEmpty(request.Parameter("delimiter"));
        var max = Count(request.Parameter("max-keys"));
        // An empty token is echoed like any other, and starts from the beginning.
        var token = v2 && request.Query.TryGetValue("continuation-token", out var sent) ? sent.ToString() : null;
        var start = NullIfEmpty(request.Parameter(v2 ? "start-after" : "marker"));
        var page = store.List(request.Bucket, prefix, delimiter, string.IsNullOrEmpty(token) ? start : FromToken(token), max);
        var owner = !v2 || request.Parameter("fetch-owner") == "true" ? store.FindBucket(request.Bucket)?.AccountId : null;
        var result = new XElement(Ns + "ListBucketResult",
            new XElement(Ns + "Name", request.Bucket), new XElement(Ns + "Prefix", encode(prefix)),
            new XElement(Ns + "MaxKeys", max), new XElement(Ns + "IsTruncated", page.Next is not null),
            delimiter is null ? null : new XElement(Ns + "Delimiter", encode(delimiter)),
            encode("/ ") == "/ " ? null : new XElement(Ns + "EncodingType", "url"));
        if (v2)
        {
            result.Add(new XElement(Ns + "KeyCount", page.Objects.Count + page.Prefixes.Count),
                token is null ? null : new XElement(Ns + "ContinuationToken", token),
                start is null ? null : new XElement(Ns + "StartAfter", encode(start)),
                page.Next is null ? null : new XElement(Ns + "NextContinuationToken", ToToken(page.Next)));
        }
        else
        {
            result.Add(new XElement(Ns + "Marker", encode(start ?? "")),
                page.Next is null || delimiter is null ? null : new XElement(Ns + "NextMarker", encode(page.Next)));
        }

        result.Add(page.Objects.Select(o => new XElement(Ns + "Contents",
            new XElement(Ns + "Key", encode(o.Key)), new XElement(Ns + "LastModified", Iso(o.LastModified)),
            new XElement(Ns + "ETag", Quote(o.ETag)), o.Checksums.Keys.Select(c => new XElement(Ns + "ChecksumAlgorithm", c.ToUpperInvariant())),
            new XElement(Ns + "Size", o.Size), owner is null ? null : Owner(owner), new XElement(Ns + "StorageClass", "STANDARD"))));
        result.Add(page.Prefixes.Select(p => new XElement(Ns + "CommonPrefixes", new XElement(Ns + "Prefix", encode(p)))));
        return WriteAsync(request.Response, result, cancel);
    }

    /// <summary>Lists every object as its only version, like an unversioned bucket of S3.</summary>
    public Task ListVersionsAsync(S3Request request, CancellationToken cancel)
    {
        var encode = Encoder(request.Parameter("encoding-type"));
        var prefix = request.Parameter("prefix");
        var delimiter = NullIfEmpty(request.Parameter("delimiter"));
        var max = Count(request.Parameter("max-keys"));
        var (keyMarker, versionMarker) = (request.Parameter("key-marker"), request.Parameter("version-id-marker"));
        if (versionMarker.Length > 0 && (keyMarker.Length == 0 || versionMarker != "null"))
        {
            throw new S3Exception(
                "InvalidArgument",
                keyMarker.Length == 0
                    ? "A version-id marker cannot be specified without a key marker."
                    : $"Invalid version id specified: '{Readable.Truncate(versionMarker)}'; buckets have no versions here.");
        }

        // The only version of the marker's key was the last item of the previous page.
        var page = store.List(request.Bucket, prefix, delimiter, NullIfEmpty(keyMarker), max);
        var owner = store.FindBucket(request.Bucket)?.AccountId ?? "";
        return WriteAsync(request.Response, new XElement(Ns + "ListVersionsResult",
            new XElement(Ns + "Name", request.Bucket), new XElement(Ns + "Prefix", encode(prefix)),
            new XElement(Ns + "KeyMarker", encode(keyMarker)), new XElement(Ns + "VersionIdMarker", versionMarker),
            page.Next is null ? null : new XElement(Ns + "NextKeyMarker", encode(page.Next)),
            page.Next is null || page.Prefixes.Contains(page.Next) ? null : new XElement(Ns + "NextVersionIdMarker", "null"),
            new XElement(Ns + "MaxKeys", max), delimiter is null ? null : new XElement(Ns + "Delimiter", encode(delimiter)),
            encode("/ ") == "/ " ? null : new XElement(Ns + "EncodingType", "url"), new XElement(Ns + "IsTruncated", page.Next is not null),
            page.Objects.Select(o => new XElement(Ns + "Version",
                new XElement(Ns + "Key", encode(o.Key)), new XElement(Ns + "VersionId", "null"), new XElement(Ns + "IsLatest", true),
                new XElement(Ns + "LastModified", Iso(o.LastModified)), new XElement(Ns + "ETag", Quote(o.ETag)),
                o.Checksums.Keys.Select(c => new XElement(Ns + "ChecksumAlgorithm", c.ToUpperInvariant())),
                new XElement(Ns + "Size", o.Size), Owner(owner), new XElement(Ns + "StorageClass", "STANDARD"))),
            page.Prefixes.Select(p => new XElement(Ns + "CommonPrefixes", new XElement(Ns + "Prefix", encode(p))))), cancel);
    }

    public Task ListPartsAsync(S3Request request, CancellationToken cancel)
    {
        var max = Count(request.Parameter("max-parts"));
        var marker = Number(request.Parameter("part-number-marker"), 0);
        var (shown, more) = store.Uploads.Parts(request.Bucket, request.Key, request.UploadId, marker, max);
        return WriteAsync(request.Response, new XElement(Ns + "ListPartsResult",
            new XElement(Ns + "Bucket", request.Bucket), new XElement(Ns + "Key", request.Key),
            new XElement(Ns + "UploadId", request.UploadId), new XElement(Ns + "PartNumberMarker", marker),
            new XElement(Ns + "NextPartNumberMarker", shown.Count > 0 ? shown[^1].Number : 0), new XElement(Ns + "MaxParts", max),
            new XElement(Ns + "IsTruncated", more), new XElement(Ns + "StorageClass", "STANDARD"),
            shown.Select(p => new XElement(Ns + "Part", new XElement(Ns + "PartNumber", p.Number), new XElement(Ns + "LastModified", Iso(p.LastModified)),
                new XElement(Ns + "ETag", Quote(p.ETag)), new XElement(Ns + "Size", p.Size), ChecksumElements(p.Checksums)))), cancel);
    }

    public Task ListUploadsAsync(S3Request request, CancellationToken cancel)
    {
        var encode = Encoder(request.Parameter("encoding-type"));
        var delimiter = NullIfEmpty(request.Parameter("delimiter"));
        var prefix = request.Parameter("prefix");
        var max = Count(request.Parameter("max-uploads"));
        var (keyMarker, idMarker) = (request.Parameter("key-marker"), request.Parameter("upload-id-marker"));
        var page = store.Uploads.List(request.Bucket, prefix, delimiter, keyMarker, idMarker, max);
        return WriteAsync(request.Response, new XElement(Ns + "ListMultipartUploadsResult", new XElement(Ns + "Bucket", request.Bucket),
            new XElement(Ns + "KeyMarker", encode(keyMarker)), new XElement(Ns + "UploadIdMarker", idMarker),
            page.Next is null ? null : new XElement(Ns + "NextKeyMarker", encode(page.Next)),
            page.Next is null || page.NextIsPrefix ? null : new XElement(Ns + "NextUploadIdMarker", page.Items[^1].Id),
            new XElement(Ns + "Prefix", encode(prefix)), delimiter is null ? null : new XElement(Ns + "Delimiter", encode(delimiter)),
            new XElement(Ns + "MaxUploads", max), new XElement(Ns + "IsTruncated", page.Next is not null),
            encode("/ ") == "/ " ? null : new XElement(Ns + "EncodingType", "url"),
            page.Items.Select(u => new XElement(Ns + "Upload",
                new XElement(Ns + "Key", encode(u.Key)), new XElement(Ns + "UploadId", u.Id), new XElement(Ns + "StorageClass", "STANDARD"),
                u.Algorithm is null ? null : new XElement(Ns + "ChecksumAlgorithm", u.Algorithm.ToUpperInvariant()),
                new XElement(Ns + "Initiated", Iso(u.Initiated)))),
            page.Prefixes.Select(p => new XElement(Ns + "CommonPrefixes", new XElement(Ns + "Prefix", encode(p))))), cancel);
    }

    private static Func<string, string> Encoder(string type) => type switch
    {
        "" => s => s,
        "url" => s => Uri.EscapeDataString(s).Replace("%2F", "/", StringComparison.Ordinal),
        _ => throw new S3Exception("InvalidArgument", $"Invalid Encoding Method specified in Request: '{Readable.Truncate(type)}'; it can be url."),
    };

    public static string ToToken(string last) => Convert.ToBase64String(Encoding.UTF8.GetBytes(last));

    /// <exception cref="S3Exception">InvalidArgument: not a token of a listing.</exception>
    public static string FromToken(string token)
    {
        var buffer = new byte[token.Length];
        return (Convert.TryFromBase64String(token, buffer, out var length) ? HeaderText.Utf8(buffer.AsSpan(0, length)) : null)
            ?? throw new S3Exception("InvalidArgument", $"The continuation token provided is incorrect: '{Readable.Truncate(token)}'.");
    }

    private static int Count(string text) => (int)Math.Min(1000, Number(text, 1000));
}
