using System.Xml.Linq;
using Microsoft.AspNetCore.Http.Features;
using Ocellus.Encodings;
using static Ocellus.Objects.S3Xml;

namespace Ocellus.Objects;

/// <summary>Serves an <see cref="ObjectStore"/> as S3, in path style and with the bucket in the host. The caller has authenticated the request.</summary>
internal sealed class S3Endpoint(ObjectStore store, BucketRequests buckets, ObjectRequests objects, ListingRequests lists, MultipartRequests uploads, PostRequests posts)
{
    private const string ExpectedOwner = "x-amz-expected-bucket-owner";

    /// <summary>Headers of features that are not served. To store an object and forget them would mislead: the refusal is S3's own.</summary>
    private static readonly string[] RefusedHeaders =
    [
        "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date", "x-amz-object-lock-legal-hold", "x-amz-website-redirect-location", "x-amz-write-offset-bytes",
    ];

    /// <summary>What the names of headers begin with that ask for encryption, of the object or of a copy's source.</summary>
    private static readonly string[] EncryptionHeaders = ["x-amz-server-side-encryption", "x-amz-copy-source-server-side-encryption"];

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

    /// <summary>Refuses what an upload asks for and the store would forget: by header, or by field of a form.</summary>
    /// <param name="names">Of all headers or fields.</param>
    /// <param name="value">The value of one of any case; empty if it is not there.</param>
    /// <exception cref="S3Exception">NotImplemented, AccessControlListNotSupported.</exception>
    public static void RefuseUnserved(IReadOnlyCollection<string> names, Func<string, string> value)
    {
        if (Array.Find(RefusedHeaders, header => names.Contains(header, StringComparer.OrdinalIgnoreCase)) is { } refused)
        {
            throw new S3Exception("NotImplemented", $"The header '{refused}' implies functionality that is not implemented.");
        }

        // Of every kind: the store encrypts nothing, and to say so is better than to seem to.
        if (names.FirstOrDefault(n => Array.Exists(EncryptionHeaders, h => n.StartsWith(h, StringComparison.OrdinalIgnoreCase)) && value(n).Length > 0) is { } encryption)
        {
            // The value of another header may be a key.
            var what = encryption.Equals(EncryptionHeaders[0], StringComparison.OrdinalIgnoreCase) ? $" with '{Readable.Cut(value(encryption))}'" : "";
            throw new S3Exception("NotImplemented", $"The header '{Readable.Cut(encryption)}'{what} asks for encryption, and this store does not encrypt what it keeps. Leave the header out; encrypt the disk or the content.");
        }

        if (value("x-amz-storage-class") is not ("" or "STANDARD") and var storage)
        {
            throw new S3Exception("InvalidStorageClass", $"The storage class you specified is not valid: '{Readable.Cut(storage)}'; there is only STANDARD.");
        }

        if (value("x-amz-bucket-object-lock-enabled").Equals("true", StringComparison.OrdinalIgnoreCase) || value("x-amz-object-ownership") is not ("" or "BucketOwnerEnforced"))
        {
            throw new S3Exception("NotImplemented", "x-amz-bucket-object-lock-enabled and x-amz-object-ownership imply functionality that is not implemented: there is no object lock, and the bucket's owner owns every object.");
        }

        // The only access list that there is needs no words; others would be forgotten.
        if (value("x-amz-acl") is not ("" or "private" or "bucket-owner-full-control") || names.Any(n => n.StartsWith("x-amz-grant-", StringComparison.OrdinalIgnoreCase)))
        {
            throw new S3Exception("AccessControlListNotSupported", "The bucket does not allow ACLs: its owner owns every object and alone has access. Leave out x-amz-acl and x-amz-grant-*.");
        }
    }

    private async Task DispatchAsync(HttpContext http, string bucket, string key, string accountId, string region, CancellationToken cancel)
    {
        RefuseUnserved([.. http.Request.Headers.Keys], name => http.Request.Headers[name].ToString());
        if (http.Request.Query["versionId"].ToString() is { Length: > 0 } version && version != "null")
        {
            throw new S3Exception("NoSuchVersion", $"The specified version does not exist: '{Readable.Cut(version)}'; buckets have no versions here.");
        }

        var operation = S3Operations.Of(http);
        if (bucket.Length == 0)
        {
            await (operation == S3Operation.ListBuckets ? buckets.ListBucketsAsync(http, accountId, cancel) : throw new S3Exception("MethodNotAllowed")).ConfigureAwait(false);
            return;
        }

        // While a large bucket is still being read, requests for it wait here, and their threads serve the others.
        await store.OpenedAsync(bucket, cancel).ConfigureAwait(false);
        await (key.Length == 0 ? OnBucketAsync(http, operation, bucket, accountId, region, cancel) : OnObjectAsync(http, operation, bucket, key, accountId, cancel)).ConfigureAwait(false);
    }

