namespace Ocellus.Objects.S3;

/// <summary>The operations of the object store.</summary>
internal enum S3Operation
{
    /// <summary>No operation: the method is not allowed there.</summary>
    None,

    /// <summary>An unsupported feature, named by a parameter; see <see cref="Subresources"/>.</summary>
    Feature,
    ListBuckets,
    CreateBucket,
    HeadBucket,
    DeleteBucket,
    GetBucketLocation,
    GetBucketTagging,
    PutBucketTagging,
    DeleteBucketTagging,
    GetBucketCors,
    PutBucketCors,
    DeleteBucketCors,
    ListObjects,
    ListVersions,
    ListUploads,
    DeleteObjects,

    /// <summary>An upload from a form.</summary>
    PostObject,
    GetObject,
    GetObjectAttributes,
    GetObjectTagging,
    PutObjectTagging,
    DeleteObjectTagging,
    PutObject,
    CopyObject,
    DeleteObject,
    CreateUpload,
    PutPart,
    ListParts,
    CompleteUpload,
    AbortUpload,
}

/// <summary>
/// Determines the operation of a request, once for authorization and dispatch: no request can be authorized as one operation and executed as another.
/// </summary>
internal static class S3Operations
{
    /// <param name="method">HTTP method.</param>
    /// <param name="bucket">Bucket; empty for the service itself.</param>
    /// <param name="key">Key; empty for the bucket itself.</param>
    /// <param name="query">Parameters. Those without meaning for the method are ignored, as is an empty upload id.</param>
    /// <param name="copies">Whether the request names a copy source.</param>
    /// <param name="form">Whether the body is a form.</param>
    public static S3Operation Of(string method, string bucket, string key, IQueryCollection query, bool copies, bool form) =>
        bucket.Length == 0 ? (method == "GET" ? S3Operation.ListBuckets : S3Operation.None)
        : Subresources.Of(query) is not null ? S3Operation.Feature
        : key.Length == 0 ? OfBucket(method, query, form)
        : OfObject(method, query, copies);

    private static S3Operation OfBucket(string method, IQueryCollection query, bool form) => method switch
    {
        "GET" when query.ContainsKey("tagging") => S3Operation.GetBucketTagging,
        "PUT" when query.ContainsKey("tagging") => S3Operation.PutBucketTagging,
        "DELETE" when query.ContainsKey("tagging") => S3Operation.DeleteBucketTagging,
        "GET" when query.ContainsKey("cors") => S3Operation.GetBucketCors,
        "PUT" when query.ContainsKey("cors") => S3Operation.PutBucketCors,
        "DELETE" when query.ContainsKey("cors") => S3Operation.DeleteBucketCors,
        "GET" when query.ContainsKey("location") => S3Operation.GetBucketLocation,
        "GET" when query.ContainsKey("uploads") => S3Operation.ListUploads,
        "GET" when query.ContainsKey("versions") => S3Operation.ListVersions,
        "GET" => S3Operation.ListObjects,
        "HEAD" => S3Operation.HeadBucket,
        "PUT" => S3Operation.CreateBucket,
        "DELETE" => S3Operation.DeleteBucket,
        "POST" when form => S3Operation.PostObject,
        "POST" when query.ContainsKey("delete") => S3Operation.DeleteObjects,
        _ => S3Operation.None,
    };

    private static S3Operation OfObject(string method, IQueryCollection query, bool copies)
    {
        var hasUpload = query["uploadId"].ToString().Length > 0;
        return method switch
        {
            "GET" when query.ContainsKey("tagging") => S3Operation.GetObjectTagging,
            "PUT" when query.ContainsKey("tagging") => S3Operation.PutObjectTagging,
            "DELETE" when query.ContainsKey("tagging") => S3Operation.DeleteObjectTagging,
            "GET" when query.ContainsKey("attributes") => S3Operation.GetObjectAttributes,
            "GET" when hasUpload => S3Operation.ListParts,
            "GET" or "HEAD" => S3Operation.GetObject,
            "PUT" when hasUpload => S3Operation.PutPart,
            "PUT" when copies => S3Operation.CopyObject,
            "PUT" => S3Operation.PutObject,
            "POST" when query.ContainsKey("uploads") => S3Operation.CreateUpload,
            "POST" when hasUpload => S3Operation.CompleteUpload,
            "DELETE" when hasUpload => S3Operation.AbortUpload,
            "DELETE" => S3Operation.DeleteObject,
            _ => S3Operation.None,
        };
    }
}
