using Ocellus.Encodings;
using Ocellus.Identity;

namespace Ocellus.Wire.SigV4;

/// <summary>Finds the key of a signature.</summary>
internal static class KeySourceExtensions
{
    /// <summary>Returns the key that a request is signed with.</summary>
    /// <param name="keys">All keys.</param>
    /// <param name="accessKeyId">Its id, as received.</param>
    /// <param name="token">The session token of the request; null if there is none.</param>
    /// <exception cref="SignatureException">The key is unknown, or a session token was sent.</exception>
    public static AccessKey Require(this IKeySource keys, string accessKeyId, string? token)
    {
        var key = keys.Find(accessKeyId) ?? throw new SignatureException(
            SignatureProblem.UnknownKey,
            $"The security token included in the request is invalid. The access key id '{Readable.Truncate(accessKeyId)}' is unknown.");
        return token is null ? key : throw new SignatureException(
            SignatureProblem.UnknownToken,
            $"The security token included in the request is invalid. It has a session token of {token.Length} characters, but this server issues none: "
                + $"send the request without 'x-amz-security-token' (AWS_SESSION_TOKEN, aws_session_token).");
    }
}
