using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Ocellus.Tests.Wire.SigV2;

/// <summary>Signs links and forms with AWS Signature Version 2, as a client does. It shares no code with the server.</summary>
internal static class VersionTwoSigner
{
    /// <summary>A link.</summary>
    /// <param name="signer">The key.</param>
    /// <param name="method">HTTP method.</param>
    /// <param name="target">Address with the covered parameters, sorted, and nothing else in its query.</param>
    /// <param name="expires">Until when it is good.</param>
    /// <param name="bucketInHost">What the signed text has before the path.</param>
    /// <param name="type">Signed content type.</param>
    /// <param name="headers">Signed x-amz- headers, sorted, which go into the query.</param>
    public static Uri LinkV2(
        this Signer signer, string method, Uri target, DateTimeOffset expires, string bucketInHost = "", string type = "",
        params (string Name, string Value)[] headers)
    {
        var (path, query) = target.PathAndQuery.Split('?', 2) is [var p, var q] ? (p, q) : (target.PathAndQuery, "");
        var time = expires.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var text = $"{method}\n\n{type}\n{time}\n{string.Concat(headers.Select(h => $"{h.Name}:{h.Value}\n"))}"
            + $"{(bucketInHost.Length > 0 ? "/" + bucketInHost : "")}{path}{(query.Length > 0 ? "?" + Uri.UnescapeDataString(query) : "")}";
        var parameters = headers.Select(h => $"&{h.Name}={Uri.EscapeDataString(h.Value)}")
            .Append(type.Length > 0 ? "&content-type=" + Uri.EscapeDataString(type) : "");
        var signature = $"AWSAccessKeyId={signer.AccessKeyId}&Signature={Uri.EscapeDataString(signer.SignV2(text))}&Expires={time}";
        var own = query.Length > 0 ? query + "&" : "";
        return Signer.Raw($"{target.Scheme}://{target.Authority}{path}?{own}{signature}{string.Concat(parameters)}");
    }

    /// <summary>The fields that make a form an upload that a policy allows.</summary>
    public static Dictionary<string, string> SignPolicyV2(this Signer signer, string policy)
    {
        var text = Convert.ToBase64String(Encoding.UTF8.GetBytes(policy));
        return new() { ["AWSAccessKeyId"] = signer.AccessKeyId, ["policy"] = text, ["signature"] = signer.SignV2(text) };
    }

#pragma warning disable CA5350 // The protocol's own hash.
    private static string SignV2(this Signer signer, string text) =>
        Convert.ToBase64String(HMACSHA1.HashData(Encoding.UTF8.GetBytes(signer.Secret), Encoding.UTF8.GetBytes(text)));
#pragma warning restore CA5350
}
