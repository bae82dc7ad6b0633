using Ocellus.Identity;

namespace Ocellus.Objects.S3;

/// <summary>An authenticated request to the object store, parsed once. Authorization and handlers all use this result.</summary>
internal sealed record S3Request
{
    /// <summary>The HTTP context, for the connection and the response. For the request, use the members below.</summary>
    public required HttpContext Http { get; init; }

    public required S3Target Target { get; init; }

    /// <summary>The parameters that the signature covers.</summary>
    public required IQueryCollection Query { get; init; }

    /// <summary>The effective headers: those sent, and those that parameters of a link stand for.</summary>
    public required IHeaderDictionary Headers { get; init; }

    /// <summary>Who sent it.</summary>
    public required Caller Caller { get; init; }

    /// <summary>What the sender may do.</summary>
    public required CallerRights Rights { get; init; }

    /// <summary>The body, without aws-chunked framing.</summary>
    public required Stream Body { get; init; }

    /// <summary>Announced length of <see cref="Body"/> in bytes; null if unknown.</summary>
    public required long? ContentLength { get; init; }

    /// <summary>
    /// The body's signed payload hash: SHA-256 in hex, or a substitute such as UNSIGNED-PAYLOAD. Null for a form, whose signature covers its policy.
    /// </summary>
    public string? PayloadHash { get; init; }

    /// <summary>Trailing headers of a streamed body, available once it was read to its end; null for other bodies.</summary>
    public IReadOnlyDictionary<string, string>? Trailers { get; init; }

    /// <summary>The form of a form upload; null for every other request.</summary>
    public PostForm? Form { get; init; }

    public required S3Operation Operation { get; init; }

    /// <summary>Bucket and key of a copy's source; null for other requests.</summary>
    public (string Bucket, string Key)? CopiesFrom { get; init; }

    public string Method => Http.Request.Method;

    /// <summary>Scheme, host and port that the request was sent to.</summary>
    public string Origin => $"{Http.Request.Scheme}://{Http.Request.Host}";

    /// <summary>Empty for a request to the service itself.</summary>
    public string Bucket => Target.Bucket;

    /// <summary>Empty for a request to a bucket.</summary>
    public string Key => Target.Key;

    public string AccountId => Caller.AccountId;

    /// <summary>Id of the multipart upload; empty if the request names none.</summary>
    public string UploadId => Parameter("uploadId");

    public string? ContentType => Headers.ContentType;

    public HttpResponse Response => Http.Response;

    /// <summary>Answers with 204, without a body.</summary>
    public Task NoContent()
    {
        Response.StatusCode = StatusCodes.Status204NoContent;
        return Task.CompletedTask;
    }

    /// <summary>The value of a header; empty if absent.</summary>
    public string Header(string name) => Headers[name].ToString();

    /// <summary>The value of a parameter; empty if absent.</summary>
    public string Parameter(string name) => Query[name].ToString();
}
