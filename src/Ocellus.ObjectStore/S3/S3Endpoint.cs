using System.Xml.Linq;
using Microsoft.AspNetCore.Http.Features;
using Ocellus.Encodings;
using Ocellus.Objects.Files;
using static Ocellus.Objects.S3.S3Xml;

namespace Ocellus.Objects.S3;

/// <summary>Serves an <see cref="ObjectStore"/> as S3, in path style and virtual-host style. Requests have been authenticated.</summary>
internal sealed class S3Endpoint(
    ObjectStore store, BucketRequests buckets, ObjectRequests objects, ListingRequests lists, MultipartRequests uploads, PostRequests posts)
{
    /// <summary>Headers of unsupported features. Ignoring them would mislead; S3 has its own error for them.</summary>
    private static readonly string[] _refusedHeaders =
    [
        "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date", "x-amz-object-lock-legal-hold", "x-amz-website-redirect-location",
        "x-amz-write-offset-bytes",
    ];

    /// <summary>Prefixes of headers that request encryption, of the object or of a copy's source.</summary>
    private static readonly string[] _encryptionHeaders = ["x-amz-server-side-encryption", "x-amz-copy-source-server-side-encryption"];

    /// <summary>Refuses headers or form fields of an upload that the store would ignore.</summary>
    /// <param name="names">Names of all headers or fields.</param>
    /// <param name="value">The value by name, not case-sensitive; empty if absent.</param>
    /// <exception cref="S3Exception">NotImplemented, AccessControlListNotSupported.</exception>
    public static void RefuseUnsupported(IReadOnlyCollection<string> names, Func<string, string> value)
    {
        if (Array.Find(_refusedHeaders, header => names.Contains(header, StringComparer.OrdinalIgnoreCase)) is { } refused)
        {
            throw new S3Exception("NotImplemented", $"The header '{refused}' implies functionality that is not implemented.");
        }

        // Every kind is refused: the store does not encrypt, and must not seem to.
        if (names.FirstOrDefault(
            n => Array.Exists(_encryptionHeaders, h => n.StartsWith(h, StringComparison.OrdinalIgnoreCase)) && value(n).Length > 0) is { } encryption)
        {
            // Only this header's value is repeated: the others may contain a key.
            var what = encryption.Equals(_encryptionHeaders[0], StringComparison.OrdinalIgnoreCase) ? $" with '{Readable.Truncate(value(encryption))}'" : "";
            throw new S3Exception(
                "NotImplemented",
                $"The header '{Readable.Truncate(encryption)}'{what} requests encryption, but this store does not encrypt objects. Omit the header; "
                    + $"encrypt the disk or the content.");
        }

        if (value("x-amz-storage-class") is not ("" or "STANDARD") and var storage)
        {
            throw new S3Exception(
                "InvalidStorageClass", $"The storage class you specified is not valid: '{Readable.Truncate(storage)}'; there is only STANDARD.");
        }

        if (value("x-amz-bucket-object-lock-enabled").Equals("true", StringComparison.OrdinalIgnoreCase)
            || value("x-amz-object-ownership") is not ("" or "BucketOwnerEnforced"))
        {
            throw new S3Exception(
                "NotImplemented",
                "x-amz-bucket-object-lock-enabled and x-amz-object-ownership imply functionality that is not implemented: there is no object lock, and the "
                    + "bucket's owner owns every object.");
        }

        // Accepts only the access lists that match the actual access; others would be ignored.
        if (value("x-amz-acl") is not ("" or "private" or "bucket-owner-full-control")
            || names.Any(n => n.StartsWith("x-amz-grant-", StringComparison.OrdinalIgnoreCase)))
        {
            throw new S3Exception(
                "AccessControlListNotSupported",
                "The bucket does not allow ACLs: its owner owns every object and alone has access. Leave out x-amz-acl and x-amz-grant-*.");
        }
    }

    /// <exception cref="S3Exception">The request is refused.</exception>
    public async Task HandleAsync(S3Request request, CancellationToken cancel)
    {
        if (request.Http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = null;
        }

        RefuseUnsupported([.. request.Headers.Keys], name => request.Header(name));
        if (request.Parameter("versionId") is { Length: > 0 } version && version != "null")
        {
            throw new S3Exception("NoSuchVersion", $"The specified version does not exist: '{Readable.Truncate(version)}'; buckets have no versions here.");
        }

        if (request.Bucket.Length == 0)
        {
            await (request.Operation == S3Operation.ListBuckets ? buckets.ListBucketsAsync(request, cancel) : throw new S3Exception("MethodNotAllowed"))
                .ConfigureAwait(false);
            return;
        }

        // Requests for a bucket that is still being read wait here, without blocking threads.
        await store.OpenedAsync(request.Bucket, cancel).ConfigureAwait(false);
        await (request.Key.Length == 0 ? OnBucketAsync(request, cancel) : OnObjectAsync(request, cancel)).ConfigureAwait(false);
    }

    private Task OnBucketAsync(S3Request request, CancellationToken cancel)
    {
        if (request.Operation == S3Operation.CreateBucket)
        {
            return buckets.CreateBucketAsync(request, cancel);
        }

        var found = buckets.Owned(request);
        switch (request.Operation)
        {
            case S3Operation.Feature:
                return WriteAsync(
                    request.Response, Subresources.Answer(Subresources.Of(request.Query)!, request.Method, onObject: false, request.AccountId), cancel);
            case S3Operation.GetBucketTagging:
                return WriteAsync(request.Response, ObjectTags.Write(found.Tags ?? throw new S3Exception("NoSuchTagSet")), cancel);
            case S3Operation.PutBucketTagging:
                return buckets.PutTagsAsync(request, cancel);
            case S3Operation.DeleteBucketTagging:
                store.SetBucketTags(request.Bucket, null);
                return request.NoContent();
            case S3Operation.GetBucketCors:
                return WriteAsync(request.Response, CorsRules.Write(found.Cors ?? throw new S3Exception("NoSuchCORSConfiguration")), cancel);
            case S3Operation.PutBucketCors:
                return buckets.PutCorsAsync(request, cancel);
            case S3Operation.DeleteBucketCors:
                store.SetCors(request.Bucket, null);
                return request.NoContent();
            case S3Operation.PostObject:
                return posts.PostAsync(request, cancel);
            case S3Operation.HeadBucket:
                request.Response.Headers["x-amz-bucket-region"] = found.Region;
                return Task.CompletedTask;
            case S3Operation.DeleteBucket:
                store.DeleteBucket(request.Bucket);
                return request.NoContent();
            case S3Operation.DeleteObjects:
                return buckets.DeleteManyAsync(request, cancel);
            case S3Operation.GetBucketLocation:
                return WriteAsync(request.Response, new XElement(Ns + "LocationConstraint", found.Region == Bucket.FirstRegion ? null : found.Region), cancel);
            case S3Operation.ListUploads:
                return lists.ListUploadsAsync(request, cancel);
            case S3Operation.ListVersions:
                return lists.ListVersionsAsync(request, cancel);
            case S3Operation.ListObjects:
                return lists.ListAsync(request, request.Parameter("list-type") == "2", cancel);
            default:
                throw new S3Exception(request.Method == "POST" ? "NotImplemented" : "MethodNotAllowed");
        }
    }

    private Task OnObjectAsync(S3Request request, CancellationToken cancel)
    {
        buckets.Owned(request);
        ObjectNames.CheckKey(request.Key);
        return request.Operation switch
        {
            S3Operation.Feature =>
                objects.AnswerAsync(request, Subresources.Answer(Subresources.Of(request.Query)!, request.Method, onObject: true, request.AccountId), cancel),
            S3Operation.GetObjectTagging => objects.GetTagsAsync(request, cancel),
            S3Operation.PutObjectTagging => objects.PutTagsAsync(request, cancel),
            S3Operation.DeleteObjectTagging => objects.DeleteTagsAsync(request),
            S3Operation.GetObjectAttributes => objects.AttributesAsync(request, cancel),
            S3Operation.ListParts => lists.ListPartsAsync(request, cancel),
            S3Operation.GetObject => objects.GetAsync(request, cancel),
            S3Operation.PutPart => uploads.PutPartAsync(request, cancel),
            S3Operation.CopyObject => objects.CopyAsync(request, cancel),
            S3Operation.PutObject => objects.PutAsync(request, cancel),
            S3Operation.CreateUpload => uploads.CreateUploadAsync(request, cancel),
            S3Operation.CompleteUpload => uploads.CompleteAsync(request, cancel),
            S3Operation.AbortUpload => uploads.AbortAsync(request),
            S3Operation.DeleteObject => objects.DeleteAsync(request, cancel),
            _ => throw new S3Exception("MethodNotAllowed"),
        };
    }
}
