using Ocellus.Encodings;
using Ocellus.Objects.Files;

namespace Ocellus.Objects.S3;

/// <summary>The source object of a copy request.</summary>
internal static class CopySource
{
    /// <summary>Parses the header <c>x-amz-copy-source</c>.</summary>
    /// <exception cref="S3Exception">It does not name an object, or names a version.</exception>
    public static (string Bucket, string Key) Of(string raw)
    {
        var path = (HeaderText.Unescape(raw.Split('?', 2)[0])
            ?? throw new S3Exception(
                "InvalidArgument", $"x-amz-copy-source must be bucket/key, percent-encoded in UTF-8; received '{Readable.Truncate(raw)}'."))
                .TrimStart('/');
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        if (raw.Contains("?versionId=", StringComparison.Ordinal) && !raw.EndsWith("?versionId=null", StringComparison.Ordinal))
        {
            throw new S3Exception(
                "NoSuchVersion", $"The specified version does not exist: x-amz-copy-source is '{Readable.Truncate(raw)}', and buckets have no versions here.");
        }

        return slash > 0 && slash < path.Length - 1 ? (path[..slash], path[(slash + 1)..])
            : throw new S3Exception("InvalidArgument", $"x-amz-copy-source must be bucket/key, percent-encoded; received '{Readable.Truncate(raw)}'.");
    }

    /// <summary>Opens the source, if the account may read it and the conditions hold.</summary>
    public static (Stream Stream, ObjectInfo Info) Open(S3Request request, ObjectStore store, BucketRequests buckets)
    {
        var (bucket, key) = request.CopiesFrom!.Value;
        buckets.Owned(bucket, request.AccountId, request.Header("x-amz-source-expected-bucket-owner"));
        var stream = store.OpenRead(bucket, key, out var info)
            ?? throw new S3Exception(
                "NoSuchKey", $"The specified key does not exist: '{Readable.Truncate(key)}' in bucket '{bucket}', the source of the copy.");
        if (S3Conditions.Evaluate(request.Header("x-amz-copy-source-if-match"), request.Header("x-amz-copy-source-if-none-match"),
            request.Header("x-amz-copy-source-if-modified-since"), request.Header("x-amz-copy-source-if-unmodified-since"), info!) != 200)
        {
            stream.Dispose();
            throw new S3Exception("PreconditionFailed");
        }

        return (stream, info!);
    }
}
