using System.Net;
using System.Text;
using System.Xml.Linq;
using Ocellus.Tests.Identity;

namespace Ocellus.Tests.Objects;

/// <summary>Signed calls of the object store, and what is expected of their answers.</summary>
internal static class S3Calls
{
    public static readonly XNamespace Ns = "http://s3.amazonaws.com/doc/2006-03-01/";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static Task<HttpResponseMessage> SendTextAsync(
        this TestServer server, HttpMethod method, string path, string query = "", string? body = null, Signer? signer = null,
        params (string Name, string Value)[] headers)
    {
        var bytes = body is null ? null : Encoding.UTF8.GetBytes(body);
        return server.SendS3Async(
            method, path, query, headers, bytes is null ? null : new ByteArrayContent(bytes), Signer.HashOf(bytes ?? []), signer ?? server.Signer);
    }

    /// <summary>The document of an answer that is 200.</summary>
    public static async Task<XElement> OkAsync(
        this TestServer server, HttpMethod method, string path, string query = "", string? body = null, params (string Name, string Value)[] headers)
    {
        using var response = await server.SendTextAsync(method, path, query, body, null, headers);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await TestServer.XmlAsync(response);
    }

    /// <summary>The status of an answer, whose body does not matter.</summary>
    public static async Task<int> StatusAsync(
        this TestServer server, HttpMethod method, string path, string query = "", string? body = null, params (string Name, string Value)[] headers)
    {
        using var response = await server.SendTextAsync(method, path, query, body, null, headers);
        return (int)response.StatusCode;
    }

    public static async Task RefusedAsync(
        this TestServer server, HttpMethod method, string path, string query, string? body, int status, string code, string said, Signer? signer = null,
        params (string Name, string Value)[] headers)
    {
        using var response = await server.SendTextAsync(method, path, query, body, signer, headers);
        await AssertErrorAsync(response, status, code, said);
    }

    public static async Task AssertErrorAsync(HttpResponseMessage response, int status, string code, string said)
    {
        var text = await response.Content.ReadAsStringAsync(Cancel);
        Assert.Equal((status, code), ((int)response.StatusCode, text.Length == 0 ? "no body" : XElement.Parse(text).Element("Code")!.Value));
        Assert.Contains(said, XElement.Parse(text).Element("Message")!.Value, StringComparison.Ordinal);
        Assert.Equal(response.Headers.GetValues("x-amz-request-id").Single(), XElement.Parse(text).Element("RequestId")!.Value);
    }
}
