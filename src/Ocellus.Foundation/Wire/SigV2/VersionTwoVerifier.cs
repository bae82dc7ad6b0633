using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Wire.SigV4;

namespace Ocellus.Wire.SigV2;

/// <summary>Parts of a request that a version 2 signature does not cover: host and region.</summary>
/// <param name="BucketInHost">Bucket in the host name; empty in path style.</param>
/// <param name="Region">Region that the request is attributed to.</param>
internal readonly record struct UnscopedPlace(string BucketInHost, string Region);

/// <summary>
/// Verifies AWS Signature Version 2 of links and forms for S3, which boto3, the AWS CLI and s3cmd still create by default. It covers less than version 4, so
/// anything not covered that would change the meaning of a request is refused.
/// </summary>
[Evidence("RESTAuthentication and HTTPPOSTForms of the S3 API reference")]
internal sealed class VersionTwoVerifier(IKeySource keys, TimeProvider clock)
{
    private const string KeyName = "AWSAccessKeyId";

    /// <summary>Parameters that are part of the signed resource: those that S3 documents, and more that botocore signs. Names are case-sensitive.</summary>
    private static readonly HashSet<string> _covered = new(StringComparer.Ordinal)
    {
        "accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory", "lifecycle", "location", "logging", "metrics", "notification",
        "object-lock",
        "partNumber", "policy", "replication", "requestPayment", "restore", "select", "select-type", "storageClass", "tagging", "torrent", "uploadId",
        "uploads",
        "versionId", "versioning", "versions", "website",
        "response-cache-control", "response-content-disposition", "response-content-encoding", "response-content-language", "response-content-type",
        "response-expires",
    };

    /// <summary>Parameters that are not covered, but change at most the form of a response.</summary>
    private static readonly HashSet<string> _harmless = new(StringComparer.Ordinal) { "list-type", "encoding-type", "x-id" };

    /// <summary>Whether the query contains such a signature, or part of one.</summary>
    public static bool IsUsedBy(RequestTarget target) => target.Query.ContainsKey("Signature") || target.Query.ContainsKey(KeyName);

    /// <summary>Whether a form contains such a signature, or part of one. Field names are not case-sensitive.</summary>
    public static bool IsUsedBy(IReadOnlyDictionary<string, string> fields) => fields.ContainsKey("signature") || fields.ContainsKey(KeyName);

    /// <summary>Whether an expiry time is too far away. The maximum is that of version 4, plus the allowed clock skew.</summary>
    public bool IsTooFar(DateTimeOffset until) => until > clock.GetUtcNow().AddSeconds(SignatureVerifier.ExpirySecondsMax) + SignatureVerifier.ClockSkewMax;

    /// <summary>Verifies a link.</summary>
    /// <exception cref="SignatureException">The signature is incomplete, wrong or expired, or does not cover the request.</exception>
    public VerifiedSignature Verify(SignedRequest request, UnscopedPlace place)
    {
        var query = request.Target.Query;
        if (query.ContainsKey("X-Amz-Algorithm") || query.ContainsKey("X-Amz-Signature") || request.Lines("authorization").Any())
        {
            throw SignatureVerifier.TwoSignatures();
        }

        var (id, expires, signature) = (query[KeyName].ToString(), query["Expires"].ToString(), query["Signature"].ToString());
        if (id.Length == 0 || expires.Length == 0 || signature.Length == 0)
        {
            throw new SignatureException(
                SignatureProblem.MissingToken, "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters");
        }

        CheckExpiry(expires);
        var headers = LinkHeaders.All(request);
        var token = headers.Where(h => h.Key == "x-amz-security-token").Select(h => h.Value).Concat(request.Lines("x-amz-security-token")).FirstOrDefault();
        var key = keys.Require(id, token);
        CheckCovered(query);
        var (md5, type) = (Positional(request, "Content-MD5"), Positional(request, "Content-Type"));
        var text = new StringBuilder(request.Method).Append('\n').Append(md5).Append('\n').Append(type).Append('\n').Append(expires).Append('\n');
        foreach (var (name, value) in AmzHeaders(request, headers))
        {
            text.Append(name).Append(':').Append(value).Append('\n');
        }

        if (place.BucketInHost.Length > 0)
        {
            text.Append('/').Append(place.BucketInHost);
        }

        text.Append(request.Target.RawPath);
        if (!Resources(request.Target, place).Any(resource => Canonical.FixedTimeEquals(Sign(key, text + resource), signature)))
        {
            throw new SignatureException(
                SignatureProblem.Mismatch,
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. "
                + $"In version 2 a link signs the headers Content-MD5, Content-Type and x-amz-*: received were Content-MD5 '{Readable.Truncate(md5)}' and "
                + $"Content-Type '{Readable.Truncate(type)}'.");
        }

        var positional = new[] { KeyValuePair.Create("content-md5", md5), KeyValuePair.Create("content-type", type) }.Where(h => h.Value.Length > 0);
        return new VerifiedSignature(
            key, place.Region, "", "", [], signature, PayloadHash(request))
        { LinkHeaders = [.. LinkHeaders.Of(request), .. positional] };
    }

