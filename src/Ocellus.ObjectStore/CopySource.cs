using Ocellus.Encodings;

namespace Ocellus.Objects;

/// <summary>The object that a request copies from.</summary>
internal static class CopySource
{
    public static (string Bucket, string Key) Of(HttpContext http)
    {
        var raw = http.Request.Headers["x-amz-copy-source"].ToString();
        var path = (HeaderText.Unescape(raw.Split('?', 2)[0])
            ?? throw new S3Exception("InvalidArgument", $"x-amz-copy-source must be bucket/key, percent-encoded in UTF-8; received '{Readable.Cut(raw)}'.")).TrimStart('/');
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        if (raw.Contains("?versionId=", StringComparison.Ordinal) && !raw.EndsWith("?versionId=null", StringComparison.Ordinal))
        {
            throw new S3Exception("NoSuchVersion", $"The specified version does not exist: x-amz-copy-source is '{Readable.Cut(raw)}', and buckets have no versions here.");
        }

        return slash > 0 && slash < path.Length - 1 ? (path[..slash], path[(slash + 1)..])
            : throw new S3Exception("InvalidArgument", $"x-amz-copy-source must be bucket/key, percent-encoded; received '{Readable.Cut(raw)}'.");
    }

    /// <summary>Opens it, if the account may and its conditions hold.</summary>
    public static (Stream Stream, ObjectInfo Info) Open(HttpContext http, ObjectStore store, BucketRequests buckets, string accountId)
    {
        var (bucket, key) = Of(http);
        buckets.Owned(bucket, accountId, http.Request.Headers["x-amz-source-expected-bucket-owner"].ToString());
        var stream = store.OpenRead(bucket, key, out var info) ?? throw new S3Exception("NoSuchKey", $"The specified key does not exist: '{Readable.Cut(key)}' in bucket '{bucket}', the source of the copy.");
        var headers = http.Request.Headers;
        if (S3Conditions.Evaluate(headers["x-amz-copy-source-if-match"].ToString(), headers["x-amz-copy-source-if-none-match"].ToString(),
            headers["x-amz-copy-source-if-modified-since"].ToString(), headers["x-amz-copy-source-if-unmodified-since"].ToString(), info!) != 200)
        {
            stream.Dispose();
            throw new S3Exception("PreconditionFailed");
        }

        return (stream, info!);
    }
}
