using Ocellus.Identity;

namespace Ocellus.Wire.SigV4;

/// <summary>What a signature covers, independent of the web server.</summary>
/// <param name="Method">The HTTP method as sent.</param>
/// <param name="Target">Path and parameters, read once for the signature and for what is done.</param>
/// <param name="Headers">All header lines in order of arrival.</param>
internal sealed record SignedRequest(string Method, RequestTarget Target, IReadOnlyList<KeyValuePair<string, string>> Headers)
{
    /// <summary>Of a path as sent and a query without its question mark.</summary>
    public SignedRequest(string method, string rawPath, string rawQuery, IReadOnlyList<KeyValuePair<string, string>> headers)
        : this(method, RequestTarget.Parse(rawQuery.Length == 0 ? rawPath : $"{rawPath}?{rawQuery}"), headers)
    {
    }

    /// <summary>The lines of a header, by a name of any case.</summary>
    public IEnumerable<string> Lines(string name) =>
        Headers.Where(header => header.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Select(header => header.Value);
}

/// <summary>A signature in a header whose key id, scope and date are good; whether it is right, the body will tell.</summary>
internal sealed record SignatureClaim(
    SignedRequest Request,
    bool ObjectStore,
    Credential Credential,
    string[] SignedHeaders,
    DateTimeOffset Date,
    string Signature);

/// <summary>A signature that was found right, with what is needed to verify the chunks that follow it.</summary>
internal sealed record VerifiedSignature(
    AccessKey Key,
    string Region,
    string AmzDate,
    string Scope,
    byte[] SigningKey,
    string Signature,
    string PayloadHash)
{
    /// <summary>Of a link, the parameters that stand for headers, by the headers' names.</summary>
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
    Two,

    /// <summary>A header or parameter that must be signed was sent unsigned.</summary>
    NotSigned,
    UnknownKey,

    /// <summary>A session token was sent; there are none here.</summary>
    UnknownToken,
    Mismatch,
    [Assumed("Signing date of a request", "Within 5 minutes of the server's clock; otherwise `InvalidSignatureException`.")]
    Skewed,
    Expired,
    WrongScope,

    /// <summary>The scope's region is none. Clients that begin with a guess look into the answer for the right one.</summary>
    WrongRegion,

    /// <summary>A way to sign that is not taken in the header.</summary>
    OtherMechanism,

    /// <summary>The payload hash is neither a hash nor a word that stands for one.</summary>
    PayloadForm,
    BodyMismatch,
}

/// <summary>A request or chunk whose signature was refused.</summary>
internal sealed class SignatureException(SignatureProblem problem, string message) : Exception(message)
{
    public SignatureProblem Problem { get; } = problem;
}