    /// <summary>Verifies the signature of the policy in a form upload.</summary>
    /// <exception cref="SignatureException">The signature is incomplete or wrong.</exception>
    public AccessKey VerifyPolicy(IReadOnlyDictionary<string, string> fields)
    {
        if (fields.ContainsKey("x-amz-signature") || fields.ContainsKey("x-amz-algorithm"))
        {
            throw SignatureVerifier.TwoSignatures();
        }

        string Required(string name) =>
            fields.GetValueOrDefault(name) is { Length: > 0 } value ? value : throw SignatureVerifier.Incomplete($"The form field '{name}' is missing.");

        var key = keys.Require(Required(KeyName), fields.GetValueOrDefault("x-amz-security-token"));
        return Canonical.FixedTimeEquals(Sign(key, Required("policy")), Required("signature")) ? key
            : throw new SignatureException(
                SignatureProblem.Mismatch,
                "The request signature we calculated does not match the signature you provided: the policy was changed after it was signed, or another key "
                    + "signed it.");
    }

    private void CheckExpiry(string expires)
    {
        var now = clock.GetUtcNow();
        if (!long.TryParse(expires, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) || seconds > DateTimeOffset.MaxValue.ToUnixTimeSeconds())
        {
            throw LinkHeaders.Unusable($"Expires is '{Readable.Truncate(Uri.EscapeDataString(expires))}'; it must be a time in seconds since 1970.");
        }

        var until = DateTimeOffset.FromUnixTimeSeconds(seconds);
        if (until < now)
        {
            throw new SignatureException(
                SignatureProblem.Expired, $"Request has expired: it was valid until {Canonical.Time(until)}, the server's time is {Canonical.Time(now)}.");
        }

        if (IsTooFar(until))
        {
            throw LinkHeaders.Unusable(
                $"Expires is {Canonical.Time(until)}; a link may be valid for {SignatureVerifier.ExpirySecondsMax} s (a week), and the server's time is "
                    + $"{Canonical.Time(now)}.");
        }
    }

    /// <summary>The holder of a link can add parameters that the signature does not cover. None of them may change its meaning.</summary>
    private static void CheckCovered(IQueryCollection query)
    {
        var other = query.Keys.Where(name => !_covered.Contains(name) && !_harmless.Contains(name) && name is not (KeyName or "Expires" or "Signature")
            && !name.StartsWith("x-amz-", StringComparison.OrdinalIgnoreCase) && !IsPositional(name)).Order(StringComparer.Ordinal).ToList();
        if (other.Count > 0)
        {
            throw new SignatureException(
                SignatureProblem.NotSigned,
                $"There were parameters present in the request which were not signed: a signature of version 2 does not cover "
                    + $"'{Readable.Truncate(Uri.EscapeDataString(string.Join(';', other)))}'. Sign such a link with version 4 (boto3: "
                    + $"signature_version='s3v4').");
        }

        // The signed text joins names and values by & and =, so a value that contains them looks like further parameters. response-* parameters, whose values
        // are free text, are thus allowed for GetObject only.
        if (query.Keys.Any(IsResponse)
            && query.Keys.FirstOrDefault(name => _covered.Contains(name) && !IsResponse(name) && name is not ("versionId" or "partNumber")) is { } mixed)
        {
            throw new SignatureException(
                SignatureProblem.NotSigned, $"A link of version 2 with response-* parameters gets an object; it cannot also have '{mixed}'.");
        }

        if (query.Where(p => _covered.Contains(p.Key)).FirstOrDefault(p => p.Value.ToString().Any(char.IsControl)).Key is { } unusable)
        {
            throw LinkHeaders.Unusable($"The value of the parameter '{unusable}' holds control characters.");
        }
    }

