namespace Ocellus.Wire.SigV4;

/// <summary>Signs requests with Signature Version 4 in the header, as a client does.</summary>
internal static class RequestSigner
{
    /// <summary>
    /// An address whose path and query stay as they are written: a key of S3 may have <c>..</c> and <c>//</c> in it, and what is sent has to be what is signed.
    /// </summary>
    public static Uri Raw(string address) => new(address, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });

    /// <summary>A key as the path of a request: each part percent-encoded once.</summary>
    public static string PathOf(string key) => string.Join('/', key.Split('/').Select(Uri.EscapeDataString));

    /// <summary>Adds the signature and the headers that belong to it.</summary>
    /// <param name="message">The request, complete but for its signature. Its path is encoded once, as S3 requires; that of the API is '/'.</param>
    /// <param name="service">The signing name, such as <c>rekognition</c> or <c>s3</c>.</param>
    /// <param name="payloadHash">Hexadecimal SHA-256 of the body.</param>
    /// <param name="key">The key.</param>
    /// <param name="now">The time of the signature.</param>
    public static void Sign(HttpRequestMessage message, string service, string payloadHash, SigningIdentity key, DateTimeOffset now)
    {
        var date = Canonical.Time(now);
        message.Headers.TryAddWithoutValidation("x-amz-content-sha256", payloadHash);
        message.Headers.TryAddWithoutValidation("x-amz-date", date);
        if (key.SessionToken is { Length: > 0 } token)
        {
            message.Headers.TryAddWithoutValidation("x-amz-security-token", token);
        }

        List<(string Name, string Value)> headers =
        [
            .. message.Headers.Concat(message.Content?.Headers.AsEnumerable() ?? [])
                .Select(h => (Name: h.Key.ToLowerInvariant(), Value: string.Join(',', h.Value.Select(Canonical.HeaderValue))))
                .Where(h => h.Name.StartsWith("x-amz-", StringComparison.Ordinal) || h.Name == "content-type")
                .Append((Name: "host", Value: message.RequestUri!.Authority))
                .OrderBy(h => h.Name, StringComparer.Ordinal),
        ];
        var names = string.Join(';', headers.Select(h => h.Name));
        var uri = message.RequestUri!;
        var canonical = string.Join(
            '\n',
            [
                message.Method.Method, Canonical.Path(uri.AbsolutePath, service == "s3"), Canonical.Query(Canonical.ParseQuery(uri.Query.TrimStart('?'))),
                .. headers.Select(h => $"{h.Name}:{h.Value}"), "", names, payloadHash,
            ]);
        var scope = $"{date[..8]}/{key.Region}/{service}/aws4_request";
        var signingKey = Canonical.SigningKey(key.SecretAccessKey, date[..8], key.Region, service);
        var signature = Canonical.Sign(signingKey, $"{Canonical.Algorithm}\n{date}\n{scope}\n{Canonical.Hash(canonical)}");
        message.Headers.TryAddWithoutValidation(
            "Authorization", $"{Canonical.Algorithm} Credential={key.AccessKeyId}/{scope}, SignedHeaders={names}, Signature={signature}");
    }
}

/// <summary>Who signs, and for which region.</summary>
/// <param name="AccessKeyId">Public part of the key.</param>
/// <param name="SecretAccessKey">Secret part of the key.</param>
/// <param name="SessionToken">Of temporary credentials; null otherwise.</param>
/// <param name="Region">Such as <c>us-east-1</c>.</param>
internal sealed record SigningIdentity(string AccessKeyId, string SecretAccessKey, string? SessionToken, string Region);
