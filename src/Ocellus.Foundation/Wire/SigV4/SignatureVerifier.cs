using System.Globalization;
using Ocellus.Encodings;
using Ocellus.Identity;

namespace Ocellus.Wire.SigV4;

/// <summary>Verifies AWS Signature Version 4 in the header and, for S3, in the query.</summary>
internal sealed partial class SignatureVerifier(IKeySource keys, Regions regions, TimeProvider clock)
{
    private const string UnsignedPayload = "UNSIGNED-PAYLOAD";
    private const string TokenHeader = "x-amz-security-token";

    /// <summary>Maximum lifetime of a link in seconds: seven days, as in S3.</summary>
    public const int ExpirySecondsMax = 7 * 24 * 60 * 60;

    /// <summary>Maximum skew of a client's clock, in either direction: what most AWS services allow.</summary>
    public static readonly TimeSpan ClockSkewMax = TimeSpan.FromMinutes(5);

    /// <summary>Values that replace the payload hash of a chunked body.</summary>
    private static readonly string[] _streamedPayloads =
    [
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    ];

    /// <summary>Verifies the signature of a request.</summary>
    /// <param name="request">The request as it was sent.</param>
    /// <param name="service">The signing name, such as <c>rekognition</c> or <c>s3</c>.</param>
    /// <param name="bodySha256Hex">
    /// The hash of the received body. Null trusts <c>x-amz-content-sha256</c>; the caller must then check the body against
    /// <see cref="VerifiedSignature.PayloadHash"/>.
    /// </param>
    /// <exception cref="SignatureException">The signature is missing, malformed or wrong.</exception>
    public VerifiedSignature Verify(SignedRequest request, string service, string? bodySha256Hex)
    {
        var objectStore = service == "s3";
        var query = request.Target.Encoded;
        if (request.Lines("authorization").ToList() is { Count: > 0 } lines)
        {
            if (objectStore && (request.Target.Query.ContainsKey("X-Amz-Algorithm") || request.Target.Query.ContainsKey("X-Amz-Signature")))
            {
                throw TwoSignatures();
            }

            return Complete(ClaimOf(request, Single(lines), service, objectStore), bodySha256Hex);
        }

        if (objectStore && Parameter(query, "X-Amz-Algorithm") is not null)
        {
            try
            {
                return VerifyQuery(request, query, service, bodySha256Hex);
            }
            catch (SignatureException refusal) when (refusal.Problem == SignatureProblem.Incomplete)
            {
                throw new SignatureException(SignatureProblem.QueryIncomplete, refusal.Message);
            }
        }

        throw new SignatureException(SignatureProblem.MissingToken, "Missing Authentication Token");
    }

    /// <summary>Checks everything in a header signature that does not need the body: key id, scope, date and signed headers.</summary>
    /// <exception cref="SignatureException">The signature is missing or malformed, or invalid for any body.</exception>
    public SignatureClaim Claim(SignedRequest request, string service) =>
        request.Lines("authorization").ToList() is { Count: > 0 } lines
            ? ClaimOf(request, Single(lines), service, service == "s3")
            : throw new SignatureException(SignatureProblem.MissingToken, "Missing Authentication Token");

    /// <summary>Verifies a claim against the hash of the body.</summary>
    /// <exception cref="SignatureException">The signature is wrong, or its key has been revoked since.</exception>
    public VerifiedSignature Complete(SignatureClaim claim, string? bodySha256Hex)
    {
        var key = keys.Require(claim.Credential.AccessKeyId, token: null);
        var payloadHash = PayloadHash(Header(claim.Request, "x-amz-content-sha256"), bodySha256Hex, claim.ObjectStore);
        return Check(
            claim.Request, claim.Request.Target.Encoded, claim.ObjectStore, claim.SignedHeaders, payloadHash, key, claim.Credential, claim.Date,
            claim.Signature);
    }

    private static string Single(List<string> lines) => lines.Count == 1 ? lines[0] : throw Incomplete("The header 'authorization' is given more than once.");

