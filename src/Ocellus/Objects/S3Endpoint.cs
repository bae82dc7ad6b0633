using System.Xml.Linq;
using Microsoft.AspNetCore.Http.Features;
using static Ocellus.Objects.S3Headers;
using static Ocellus.Objects.S3Xml;

namespace Ocellus.Objects;

/// <summary>Serves an <see cref="ObjectStore"/> as S3 in path style. The caller has authenticated the request.</summary>
internal sealed class S3Endpoint(ObjectStore store, BucketRequests buckets, ObjectRequests objects, ListingRequests lists, MultipartRequests uploads)
{
    /// <summary>Sub-resources that are refused as a whole.</summary>
    private static readonly string[] Unsupported =
    [
        "accelerate", "acl", "analytics", "attributes", "cors", "encryption", "intelligent-tiering", "inventory", "legal-hold",
        "lifecycle", "logging", "metrics", "notification", "object-lock", "ownershipControls", "policy", "policyStatus",
        "publicAccessBlock", "replication", "requestPayment", "restore", "retention", "select", "tagging", "torrent",
        "versioning", "versions", "website", "versionId", "renameObject",
    ];

    /// <summary>Headers of features that are not served. To store an object and forget them would mislead: the refusal is S3's own.</summary>
    private static readonly string[] RefusedHeaders =
    [
        "x-amz-server-side-encryption-customer-algorithm", "x-amz-copy-source-server-side-encryption-customer-algorithm", "x-amz-tagging",
        "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date", "x-amz-object-lock-legal-hold", "x-amz-website-redirect-location", "x-amz-write-offset-bytes",
    ];

    /// <exception cref="S3Exception">The request is refused.</exception>
    public Task HandleAsync(HttpContext http, string accountId, string region, CancellationToken cancel)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = null;
        }

        var (bucket, key) = Target(http);
        return DispatchAsync(http, bucket, key, accountId, region, cancel);
    }

    /// <summary>Bucket and key of a request in path style; each may be empty.</summary>
    /// <remarks>From the raw target, because the server's decoded path has its dot segments removed and keeps %2F.</remarks>
    public static (string Bucket, string Key) Target(HttpContext http)
    {
        var raw = http.Features.Get<IHttpRequestFeature>()?.RawTarget;
        if (string.IsNullOrEmpty(raw) || raw[0] != '/')
        {
            raw = http.Request.Path.ToUriComponent();
        }

        var path = raw.Split('?', 2)[0].TrimStart('/');
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        return slash < 0
            ? (Uri.UnescapeDataString(path), "")
            : (Uri.UnescapeDataString(path[..slash]), Uri.UnescapeDataString(path[(slash + 1)..]));
    }

    private Task DispatchAsync(HttpContext http, string bucket, string key, string accountId, string region, CancellationToken cancel)
    {
        var method = http.Request.Method;
        var query = http.Request.Query;
        if (Array.Find(Unsupported, query.ContainsKey) is { } resource)
        {
            throw new S3Exception("NotImplemented", $"The parameter '{resource}' implies functionality that is not implemented.");
        }

        if (Array.Find(RefusedHeaders, http.Request.Headers.ContainsKey) is { } header)
        {
            throw new S3Exception("NotImplemented", $"The header '{header}' implies functionality that is not implemented.");
        }

        if (bucket.Length == 0)
        {
            return method == "GET" ? buckets.ListBucketsAsync(http, accountId, cancel) : throw new S3Exception("MethodNotAllowed");
        }

        if (key.Length == 0)
        {
            if (method == "PUT")
            {
                return buckets.CreateBucketAsync(http, bucket, accountId, region, cancel);
            }

            var found = buckets.Owned(bucket, accountId);
            switch (method)
            {
                case "HEAD":
                    http.Response.Headers["x-amz-bucket-region"] = found.Region;
                    return Task.CompletedTask;
                case "DELETE":
                    store.DeleteBucket(bucket);
                    http.Response.StatusCode = 204;
                    return Task.CompletedTask;
                case "POST" when query.ContainsKey("delete"):
                    return buckets.DeleteManyAsync(http, bucket, cancel);
                case "GET" when query.ContainsKey("location"):
                    return WriteAsync(http, new XElement(Ns + "LocationConstraint", found.Region == Bucket.FirstRegion ? null : found.Region), cancel);
                case "GET" when query.ContainsKey("uploads"):
                    return lists.ListUploadsAsync(http, bucket, cancel);
                case "GET":
                    return lists.ListAsync(http, bucket, query["list-type"] == "2", cancel);
                default:
                    throw new S3Exception(method == "POST" ? "NotImplemented" : "MethodNotAllowed");
            }
        }

        buckets.Owned(bucket, accountId);
        ObjectNames.CheckKey(key);
        var upload = query["uploadId"].ToString();
        var copy = http.Request.Headers.ContainsKey("x-amz-copy-source");
        return method switch
        {
            "GET" when upload.Length > 0 => lists.ListPartsAsync(http, bucket, key, upload, cancel),
            "GET" or "HEAD" => objects.GetAsync(http, bucket, key, cancel),
            "PUT" when upload.Length > 0 => uploads.PutPartAsync(http, bucket, key, upload, accountId, cancel),
            "PUT" when copy => objects.CopyAsync(http, bucket, key, accountId, cancel),
            "PUT" => objects.PutAsync(http, bucket, key, cancel),
            "POST" when query.ContainsKey("uploads") => uploads.CreateUploadAsync(http, bucket, key, cancel),
            "POST" when upload.Length > 0 => uploads.CompleteAsync(http, bucket, key, upload, cancel),
            "DELETE" when upload.Length > 0 => uploads.AbortAsync(http, bucket, key, upload),
            "DELETE" => objects.DeleteAsync(http, bucket, key, cancel),
            _ => throw new S3Exception("MethodNotAllowed"),
        };
    }
}
