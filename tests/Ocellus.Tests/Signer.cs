using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Ocellus.Wire.SigV4;

namespace Ocellus.Tests;

/// <summary>
/// Signs requests with AWS Signature Version 4, as a client does. It shares no code with the server's verifier:
/// a fault in one of the two shows as a refused request.
/// </summary>
/// <param name="AccessKeyId">The key to sign with.</param>
/// <param name="Secret">Its secret.</param>
/// <param name="Region">Region of the credential scope.</param>
internal sealed record Signer(string AccessKeyId, string Secret, string Region = "us-east-1")
{
    public const string UnsignedPayload = "UNSIGNED-PAYLOAD";

    /// <summary>What the signing client's clock is off by.</summary>
    public TimeSpan ClockError { get; init; }

    /// <summary>Headers that are sent and left out of the signature.</summary>
    public IReadOnlyCollection<string> LeftOut { get; init; } = [];

    public static string HashOf(ReadOnlySpan<byte> data) => Convert.ToHexStringLower(SHA256.HashData(data));

    /// <summary>Encodes a key for a path: all but unreserved characters and the slashes.</summary>
    public static string Path(string key) =>
        string.Join('/', key.Split('/').Select(s => Uri.EscapeDataString(s).Replace(".", "%2E", StringComparison.Ordinal)));

    /// <summary>Adds date, payload hash and signature. Signed are the host and all x-amz-* headers, and the content type if there is one.</summary>
    /// <returns>The signature, which seeds those of signed chunks.</returns>
    public string Sign(HttpRequestMessage request, string service, string payloadHash)
    {
        var date = Date();
        if (service == "s3")
        {
            request.Headers.TryAddWithoutValidation("x-amz-content-sha256", payloadHash);
        }

        request.Headers.TryAddWithoutValidation("x-amz-date", date);
        var headers = request.Headers.Concat(request.Content?.Headers.AsEnumerable() ?? [])
            .Select(h => (Name: h.Key.ToLowerInvariant(), Value: string.Join(',', h.Value).Trim()))
            .Where(h => h.Name.StartsWith("x-amz-", StringComparison.Ordinal) || h.Name == "content-type")
            .Append((Name: "host", Value: request.Headers.Host ?? request.RequestUri!.Authority))
            .Where(h => !LeftOut.Contains(h.Name, StringComparer.OrdinalIgnoreCase))
            .OrderBy(h => h.Name, StringComparer.Ordinal).ToList();
        var signature = Signature(request.Method.Method, request.RequestUri!, Query(request.RequestUri!), headers, payloadHash, service, date);
        request.Headers.TryAddWithoutValidation(
            "Authorization",
            $"AWS4-HMAC-SHA256 Credential={AccessKeyId}/{Scope(service, date)}, SignedHeaders={string.Join(';', headers.Select(h => h.Name))}, "
                + $"Signature={signature}");
        return signature;
    }

    /// <summary>A link that carries its signature in the query.</summary>
    public Uri Presign(HttpMethod method, Uri target, string expires, params (string Name, string Value)[] headers)
    {
        var date = Date();
        var signed = headers.Select(h => (Name: h.Name.ToLowerInvariant(), h.Value)).Append((Name: "host", Value: target.Authority))
            .OrderBy(h => h.Name, StringComparer.Ordinal).ToList();
        var query = Query(target);
        query.AddRange(
        [
            ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
            ("X-Amz-Credential", Uri.EscapeDataString($"{AccessKeyId}/{Scope("s3", date)}")),
            ("X-Amz-Date", date),
            ("X-Amz-Expires", expires),
            ("X-Amz-SignedHeaders", Uri.EscapeDataString(string.Join(';', signed.Select(h => h.Name)))),
        ]);
        query.Add(("X-Amz-Signature", Signature(method.Method, target, query, signed, UnsignedPayload, "s3", date)));
        var text = string.Join('&', query.Select(p => $"{p.Name}={p.Value}"));
        return Raw($"{target.Scheme}://{target.Authority}{RawPath(target)}?{text}");
    }

    /// <summary>The fields that make a form an upload that a policy allows.</summary>
    /// <param name="policy">The policy, in which DATE and CREDENTIAL stand for those of the signature.</param>
    public Dictionary<string, string> SignPolicy(string policy)
    {
        var date = Date();
        var credential = $"{AccessKeyId}/{Scope("s3", date)}";
        var text = Convert.ToBase64String(
            Encoding.UTF8.GetBytes(policy.Replace("DATE", date, StringComparison.Ordinal).Replace("CREDENTIAL", credential, StringComparison.Ordinal)));
        return new()
        {
            ["policy"] = text,
            ["x-amz-algorithm"] = "AWS4-HMAC-SHA256",
            ["x-amz-credential"] = credential,
            ["x-amz-date"] = date,
            ["x-amz-signature"] = Convert.ToHexStringLower(HMACSHA256.HashData(Key("s3", date), Encoding.UTF8.GetBytes(text))),
        };
    }

    /// <summary>A URI whose path and query stay as they are written: keys may hold dot segments.</summary>
    public static Uri Raw(string text) => new(text, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });

    private static string RawPath(Uri uri) => uri.PathAndQuery.Split('?', 2)[0];

    private static List<(string Name, string Value)> Query(Uri uri) =>
    [
        .. (uri.PathAndQuery.Split('?', 2) is [_, var query] ? query : "").Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Select(p => p.Split('=', 2)).Select(p => (p[0], p.Length > 1 ? p[1] : "")),
    ];

    private string Date() => (DateTimeOffset.UtcNow + ClockError).ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);

    private string Scope(string service, string date) => $"{date[..8]}/{Region}/{service}/aws4_request";

    private string Signature(
        string method, Uri uri, List<(string Name, string Value)> query, List<(string Name, string Value)> headers, string payloadHash, string service,
        string date)
    {
        var canonical = string.Join('\n',
        [
            method,
            RawPath(uri).Replace("%2E", ".", StringComparison.Ordinal),
            string.Join(
                '&', query.OrderBy(p => p.Name, StringComparer.Ordinal).ThenBy(p => p.Value, StringComparer.Ordinal).Select(p => $"{p.Name}={p.Value}")),
            .. headers.Select(h => $"{h.Name}:{h.Value}"),
            "",
            string.Join(';', headers.Select(h => h.Name)),
            payloadHash,
        ]);
        return Convert.ToHexStringLower(
            HMACSHA256.HashData(
                Key(service, date), Encoding.UTF8.GetBytes($"AWS4-HMAC-SHA256\n{date}\n{Scope(service, date)}\n{HashOf(Encoding.UTF8.GetBytes(canonical))}")));
    }

    private byte[] Key(string service, string date) =>
        new[] { date[..8], Region, service, "aws4_request" }.Aggregate(
            Encoding.UTF8.GetBytes("AWS4" + Secret), (key, part) => HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(part)));
}
