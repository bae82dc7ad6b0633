using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Ocellus.Tests.Console.Images;

/// <summary>A browser without a screen: signed in to the console of a server, at one project's images.</summary>
internal sealed partial class ImagesClient : IDisposable
{
    private readonly HttpClient _client;
    private readonly string _token;
    private readonly string _project;

    private ImagesClient(HttpClient client, string token, string project) => (_client, _token, _project) = (client, token, project);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Signs in with a key.</summary>
    public static async Task<ImagesClient> OpenAsync(TestServer server, string project, Signer? key = null)
    {
        key ??= server.Signer;
        var client = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false }) { BaseAddress = server.BaseAddress };
        client.DefaultRequestHeaders.Add("Sec-Fetch-Site", "same-origin");
        using var form = new FormUrlEncodedContent(
            [new("key", key.AccessKeyId), new("secret", key.Secret), new("region", key.Region)]);
        using var signedIn = await client.PostAsync("/ui/sign-in", form, Cancel);
        Assert.Equal(HttpStatusCode.SeeOther, signedIn.StatusCode);
        client.DefaultRequestHeaders.Add("Cookie", signedIn.Headers.GetValues("Set-Cookie").Single().Split(';')[0]);
        // Also a page that refuses has the token.
        using var page = await client.GetAsync("/ui/", Cancel);
        var home = await page.Content.ReadAsStringAsync(Cancel);
        return new(client, WebUtility.HtmlDecode(Token().Match(home).Groups[1].Value), project);
    }

    public Task<ApiAnswer> GetAsync(string path) => SendAsync(HttpMethod.Get, path, null);

    public Task<ApiAnswer> PostAsync(string path, object body) =>
        SendAsync(HttpMethod.Post, path, new StringContent(JsonSerializer.Serialize(body), Encoding.UTF8, "application/json"));

    public Task<ApiAnswer> UploadAsync(byte[] content, string name, string? label = null, string set = "train") =>
        SendAsync(
            HttpMethod.Put, $"upload?set={set}&name={Uri.EscapeDataString(name)}" + (label is null ? "" : $"&label={Uri.EscapeDataString(label)}"),
            new ByteArrayContent(content));

    public Task<ApiAnswer> PutAsync(string path, byte[] content) => SendAsync(HttpMethod.Put, path, new ByteArrayContent(content));

    /// <summary>Imports a file; the last line of the answer.</summary>
    public async Task<JsonElement> ImportAsync(string name, byte[] content, string more = "")
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, $"/ui/api/p/{_project}/images/import?name={Uri.EscapeDataString(name)}{more}")
        {
            Content = new ByteArrayContent(content),
        };
        request.Headers.Add("X-Ocellus-Token", _token);
        using var response = await _client.SendAsync(request, Cancel);
        var text = await response.Content.ReadAsStringAsync(Cancel);
        Assert.True(response.StatusCode == HttpStatusCode.OK, text);
        return JsonSerializer.Deserialize<JsonElement>(text.TrimEnd().Split('\n')[^1]);
    }

    /// <summary>A picture: its bytes, type and how long a browser may keep it.</summary>
    public async Task<(HttpStatusCode Status, byte[] Bytes, string? Type, CacheControlHeaderValue? Cache)> PictureAsync(string path)
    {
        using var response = await _client.GetAsync($"/ui/api/p/{_project}/images/{path}", Cancel);
        return (response.StatusCode, await response.Content.ReadAsByteArrayAsync(Cancel), response.Content.Headers.ContentType?.MediaType,
            response.Headers.CacheControl);
    }

    public async Task<JsonElement> IndexAsync(string set = "train") => Good(await GetAsync($"index?set={set}"));

    /// <summary>Waits until jobs have brought a set to a number of images.</summary>
    public async Task AwaitTotalAsync(string set, long total)
    {
        while (await GetAsync($"index?set={set}") is not { Status: 200 } index || index.Body.GetProperty("total").GetInt64() != total)
        {
            await Task.Delay(20, Cancel);
        }
    }

    public async Task<JsonElement[]> LinesAsync(string set, params long[] ordinals) =>
        [.. Good(await PostAsync("lines", new { set, ordinals })).GetProperty("images").EnumerateArray()];

    public static JsonElement Good(ApiAnswer answer)
    {
        Assert.True(answer.Status == 200, $"{answer.Status} {answer.Body}");
        return answer.Body;
    }

    public void Dispose() => _client.Dispose();

    private async Task<ApiAnswer> SendAsync(HttpMethod method, string path, HttpContent? content)
    {
        using var request = new HttpRequestMessage(method, $"/ui/api/p/{_project}/images/{path}") { Content = content };
        request.Headers.Add("X-Ocellus-Token", _token);
        using var response = await _client.SendAsync(request, Cancel);
        var text = await response.Content.ReadAsStringAsync(Cancel);
        return new((int)response.StatusCode, text.Length == 0 ? default : JsonSerializer.Deserialize<JsonElement>(text));
    }

    [GeneratedRegex("""name="ocellus-token" content="([^"]+)""")]
    private static partial Regex Token();
}
