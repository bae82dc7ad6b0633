using System.Globalization;
using System.Text;

namespace Ocellus.Tests.Objects;

/// <summary>Uploads that say in a form or in a link what others say in headers.</summary>
internal static class FormCalls
{
    /// <summary>A link whose parameters stand for headers.</summary>
    public static Uri Link(this TestServer server, HttpMethod method, string target, params (string Name, string Value)[] parameters) =>
        server.Signer.Presign(method,
            Signer.Raw(server.BaseAddress.GetLeftPart(UriPartial.Authority) + target + (target.Contains('?', StringComparison.Ordinal) ? "&" : "?")
            + string.Join('&', parameters.Select(p => $"{Uri.EscapeDataString(p.Name)}={Uri.EscapeDataString(p.Value)}"))), "60");

    /// <summary>Sends a form whose policy allows every field that it has.</summary>
    public static async Task<HttpResponseMessage> PostAsync(this TestServer server, params (string Name, string Value)[] fields)
    {
        var until = DateTimeOffset.UtcNow.AddMinutes(1).ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
        var conditions = string.Join(',', fields.Where(f => !f.Name.StartsWith("x-ignore-", StringComparison.Ordinal))
            .Select(f => System.Text.Json.JsonSerializer.Serialize(new[] { "starts-with", "$" + f.Name, "" })));
        const string OfTheSignature = """["starts-with","$x-amz-algorithm",""],["starts-with","$x-amz-credential",""],["starts-with","$x-amz-date",""]""";
        var signed = server.Signer.SignPolicy($$"""{"expiration":"{{until}}","conditions":[{{conditions}},{"bucket":"bucket"},{{OfTheSignature}}]}""");
        var mark = "----" + Guid.NewGuid().ToString("N");
        var body = new StringBuilder();
        foreach (var (name, value) in fields.Concat(signed.Select(s => (s.Key, s.Value))))
        {
            body.Append(CultureInfo.InvariantCulture,
                $"--{mark}\r\nContent-Disposition: form-data; name=\"{name.Replace("\"", "\\\"", StringComparison.Ordinal)}\"\r\n\r\n{value}\r\n");
        }

        body.Append(CultureInfo.InvariantCulture, $"--{mark}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nx\r\n--{mark}--\r\n");
        var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body.ToString()));
        content.Headers.TryAddWithoutValidation("Content-Type", "multipart/form-data; boundary=" + mark);
        using var request = server.S3Request(HttpMethod.Post, "/bucket", content: content);
        return await server.Client.SendAsync(request, TestContext.Current.CancellationToken);
    }
}
