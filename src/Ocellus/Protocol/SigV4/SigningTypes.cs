namespace Ocellus.Protocol.SigV4;

/// <summary>What a signature covers, independent of the web server.</summary>
/// <param name="Method">The HTTP method as sent.</param>
/// <param name="RawPath">The path as sent, not decoded.</param>
/// <param name="RawQuery">The query as sent, with or without the leading question mark.</param>
/// <param name="Headers">All header lines in order of arrival.</param>
internal sealed record SignedRequest(
    string Method,
    string RawPath,
    string RawQuery,
    IReadOnlyList<KeyValuePair<string, string>> Headers);

/// <summary>Finds the secret that belongs to an access key id.</summary>
internal interface IKeySource
{
    /// <summary>The key, or null when it is unknown.</summary>
    AccessKey? Find(string accessKeyId);
}

/// <summary>An access key and whom it stands for.</summary>
internal sealed record AccessKey(string AccessKeyId, string SecretAccessKey, string AccountId, string UserName)
{
    /// <summary>Leaves the secret out, so that a log line cannot leak it.</summary>
    public override string ToString() => $"AccessKey {{ {AccessKeyId}, {AccountId}, {UserName} }}";
}

/// <summary>A signature in a header whose key id, scope and date are good; whether it is right, the body will tell.</summary>
internal sealed record SignatureClaim(
    SignedRequest Request,
    List<KeyValuePair<string, string>> Query,
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
    /// <summary>Whether it came in the query: a link that someone else may use.</summary>
    public bool FromQuery { get; init; }
}

/// <summary>Why a signature was refused.</summary>
internal enum SignatureProblem
{
    MissingToken,
    Incomplete,

    /// <summary>As <see cref="Incomplete"/>, in the query form.</summary>
    QueryIncomplete,

    /// <summary>A header that must be signed was sent unsigned.</summary>
    NotSigned,
    UnknownKey,

    /// <summary>A session token was sent; there are none here.</summary>
    UnknownToken,
    Mismatch,
    Skewed,
    Expired,
    WrongScope,

    /// <summary>The payload hash is neither a hash nor a word that stands for one.</summary>
    PayloadForm,
    BodyMismatch,
}

/// <summary>A request or chunk whose signature was refused.</summary>
internal sealed class SignatureException(SignatureProblem problem, string message) : Exception(message)
{
    public SignatureProblem Problem { get; } = problem;
}
