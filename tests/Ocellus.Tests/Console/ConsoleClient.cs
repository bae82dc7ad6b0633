using System.Net;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Console.Sessions;

namespace Ocellus.Tests.Console;

/// <summary>A browser without a screen: keeps the session's cookie and token, and says where its requests come from.</summary>
internal sealed partial class ConsoleClient(TestServer server)
{
    /// <summary>Keeps no cookies: each client here has its own.</summary>
    private static readonly HttpClient s_http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Name and value of the session's cookie; null without a session.</summary>
    public string? Cookie { get; set; }

    /// <summary>Sent with every change.</summary>
    public string Token { get; set; } = "";

    /// <summary>What the browser says of where a change comes from; null for a browser that says nothing.</summary>
    public string? FetchSite { get; set; } = "same-origin";

    /// <summary>A session of the credentials file's key, by a ticket.</summary>
    public static async Task<ConsoleClient> SignedInAsync(TestServer server, Signer? user = null)
    {
        var client = new ConsoleClient(server);
        using var response = await client.SignInAsync(await TicketAsync(server, user));
        Assert.Equal(HttpStatusCode.SeeOther, response.StatusCode);
        await client.ReadTokenAsync();
        return client;
    }

    public static Task<string> TicketAsync(TestServer server, Signer? user = null) =>
        server.Services.GetRequiredService<SessionCatalog>()
            .IssueTicketAsync(new((user ?? server.Signer).AccessKeyId, (user ?? server.Signer).Region), Cancel);

    public Task<HttpResponseMessage> SignInAsync(string ticket) => SubmitAsync("/ui/sign-in", ("ticket", ticket));

    public Task<HttpResponseMessage> SignInAsync(string key, string secret, string region = "us-east-1") =>
        SubmitAsync("/ui/sign-in", ("key", key), ("secret", secret), ("region", region));

    /// <summary>Takes the token from a page, as its scripts do.</summary>
    public async Task ReadTokenAsync() => Token = TokenOf().Match(await TextAsync("/ui/")).Groups[1].Value;

    public async Task<string> TextAsync(string path, HttpStatusCode status = HttpStatusCode.OK)
    {
        using var response = await GetAsync(path);
        var text = await response.Content.ReadAsStringAsync(Cancel);
        Assert.True(status == response.StatusCode, $"{path} answered {response.StatusCode}: {text}");
        return WebUtility.HtmlDecode(text);
    }

    public Task<HttpResponseMessage> GetAsync(string path, params (string Name, string Value)[] headers) => SendAsync(HttpMethod.Get, path, null, headers);

    public Task<HttpResponseMessage> SubmitAsync(string path, params (string Name, string Value)[] fields) =>
        SendAsync(HttpMethod.Post, path, new FormUrlEncodedContent(fields.Select(f => KeyValuePair.Create(f.Name, f.Value))));

    /// <summary>Calls an operation as the pages do.</summary>
    public async Task<ApiAnswer> CallAsync(string operation, object request)
    {
        using var response = await SendAsync(HttpMethod.Post, "/ui/api/call/" + operation, new StringContent(JsonSerializer.Serialize(request)));
        var text = await response.Content.ReadAsStringAsync(Cancel);
        return new((int)response.StatusCode, text.Length == 0 ? default : JsonSerializer.Deserialize<JsonElement>(text));
    }

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(method, new Uri(server.BaseAddress, path)) { Content = content };
        if (Cookie is not null)
        {
            request.Headers.Add("Cookie", Cookie);
        }

        if (method != HttpMethod.Get)
        {
            request.Headers.Add(ConsoleSession.TokenHeader, Token);
        }

        if (FetchSite is not null)
        {
            request.Headers.Add("Sec-Fetch-Site", FetchSite);
        }

        foreach (var (name, value) in headers)
        {
            request.Headers.Remove(name);
            request.Headers.TryAddWithoutValidation(name, value);
        }

        var response = await s_http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
        foreach (var cookie in response.Headers.TryGetValues("Set-Cookie", out var set) ? set : [])
        {
            var pair = cookie.Split(';')[0];
            Cookie = pair.EndsWith('=') ? null : pair;
        }

        return response;
    }

    [GeneratedRegex("""<meta name="ocellus-token" content="([^"]+)" ?/?>""")]
    private static partial Regex TokenOf();
}
