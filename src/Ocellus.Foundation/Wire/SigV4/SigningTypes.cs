using Ocellus.Identity;

namespace Ocellus.Wire.SigV4;

/// <summary>The parts of a request that a signature covers, independent of the web server.</summary>
/// <param name="Method">The HTTP method as sent.</param>
/// <param name="Target">Path and parameters, parsed once for the signature and the operation.</param>
/// <param name="Headers">All header lines in the order received.</param>
internal sealed record SignedRequest(string Method, RequestTarget Target, IReadOnlyList<KeyValuePair<string, string>> Headers)
{
    /// <summary>From a path as sent and a query string without its question mark.</summary>
    public SignedRequest(string method, string rawPath, string rawQuery, IReadOnlyList<KeyValuePair<string, string>> headers)
        : this(method, RequestTarget.Parse(rawQuery.Length == 0 ? rawPath : $"{rawPath}?{rawQuery}"), headers)
    {
    }

    /// <summary>The lines of a header. The name is not case-sensitive.</summary>
    public IEnumerable<string> Lines(string name) =>
        Headers.Where(header => header.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Select(header => header.Value);
}

/// <summary>A header signature whose key id, scope and date are valid. Verifying the signature itself needs the body.</summary>
internal sealed record SignatureClaim(
    SignedRequest Request,
    bool ObjectStore,
    Credential Credential,
    string[] SignedHeaders,
    DateTimeOffset Date,
    string Signature);

/// <summary>A verified signature, with what is needed to verify the chunks that follow.</summary>
internal sealed record VerifiedSignature(
    AccessKey Key,
    string Region,
    string AmzDate,
    string Scope,
    byte[] SigningKey,
    string Signature,
    string PayloadHash)
{
    /// <summary>The headers that the parameters of a link stand for.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> LinkHeaders { get; init; } = [];
}

/// <summary>Why a signature was refused.</summary>
internal enum SignatureProblem
{
    MissingToken,
    Incomplete,

    /// <summary>As <see cref="Incomplete"/>, in the query form.</summary>
    QueryIncomplete,

    /// <summary>Two signatures were sent.</summary>
    TwoSignatures,

    /// <summary>A header or parameter that must be signed was sent unsigned.</summary>
    NotSigned,
    UnknownKey,

    /// <summary>A session token was sent; this server issues none.</summary>
    UnknownToken,
    Mismatch,
    [Assumed("Signing date of a request", "Within 5 minutes of the server's clock; otherwise `InvalidSignatureException`.")]
    Skewed,
    Expired,
    WrongScope,

    /// <summary>The region of the scope is unknown. Clients that guess a region find the right one in the response.</summary>
    WrongRegion,

    /// <summary>The Authorization header uses an unsupported mechanism.</summary>
    UnsupportedMechanism,

    /// <summary>The payload hash is neither a hash nor a known substitute.</summary>
    PayloadForm,
    BodyMismatch,
}

/// <summary>A request or chunk whose signature was refused.</summary>
internal sealed class SignatureException(SignatureProblem problem, string message) : Exception(message)
{
    public SignatureProblem Problem { get; } = problem;
}