    private static bool IsResponse(string name) => name.StartsWith("response-", StringComparison.Ordinal);

    private static bool IsPositional(string name) =>
        name.Equals("content-md5", StringComparison.OrdinalIgnoreCase) || name.Equals("content-type", StringComparison.OrdinalIgnoreCase);

    /// <summary>A header with its own line in the signed text. botocore moves it into the link.</summary>
    private static string Positional(SignedRequest request, string name)
    {
        var header = string.Join(',', request.Lines(name)).Trim();
        var parameters = request.Target.Query.Where(p => p.Key.Equals(name, StringComparison.OrdinalIgnoreCase))
            .Select(p => LinkHeaders.Checked(p.Key, p.Value.ToString()).Trim()).ToList();
        return parameters.Count switch
        {
            0 => header,
            1 when header.Length == 0 || header == parameters[0] => parameters[0],
            _ => throw LinkHeaders.Unusable($"'{name}' is given more than once, in the link or as a header, with different values."),
        };
    }

    /// <summary>
    /// All x-amz- headers, from the link and the request: a header added by the sender changes the signed text. A link does not sign the date.
    /// </summary>
    private static IEnumerable<KeyValuePair<string, string>> AmzHeaders(SignedRequest request, List<KeyValuePair<string, string>> ofLink) =>
        request.Headers.Where(h => h.Key.StartsWith("x-amz-", StringComparison.OrdinalIgnoreCase))
            .GroupBy(h => h.Key.ToLowerInvariant(), h => h.Value.Trim())
            .Select(h => KeyValuePair.Create(h.Key, string.Join(',', h)))
            .Concat(ofLink.Select(h => KeyValuePair.Create(h.Key, h.Value.Trim())))
            .Where(h => h.Key != "x-amz-date").DistinctBy(h => h.Key).OrderBy(h => h.Key, StringComparer.Ordinal);

    /// <summary>
    /// The possible endings of the signed text after the path: the covered parameters, with unencoded values. Some clients sign <c>tagging</c>, others
    /// <c>tagging=</c>, and botocore signs <c>/bucket/</c> where it sends <c>/bucket</c>; the meaning is the same.
    /// </summary>
    private static IEnumerable<string> Resources(RequestTarget target, UnscopedPlace place)
    {
        var covered = target.Query.Where(p => _covered.Contains(p.Key)).OrderBy(p => p.Key, StringComparer.Ordinal)
            .Select(p => (Name: p.Key, Value: p.Value.ToString())).ToList();
        string Joined(string ifEmpty) =>
            covered.Count == 0 ? "" : "?" + string.Join('&', covered.Select(p => p.Value.Length > 0 ? $"{p.Name}={p.Value}" : p.Name + ifEmpty));
        string[] joined = covered.Exists(p => p.Value.Length == 0) ? [Joined(""), Joined("=")] : [Joined("")];
        var isBucket = place.BucketInHost.Length == 0 && target.RawPath.Length > 1 && target.RawPath.LastIndexOf('/') == 0;
        return isBucket ? joined.SelectMany(text => new[] { text, "/" + text }) : joined;
    }

    private static string PayloadHash(SignedRequest request)
    {
        var declared = string.Join(',', request.Lines("x-amz-content-sha256")).Trim();
        return declared.Length == 0 || declared == "UNSIGNED-PAYLOAD" ? "UNSIGNED-PAYLOAD"
            : Canonical.IsHash(declared) ? declared
            : throw new SignatureException(
                SignatureProblem.PayloadForm,
                $"x-amz-content-sha256 of a link of version 2 must be UNSIGNED-PAYLOAD or a valid sha256 value; received '{Readable.Truncate(declared)}'.");
    }

#pragma warning disable CA5350 // The protocol requires HMAC-SHA1.
    private static string Sign(AccessKey key, string text) =>
        Convert.ToBase64String(HMACSHA1.HashData(Encoding.UTF8.GetBytes(key.SecretAccessKey), Encoding.UTF8.GetBytes(text)));
#pragma warning restore CA5350
}