    private SignatureClaim ClaimOf(SignedRequest request, string authorization, string service, bool objectStore)
    {
        var text = authorization.Trim();
        var blank = text.IndexOf(' ', StringComparison.Ordinal);
        var algorithm = blank < 0 ? text : text[..blank];
        if (algorithm != Canonical.Algorithm)
        {
            // The first message is S3's own, word for word: s3cmd looks for it and then signs with version 4. A single word may be a token, so it is not
            // repeated.
            throw algorithm == "AWS"
                ? new SignatureException(
                    SignatureProblem.UnsupportedMechanism, "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")
                : Incomplete(blank < 0
                    ? $"The Authorization header is one word of {text.Length} characters; expected '{Canonical.Algorithm}' and its parameters."
                    : $"Unsupported signing algorithm '{Readable.Truncate(algorithm)}'; expected '{Canonical.Algorithm}'.");
        }

        var parts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var part in (blank < 0 ? "" : text[blank..])
            .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || part[..equals] is not ("Credential" or "SignedHeaders" or "Signature") || !parts.TryAdd(part[..equals], part[(equals + 1)..]))
            {
                throw Incomplete(
                    "The Authorization header holds a part that cannot be read or is given twice; it has Credential, SignedHeaders and Signature.");
            }
        }

        var credential = Credential.Parse(RequiredPart(parts, "Credential"), service, regions, clock);
        var signedHeaders = SplitSignedHeaders(RequiredPart(parts, "SignedHeaders"));
        var signature = RequiredPart(parts, "Signature");

        var dateName = Header(request, "x-amz-date") is not null ? "x-amz-date" : "date";
        var dateText = Header(request, dateName)
            ?? throw Incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
        if (!signedHeaders.Contains(dateName))
        {
            throw Incomplete($"The header '{dateName}' must be among the signed headers; signed were '{string.Join(';', signedHeaders)}'.");
        }

        var date = ParseDate(dateText);
        // Only checks that the key is known; the secret is needed once the body has arrived.
        keys.Require(credential.AccessKeyId, Header(request, TokenHeader));
        CheckDay(credential, date);
        var now = clock.GetUtcNow();
        if (date < now - ClockSkewMax)
        {
            throw new SignatureException(
                SignatureProblem.Skewed,
                $"Signature expired: {Canonical.Time(date)} is now earlier than {Canonical.Time(now - ClockSkewMax)} ({Canonical.Time(now)} - 5 min.). The "
                    + $"server's time is {Canonical.Time(now)}; set the client's clock.");
        }

        if (date > now + ClockSkewMax)
        {
            throw new SignatureException(
                SignatureProblem.Skewed,
                $"Signature not yet current: {Canonical.Time(date)} is still later than {Canonical.Time(now + ClockSkewMax)} ({Canonical.Time(now)} + 5 min.). "
                    + $"The server's time is {Canonical.Time(now)}; set the client's clock.");
        }

        CheckSigned(request, signedHeaders, objectStore);
        return new(request, objectStore, credential, signedHeaders, date, signature);
    }

    private VerifiedSignature VerifyQuery(
        SignedRequest request,
        IReadOnlyList<KeyValuePair<string, string>> query,
        string service,
        string? bodyHash)
    {
        string Required(string name) => Parameter(query, name) is { Length: > 0 } value
            ? value
            : throw Incomplete($"The query parameter '{name}' is missing.");

        var algorithm = Required("X-Amz-Algorithm");
        if (algorithm != Canonical.Algorithm)
        {
            throw Incomplete($"Unsupported signing algorithm '{Readable.Truncate(algorithm)}'; expected '{Canonical.Algorithm}'.");
        }

        var credential = Credential.Parse(Required("X-Amz-Credential"), service, regions, clock);
        var signedHeaders = SplitSignedHeaders(Required("X-Amz-SignedHeaders"));
        var signature = Required("X-Amz-Signature");
        var date = ParseDate(Required("X-Amz-Date"));
        var expiresText = Required("X-Amz-Expires");
        if (!int.TryParse(expiresText, NumberStyles.None, CultureInfo.InvariantCulture, out var expires)
            || expires is < 1 or > ExpirySecondsMax)
        {
            throw Incomplete($"X-Amz-Expires is '{Readable.Truncate(expiresText)}'; it must be a number of seconds from 1 to {ExpirySecondsMax} (a week).");
        }

        var key = keys.Require(credential.AccessKeyId, Parameter(query, "X-Amz-Security-Token") ?? Header(request, TokenHeader));
        CheckDay(credential, date);
        var now = clock.GetUtcNow();
        if (date - now > ClockSkewMax)
        {
            throw new SignatureException(
                SignatureProblem.Skewed,
                $"Request is not valid yet: it is dated {Canonical.Time(date)}, the server's time is {Canonical.Time(now)}.");
        }

        if (now > date.AddSeconds(expires))
        {
            throw new SignatureException(
                SignatureProblem.Expired,
                $"Request has expired: it is dated {Canonical.Time(date)} and was valid for {expires} s, the server's time is {Canonical.Time(now)}.");
        }

        CheckSigned(request, signedHeaders, objectStore: true);

        // A link signs no body unless its signature covers a payload hash.
        var declared = Parameter(query, "X-Amz-Content-Sha256")
            ?? (signedHeaders.Contains("x-amz-content-sha256") ? Header(request, "x-amz-content-sha256") : null)
            ?? UnsignedPayload;
        var payloadHash = PayloadHash(declared, bodyHash, objectStore: true);
        var covered = query.Where(pair => pair.Key != "X-Amz-Signature").ToList();
        return Check(request, covered, true, signedHeaders, payloadHash, key, credential, date, signature) with { LinkHeaders = LinkHeaders.Of(request) };
    }

    /// <summary>Verifies the signature of the policy in a form upload.</summary>
    /// <param name="fields">The form's fields. No two names differ only by case.</param>
    /// <exception cref="SignatureException">The signature is malformed or wrong.</exception>
    public (AccessKey Key, string Region) VerifyPolicy(IReadOnlyDictionary<string, string> fields)
    {
        string Required(string name) =>
            fields.GetValueOrDefault(name) is { Length: > 0 } value ? value : throw Incomplete($"The form field '{name}' is missing.");

        var algorithm = Required("x-amz-algorithm");
        if (algorithm != Canonical.Algorithm)
        {
            throw Incomplete($"Unsupported signing algorithm '{Readable.Truncate(algorithm)}'; expected '{Canonical.Algorithm}'.");
        }

        var credential = Credential.Parse(Required("x-amz-credential"), "s3", regions, clock);
        CheckDay(credential, ParseDate(Required("x-amz-date")));
        var key = keys.Require(credential.AccessKeyId, fields.GetValueOrDefault(TokenHeader));
        var signingKey = Canonical.SigningKey(key.SecretAccessKey, credential.Day, credential.Region, credential.Service);
        return Canonical.FixedTimeEquals(Canonical.Sign(signingKey, Required("policy")), Required("x-amz-signature")) ? (key, credential.Region)
            : throw new SignatureException(
                SignatureProblem.Mismatch,
                "The request signature we calculated does not match the signature you provided: the policy was changed after it was signed, or another key "
                    + "signed it.");
    }

    internal static SignatureException TwoSignatures() => new(
        SignatureProblem.TwoSignatures,
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter, the Authorization header or the fields "
            + "of one form may be there.");

    internal static SignatureException Incomplete(string message) => new(SignatureProblem.Incomplete, message);
}
