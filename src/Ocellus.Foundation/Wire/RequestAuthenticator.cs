using System.Collections.ObjectModel;
using System.Security.Cryptography;
using Ocellus.Identity;
using Ocellus.Wire.SigV2;
using Ocellus.Wire.SigV4;

namespace Ocellus.Wire;

/// <summary>Says who sent a request, from its signature.</summary>
internal sealed class RequestAuthenticator(SignatureVerifier verifier, VersionTwoVerifier versionTwo, KeyRing keys)
{
    /// <summary>An API request before its body is read.</summary>
    /// <exception cref="FrameworkException">The signature is missing, or no body could make it right.</exception>
    public async Task<SignatureClaim> ClaimAsync(HttpRequest request, CancellationToken cancel)
    {
        await keys.RefreshAsync(cancel);
        return InTheApi(() => verifier.Claim(Signed(request), "rekognition"));
    }

    /// <summary>An API request, whose whole body is at hand.</summary>
    /// <exception cref="FrameworkException">The signature is wrong.</exception>
    public async Task<Caller> AuthenticateAsync(HttpRequest request, SignatureClaim claim, ReadOnlyMemory<byte> body, CancellationToken cancel)
    {
        // A key may have been revoked while the body came.
        await keys.RefreshAsync(cancel);
        return InTheApi(() => CallerOf(request, verifier.Complete(claim, Convert.ToHexStringLower(SHA256.HashData(body.Span)))));
    }

    /// <summary>An object store request. The body is hashed or decoded later, while it is read.</summary>
    /// <param name="request">The request.</param>
    /// <param name="place">Where it goes, if its signature does not say.</param>
    /// <param name="cancel">Ends the wait.</param>
    /// <exception cref="SignatureException">The signature is missing or wrong.</exception>
    public async Task<(Caller Caller, VerifiedSignature Signature)> AuthenticateS3Async(HttpRequest request, UnscopedPlace place, CancellationToken cancel)
    {
        await keys.RefreshAsync(cancel);
        var signed = Signed(request);
        var signature = VersionTwoVerifier.Signs(signed.Target) ? versionTwo.Verify(signed, place) : verifier.Verify(signed, "s3", null);
        return (CallerOf(request, signature), signature);
    }

    /// <summary>An upload from a form, which carries its signature in its fields.</summary>
    /// <exception cref="SignatureException">The signature is missing or wrong.</exception>
    public async Task<Caller> AuthenticatePostAsync(
        HttpRequest request, IReadOnlyDictionary<string, string> fields, UnscopedPlace place, CancellationToken cancel)
    {
        await keys.RefreshAsync(cancel);
        var (key, region) = VersionTwoVerifier.Signs(fields) ? (versionTwo.VerifyPolicy(fields), place.Region) : verifier.VerifyPolicy(fields);
        return CallerOf(request, key, region);
    }

    private static Caller CallerOf(HttpRequest request, VerifiedSignature signature) => CallerOf(request, signature.Key, signature.Region);

    private static Caller CallerOf(HttpRequest request, AccessKey key, string region)
    {
        var address = request.HttpContext.Connection.RemoteIpAddress;
        return new(key.AccountId, region, key.UserName, key.AccessKeyId)
        {
            // A socket for both families shows IPv4 addresses in IPv6's clothes, and policies name them as they are.
            SourceAddress = address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address,
            IsSecure = request.IsHttps,
        };
    }

    private static SignedRequest Signed(HttpRequest request)
    {
        var headers = request.Headers.SelectMany(h => h.Value.Select(v => KeyValuePair.Create(h.Key, v ?? ""))).ToList();
        return new(request.Method, RequestTarget.Of(request), new ReadOnlyCollection<KeyValuePair<string, string>>(headers));
    }

    /// <summary>A refused signature as the API tells it.</summary>
    private static T InTheApi<T>(Func<T> verify)
    {
        try
        {
            return verify();
        }
        catch (SignatureException failure)
        {
            throw new FrameworkException(TypeOf(failure.Problem), failure.Message);
        }
    }

    private static string TypeOf(SignatureProblem problem) => problem switch
    {
        SignatureProblem.MissingToken => "MissingAuthenticationTokenException",
        SignatureProblem.Incomplete or SignatureProblem.QueryIncomplete or SignatureProblem.OtherMechanism => "IncompleteSignatureException",
        SignatureProblem.UnknownKey or SignatureProblem.UnknownToken => "UnrecognizedClientException",
        SignatureProblem.Expired => "ExpiredTokenException",
        SignatureProblem.Mismatch or SignatureProblem.Skewed or SignatureProblem.WrongScope or SignatureProblem.WrongRegion or SignatureProblem.NotSigned
            or SignatureProblem.Two
            or SignatureProblem.PayloadForm or SignatureProblem.BodyMismatch => "InvalidSignatureException",
    };
}
