using System.Collections.ObjectModel;
using System.Security.Cryptography;
using Ocellus.Identity;
using Ocellus.Wire.SigV2;
using Ocellus.Wire.SigV4;

namespace Ocellus.Wire;

/// <summary>Identifies the sender of a request by its signature.</summary>
internal sealed class RequestAuthenticator(SignatureVerifier verifier, VersionTwoVerifier versionTwo, KeyRing keys)
{
    /// <summary>Checks an API request before its body is read.</summary>
    /// <param name="request">The request.</param>
    /// <param name="service">The signing name, such as <c>rekognition</c>.</param>
    /// <param name="cancel">Ends the wait.</param>
    /// <exception cref="FrameworkException">The signature is missing, or invalid for any body.</exception>
    public async Task<SignatureClaim> ClaimAsync(HttpRequest request, string service, CancellationToken cancel)
    {
        await keys.RefreshAsync(cancel);
        return AsApiError(() => verifier.Claim(Signed(request), service));
    }

    /// <summary>Authenticates an API request after its body has been read.</summary>
    /// <exception cref="FrameworkException">The signature is wrong.</exception>
    public async Task<Caller> AuthenticateAsync(HttpRequest request, SignatureClaim claim, ReadOnlyMemory<byte> body, CancellationToken cancel)
    {
        // A key may have been revoked while the body arrived.
        await keys.RefreshAsync(cancel);
        return AsApiError(() => CallerOf(request, verifier.Complete(claim, Convert.ToHexStringLower(SHA256.HashData(body.Span)))));
    }

    /// <summary>Authenticates an object store request. The body is verified later, while it is read.</summary>
    /// <param name="request">The request.</param>
    /// <param name="place">Bucket and region, for signatures that do not cover them.</param>
    /// <param name="cancel">Ends the wait.</param>
    /// <exception cref="SignatureException">The signature is missing or wrong.</exception>
    public async Task<(Caller Caller, VerifiedSignature Signature)> AuthenticateS3Async(HttpRequest request, UnscopedPlace place, CancellationToken cancel)
    {
        await keys.RefreshAsync(cancel);
        var signed = Signed(request);
        var signature = VersionTwoVerifier.IsUsedBy(signed.Target) ? versionTwo.Verify(signed, place) : verifier.Verify(signed, "s3", null);
        return (CallerOf(request, signature), signature);
    }

    /// <summary>Authenticates an upload from a form, whose fields contain the signature.</summary>
    /// <exception cref="SignatureException">The signature is missing or wrong.</exception>
    public async Task<Caller> AuthenticatePostAsync(
        HttpRequest request, IReadOnlyDictionary<string, string> fields, UnscopedPlace place, CancellationToken cancel)
    {
        await keys.RefreshAsync(cancel);
        var (key, region) = VersionTwoVerifier.IsUsedBy(fields) ? (versionTwo.VerifyPolicy(fields), place.Region) : verifier.VerifyPolicy(fields);
        return CallerOf(request, key, region);
    }

    private static Caller CallerOf(HttpRequest request, VerifiedSignature signature) => CallerOf(request, signature.Key, signature.Region);

    private static Caller CallerOf(HttpRequest request, AccessKey key, string region)
    {
        var address = request.HttpContext.Connection.RemoteIpAddress;
        return new(key.AccountId, region, key.UserName, key.AccessKeyId)
        {
            // A dual-stack socket reports IPv4 addresses as IPv4-mapped IPv6; policies use plain IPv4.
            SourceAddress = address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address,
            IsSecure = request.IsHttps,
        };
    }

    private static SignedRequest Signed(HttpRequest request)
    {
        var headers = request.Headers.SelectMany(h => h.Value.Select(v => KeyValuePair.Create(h.Key, v ?? ""))).ToList();
        return new(request.Method, RequestTarget.Of(request), new ReadOnlyCollection<KeyValuePair<string, string>>(headers));
    }

    /// <summary>Turns a refused signature into the API's error.</summary>
    private static T AsApiError<T>(Func<T> verify)
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
        SignatureProblem.Incomplete or SignatureProblem.QueryIncomplete or SignatureProblem.UnsupportedMechanism => "IncompleteSignatureException",
        SignatureProblem.UnknownKey or SignatureProblem.UnknownToken => "UnrecognizedClientException",
        SignatureProblem.Expired => "ExpiredTokenException",
        SignatureProblem.Mismatch or SignatureProblem.Skewed or SignatureProblem.WrongScope or SignatureProblem.WrongRegion or SignatureProblem.NotSigned
            or SignatureProblem.TwoSignatures
            or SignatureProblem.PayloadForm or SignatureProblem.BodyMismatch => "InvalidSignatureException",
    };
}
