using System.Xml.Linq;
using Microsoft.AspNetCore.Http.Features;
using Ocellus.Protocol;
using static Ocellus.Objects.S3Headers;
using static Ocellus.Objects.S3Xml;

namespace Ocellus.Objects;

/// <summary>Serves an <see cref="ObjectStore"/> as S3, in path style and with the bucket in the host. The caller has authenticated the request.</summary>
internal sealed class S3Endpoint(ObjectStore store, BucketRequests buckets, ObjectRequests objects, ListingRequests lists, MultipartRequests uploads, PostRequests posts)
{
    /// <summary>Headers of features that are not served. To store an object and forget them would mislead: the refusal is S3's own.</summary>
    private static readonly string[] RefusedHeaders =
    [
        "x-amz-server-side-encryption-customer-algorithm", "x-amz-copy-source-server-side-encryption-customer-algorithm",
        "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date", "x-amz-object-lock-legal-hold", "x-amz-website-redirect-location", "x-amz-write-offset-bytes",
    ];

    /// <exception cref="S3Exception">The request is refused.</exception>
    public Task HandleAsync(HttpContext http, string accountId, string region, CancellationToken cancel)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = null;
        }

        var (bucket, key) = S3Target.Of(http.Request);
        return DispatchAsync(http, bucket, key, accountId, region, cancel);
    }

    private Task DispatchAsync(HttpContext http, string bucket, string key, string accountId, string region, CancellationToken cancel)
    {
        var method = http.Request.Method;
        var query = http.Request.Query;
        if (Array.Find(RefusedHeaders, http.Request.Headers.ContainsKey) is { } header)
        {
            throw new S3Exception("NotImplemented", $"The header '{header}' implies functionality that is not implemented.");
        }

        if (http.Request.Headers["x-amz-server-side-encryption"].ToString() is not ("" or "AES256") and var encryption)
        {
            throw new S3Exception("NotImplemented", $"The header 'x-amz-server-side-encryption' with '{Readable.Cut(encryption)}' implies functionality that is not implemented.");
        }

        // The only access list that there is needs no words; others would be forgotten.
        if (http.Request.Headers["x-amz-acl"].ToString() is not ("" or "private" or "bucket-owner-full-control") || http.Request.Headers.Any(h => h.Key.StartsWith("x-amz-grant-", StringComparison.OrdinalIgnoreCase)))
        {
            throw new S3Exception("AccessControlListNotSupported", "The bucket does not allow ACLs: its owner owns every object and alone has access. Leave out x-amz-acl and x-amz-grant-*.");
        }

        if (query["versionId"].ToString() is { Length: > 0 } version && version != "null")
        {
            throw new S3Exception("NoSuchVersion", $"The specified version does not exist: '{Readable.Cut(version)}'; buckets have no versions here.");
        }

        if (bucket.Length == 0)
        {
            return method == "GET" ? buckets.ListBucketsAsync(http, accountId, cancel) : throw new S3Exception("MethodNotAllowed");
        }

        if (key.Length == 0)
        {
            if (method == "PUT" && !query.ContainsKey("cors") && !query.ContainsKey("tagging") && Subresources.Of(http.Request) is null)
            {
                return buckets.CreateBucketAsync(http, bucket, accountId, region, cancel);
            }

            var found = buckets.Owned(bucket, accountId);
            if (Subresources.Of(http.Request) is { } parameter)
            {
                return WriteAsync(http, Subresources.Answer(parameter, http.Request, onObject: false, accountId), cancel);
            }

            if (query.ContainsKey("tagging"))
            {
                throw method == "GET" ? new S3Exception("NoSuchTagSet") : new S3Exception("NotImplemented", $"{(method == "PUT" ? "Put" : "Delete")}BucketTagging is not implemented: objects have tags, buckets have none.");
            }

            switch (method)
            {
                case "GET" when query.ContainsKey("cors"):
                    return WriteAsync(http, CorsRules.Write(found.Cors ?? throw new S3Exception("NoSuchCORSConfiguration")), cancel);
                case "PUT" when query.ContainsKey("cors"):
                    return buckets.PutCorsAsync(http, bucket, cancel);
                case "DELETE" when query.ContainsKey("cors"):
                    store.SetCors(bucket, null);
                    http.Response.StatusCode = 204;
                    return Task.CompletedTask;
                case "POST" when PostForm.Of(http) is { } form:
                    return posts.PostAsync(http, bucket, form, cancel);
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
        if (Subresources.Of(http.Request) is { } feature)
        {
            var answer = Subresources.Answer(feature, http.Request, onObject: true, accountId);
            return objects.AnswerAsync(http, bucket, key, answer, cancel);
        }

        var upload = query["uploadId"].ToString();
        var copy = http.Request.Headers.ContainsKey("x-amz-copy-source");
        return method switch
        {
            "GET" when query.ContainsKey("tagging") => objects.GetTagsAsync(http, bucket, key, cancel),
            "PUT" when query.ContainsKey("tagging") => objects.PutTagsAsync(http, bucket, key, cancel),
            "DELETE" when query.ContainsKey("tagging") => objects.DeleteTagsAsync(http, bucket, key),
            "GET" when query.ContainsKey("attributes") => objects.AttributesAsync(http, bucket, key, cancel),
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