    private Task OnBucketAsync(HttpContext http, S3Operation operation, string bucket, string accountId, string region, CancellationToken cancel)
    {
        if (operation == S3Operation.CreateBucket)
        {
            return buckets.CreateBucketAsync(http, bucket, accountId, region, cancel);
        }

        var found = buckets.Owned(bucket, accountId, http.Request.Headers[ExpectedOwner].ToString());
        var query = http.Request.Query;
        switch (operation)
        {
            case S3Operation.Feature:
                return WriteAsync(http, Subresources.Answer(Subresources.Of(query)!, http.Request, onObject: false, accountId), cancel);
            case S3Operation.GetBucketTagging:
                return WriteAsync(http, ObjectTags.Write(found.Tags ?? throw new S3Exception("NoSuchTagSet")), cancel);
            case S3Operation.PutBucketTagging:
                return buckets.PutTagsAsync(http, bucket, cancel);
            case S3Operation.DeleteBucketTagging:
                store.SetBucketTags(bucket, null);
                http.Response.StatusCode = 204;
                return Task.CompletedTask;
            case S3Operation.GetBucketCors:
                return WriteAsync(http, CorsRules.Write(found.Cors ?? throw new S3Exception("NoSuchCORSConfiguration")), cancel);
            case S3Operation.PutBucketCors:
                return buckets.PutCorsAsync(http, bucket, cancel);
            case S3Operation.DeleteBucketCors:
                store.SetCors(bucket, null);
                http.Response.StatusCode = 204;
                return Task.CompletedTask;
            case S3Operation.PostObject:
                return posts.PostAsync(http, bucket, PostForm.Of(http)!, cancel);
            case S3Operation.HeadBucket:
                http.Response.Headers["x-amz-bucket-region"] = found.Region;
                return Task.CompletedTask;
            case S3Operation.DeleteBucket:
                store.DeleteBucket(bucket);
                http.Response.StatusCode = 204;
                return Task.CompletedTask;
            case S3Operation.DeleteObjects:
                return buckets.DeleteManyAsync(http, bucket, cancel);
            case S3Operation.GetBucketLocation:
                return WriteAsync(http, new XElement(Ns + "LocationConstraint", found.Region == Bucket.FirstRegion ? null : found.Region), cancel);
            case S3Operation.ListUploads:
                return lists.ListUploadsAsync(http, bucket, cancel);
            case S3Operation.ListVersions:
                return lists.ListVersionsAsync(http, bucket, cancel);
            case S3Operation.ListObjects:
                return lists.ListAsync(http, bucket, query["list-type"] == "2", cancel);
            default:
                throw new S3Exception(http.Request.Method == "POST" ? "NotImplemented" : "MethodNotAllowed");
        }
    }

    private Task OnObjectAsync(HttpContext http, S3Operation operation, string bucket, string key, string accountId, CancellationToken cancel)
    {
        buckets.Owned(bucket, accountId, http.Request.Headers[ExpectedOwner].ToString());
        ObjectNames.CheckKey(key);
        var upload = http.Request.Query["uploadId"].ToString();
        return operation switch
        {
            S3Operation.Feature => objects.AnswerAsync(http, bucket, key, Subresources.Answer(Subresources.Of(http.Request.Query)!, http.Request, onObject: true, accountId), cancel),
            S3Operation.GetObjectTagging => objects.GetTagsAsync(http, bucket, key, cancel),
            S3Operation.PutObjectTagging => objects.PutTagsAsync(http, bucket, key, cancel),
            S3Operation.DeleteObjectTagging => objects.DeleteTagsAsync(http, bucket, key),
            S3Operation.GetObjectAttributes => objects.AttributesAsync(http, bucket, key, cancel),
            S3Operation.ListParts => lists.ListPartsAsync(http, bucket, key, upload, cancel),
            S3Operation.GetObject => objects.GetAsync(http, bucket, key, cancel),
            S3Operation.PutPart => uploads.PutPartAsync(http, bucket, key, upload, accountId, cancel),
            S3Operation.CopyObject => objects.CopyAsync(http, bucket, key, accountId, cancel),
            S3Operation.PutObject => objects.PutAsync(http, bucket, key, cancel),
            S3Operation.CreateUpload => uploads.CreateUploadAsync(http, bucket, key, cancel),
            S3Operation.CompleteUpload => uploads.CompleteAsync(http, bucket, key, upload, cancel),
            S3Operation.AbortUpload => uploads.AbortAsync(http, bucket, key, upload),
            S3Operation.DeleteObject => objects.DeleteAsync(http, bucket, key, cancel),
            _ => throw new S3Exception("MethodNotAllowed"),
        };
    }
}
