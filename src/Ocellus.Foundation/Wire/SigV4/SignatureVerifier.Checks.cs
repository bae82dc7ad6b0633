using System.Globalization;
using System.Text;
using Ocellus.Encodings;
using Ocellus.Identity;

namespace Ocellus.Wire.SigV4;

internal sealed partial class SignatureVerifier
{
    private static VerifiedSignature Check(
        SignedRequest request,
        IReadOnlyList<KeyValuePair<string, string>> query,
        bool objectStore,
        string[] signedHeaders,
        string payloadHash,
        AccessKey key,
        Credential credential,
        DateTimeOffset date,
        string signature)
    {
        var canonical = new StringBuilder()
            .Append(request.Method).Append('\n')
            .Append(Canonical.Path(request.Target.RawPath, objectStore)).Append('\n')
            .Append(Canonical.Query(query)).Append('\n');
        foreach (var name in signedHeaders)
        {
            var value = Header(request, name)
                ?? throw Incomplete($"The signed header '{name}' is not in the request.");
            canonical.Append(name).Append(':').Append(value).Append('\n');
        }

        canonical.Append('\n').AppendJoin(';', signedHeaders).Append('\n').Append(payloadHash);

        var amzDate = Canonical.Time(date);
        var toSign = $"{Canonical.Algorithm}\n{amzDate}\n{credential.Scope}\n{Canonical.Hash(canonical.ToString())}";
        var signingKey = Canonical.SigningKey(key.SecretAccessKey, credential.Day, credential.Region, credential.Service);
        if (!Canonical.FixedTimeEquals(Canonical.Sign(signingKey, toSign), signature))
        {
            throw new SignatureException(
                SignatureProblem.Mismatch,
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. "
                + $"The signature is of access key '{key.AccessKeyId}', over the headers '{string.Join(';', signedHeaders)}'.");
        }

        return new VerifiedSignature(key, credential.Region, amzDate, credential.Scope, signingKey, signature, payloadHash);
    }

    /// <summary>
    /// Requires that headers which change the meaning of a request are signed, so that no intermediary can add them: the operation for the API, and all x-amz-
    /// headers for S3, as in AWS.
    /// </summary>
    private static void CheckSigned(SignedRequest request, string[] signedHeaders, bool objectStore)
    {
        var unsigned = request.Headers.Select(header => header.Key.ToLowerInvariant())
            .Where(name => objectStore ? name.StartsWith("x-amz-", StringComparison.Ordinal) : name == "x-amz-target")
            .Except(signedHeaders, StringComparer.Ordinal).ToList();
        if (unsigned.Count > 0)
        {
            throw new SignatureException(
                SignatureProblem.NotSigned,
                $"There were headers present in the request which were not signed: '{Readable.Truncate(string.Join(';', unsigned))}'; signed were "
                    + $"'{Readable.Truncate(string.Join(';', signedHeaders))}'.");
        }
    }

    private void CheckDay(Credential credential, DateTimeOffset date)
    {
        var amzDate = Canonical.Time(date);
        if (!amzDate.StartsWith(credential.Day, StringComparison.Ordinal))
        {
            throw new SignatureException(
                SignatureProblem.WrongScope,
                $"Date in Credential scope does not match the date of the request: '{credential.Day}' against '{amzDate}'; the server's time is "
                    + $"{Canonical.Time(clock.GetUtcNow())}.");
        }
    }

    private static string PayloadHash(string? declared, string? bodyHash, bool objectStore)
    {
        if (declared is not null && Canonical.IsHash(declared))
        {
            if (bodyHash is not null && !string.Equals(declared, bodyHash, StringComparison.OrdinalIgnoreCase))
            {
                throw new SignatureException(
                    SignatureProblem.BodyMismatch,
                    $"The provided 'x-amz-content-sha256' header does not match what was computed: received '{declared}', computed '{bodyHash}'.");
            }

            return declared;
        }

        // Only S3 has unsigned and streamed bodies; the API always uses the hash of the body.
        if (declared is { Length: > 0 } && objectStore)
        {
            return declared == UnsignedPayload || _streamedPayloads.Contains(declared) ? declared : throw new SignatureException(
                SignatureProblem.PayloadForm,
                $"x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, "
                    + $"STREAMING-UNSIGNED-PAYLOAD-TRAILER, or a valid sha256 value; received '{Readable.Truncate(declared)}'.");
        }

        return bodyHash?.ToLowerInvariant()
            ?? throw Incomplete($"The header 'x-amz-content-sha256' is missing or not usable here: '{declared}'.");
    }

    private static string[] SplitSignedHeaders(string text)
    {
        var names = text.Split(';');
        // No duplicates: every name adds its header's value to the signed text, so repeated names could inflate kilobytes to megabytes.
        if (!names.All(name => HeaderText.IsName(name) && !name.Any(char.IsAsciiLetterUpper)) || names.Distinct(StringComparer.Ordinal).Count() < names.Length)
        {
            throw Incomplete(
                $"SignedHeaders must be lower-case names of headers, each once, joined by ';'; received '{Readable.Truncate(Uri.EscapeDataString(text))}'.");
        }

        return names.Contains("host")
            ? names
            : throw Incomplete($"The header 'host' must be among the signed headers; signed were '{Readable.Truncate(text)}'.");
    }

    private static DateTimeOffset ParseDate(string text)
    {
        const DateTimeStyles styles = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal;
        return DateTimeOffset.TryParseExact(text, [Canonical.DateFormat, "r"], CultureInfo.InvariantCulture, styles, out var date)
            ? date
            : throw Incomplete($"Date must be in ISO-8601 'basic format'. Got '{Readable.Truncate(text)}'.");
    }

    private static string RequiredPart(Dictionary<string, string> parts, string name) =>
        parts.TryGetValue(name, out var value) && value.Length > 0
            ? value
            : throw Incomplete($"Authorization header requires '{name}' parameter. Found: '{string.Join(", ", parts.Keys)}'.");

    /// <summary>The canonical value of a header, its lines joined by commas; null if there is none.</summary>
    private static string? Header(SignedRequest request, string name)
    {
        var values = request.Lines(name).Select(Canonical.HeaderValue).ToList();
        return values.Count == 0 ? null : string.Join(',', values);
    }

    private static string? Parameter(IReadOnlyList<KeyValuePair<string, string>> query, string name)
    {
        var values = query.Where(pair => pair.Key == name).ToList();
        return values.Count switch
        {
            0 => null,
            1 => Canonical.DecodeText(values[0].Value),
            _ => throw Incomplete($"The query parameter '{name}' is given more than once."),
        };
    }
}
