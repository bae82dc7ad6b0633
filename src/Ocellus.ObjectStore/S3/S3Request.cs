using Ocellus.Identity;

namespace Ocellus.Objects.S3;

/// <summary>
/// A request to the object store whose sender is known: what it names, asks for and carries, read once.
/// Rights, operation and handlers all follow from this one reading.
/// </summary>
internal sealed record S3Request
{
    /// <summary>The HTTP exchange, for the connection and the answer. What the request says is taken from the members below.</summary>
    public required HttpContext Http { get; init; }

    public required S3Target Target { get; init; }

    /// <summary>The parameters that the signature covers.</summary>
    public required IQueryCollection Query { get; init; }

    /// <summary>The headers that count: those sent, and of a link the parameters that stand for headers.</summary>
    public required IHeaderDictionary Headers { get; init; }

    /// <summary>Who sent it.</summary>
    public required Caller Caller { get; init; }

    /// <summary>What the sender may do.</summary>
    public required CallerRights Rights { get; init; }

    /// <summary>The body without the framing of its transfer.</summary>
    public required Stream Body { get; init; }

    /// <summary>Bytes of <see cref="Body"/> as announced; null if they were not.</summary>
    public required long? ContentLength { get; init; }

    /// <summary>
    /// What the signature says of the body: its SHA-256 in hex, or a word that stands for one. Null for a form, whose signature covers its policy.
    /// </summary>
    public string? PayloadHash { get; init; }

    /// <summary>Trailing headers of a streamed body, which are there when it was read to its end; null for any other body.</summary>
    public IReadOnlyDictionary<string, string>? Trailers { get; init; }

    /// <summary>The form of an upload from a web page; null for every other request.</summary>
    public PostForm? Form { get; init; }

    public required S3Operation Operation { get; init; }

    /// <summary>Bucket and key that a copy reads; null for a request that copies nothing.</summary>
    public (string Bucket, string Key)? CopiesFrom { get; init; }

    public string Method => Http.Request.Method;

    /// <summary>Scheme, host and port that the request was sent to.</summary>
    public string Origin => $"{Http.Request.Scheme}://{Http.Request.Host}";

    /// <summary>Empty for a request to the service itself.</summary>
    public string Bucket => Target.Bucket;

    /// <summary>Empty for a request to a bucket.</summary>
    public string Key => Target.Key;

    public string AccountId => Caller.AccountId;

    /// <summary>The upload in parts that a request belongs to; empty if it names none.</summary>
    public string UploadId => Parameter("uploadId");

    public string? ContentType => Headers.ContentType;

    public HttpResponse Response => Http.Response;

    /// <summary>The value of a header; empty if it is not there.</summary>
    public string Header(string name) => Headers[name].ToString();

    /// <summary>The value of a parameter; empty if it is not there.</summary>
    public string Parameter(string name) => Query[name].ToString();
}
