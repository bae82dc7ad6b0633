using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using Microsoft.AspNetCore.Builder;
using Ocellus.Storage;

namespace Ocellus.Tests;

/// <summary>The real server on a temporary data directory and a free port. Disposing stops it and removes the directory.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private DataDirectory _data = null!;
    private WebApplication _app = null!;

    /// <summary>Trainings of tests are to end soon; what more time brings is tested where the learning is.</summary>
    static TestServer() => Environment.SetEnvironmentVariable("Ocellus__Training__TimeBudget", "00:00:10");

    private readonly KeyValuePair<string, string?>[] _settings;

    private TestServer(string dataPath, IEnumerable<(string Name, string Value)> settings)
    {
        DataPath = dataPath;
        _settings = [.. settings.Select(s => KeyValuePair.Create(s.Name, (string?)s.Value))];
    }

    /// <summary>The data directory.</summary>
    public string DataPath { get; }

    /// <summary>Where the server listens, such as <c>http://127.0.0.1:40123/</c>. Another after each restart.</summary>
    public Uri BaseAddress { get; private set; } = null!;

    /// <summary>The key of the credentials file.</summary>
    public Signer Signer { get; private set; } = null!;

    /// <summary>A client that signs nothing; follows no redirects.</summary>
    public HttpClient Client { get; } = new(new SocketsHttpHandler { AllowAutoRedirect = false, RequestHeaderEncodingSelector = (_, _) => Encoding.UTF8 });

    /// <summary>The server's services.</summary>
    public IServiceProvider Services => _app.Services;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Starts a server on a new data directory.</summary>
    /// <param name="settings">Names such as <c>Ocellus:Quotas:Copies</c> and their values.</param>
    public static async Task<TestServer> StartAsync(params IEnumerable<(string Name, string Value)> settings)
    {
        var server = new TestServer(Path.Combine(Path.GetTempPath(), "ocellus-test-" + Guid.NewGuid().ToString("N")), settings);
        try
        {
            await server.OpenAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Stops the server and starts it again on the same data directory.</summary>
    /// <param name="whileStopped">What to do to the data directory in between.</param>
    public async Task RestartAsync(Action? whileStopped = null)
    {
        await CloseAsync();
        whileStopped?.Invoke();
        await OpenAsync();
    }

    /// <summary>Calls an operation of the API, such as <c>CreateProject</c>, with a JSON text as its body.</summary>
    public Task<ApiAnswer> CallAsync(string operation, string json) => CallAsync(operation, Encoding.UTF8.GetBytes(json), Signer);

    /// <summary>Calls an operation of the API with any body, signed by any signer.</summary>
    public async Task<ApiAnswer> CallAsync(string? operation, byte[] body, Signer signer)
    {
        using var request = ApiRequest(operation, body);
        signer.Sign(request, "rekognition", Signer.HashOf(body));
        return await AnswerAsync(request);
    }

    /// <summary>A request to the API that is not signed yet.</summary>
    public HttpRequestMessage ApiRequest(string? operation, byte[] body)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, BaseAddress) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-amz-json-1.1");
        if (operation is not null)
        {
            request.Headers.TryAddWithoutValidation("X-Amz-Target", "RekognitionService." + operation);
        }

        return request;
    }

    /// <summary>Sends a request to the API as it is and reads the answer.</summary>
    public async Task<ApiAnswer> AnswerAsync(HttpRequestMessage request)
    {
        using var response = await Client.SendAsync(request, Cancel);
        var text = await response.Content.ReadAsStringAsync(Cancel);
        return new((int)response.StatusCode, text.Length == 0 ? default : JsonSerializer.Deserialize<JsonElement>(text));
    }

    /// <summary>Sends a signed request to the object store.</summary>
    /// <param name="method">HTTP method.</param>
    /// <param name="path">Bucket and key, encoded as they go over the wire: see <see cref="Tests.Signer.Path"/>.</param>
    /// <param name="query">Encoded query without its question mark.</param>
    /// <param name="headers">Headers to add.</param>
    /// <param name="body">The body; its hash is signed.</param>
    public Task<HttpResponseMessage> SendS3Async(
        HttpMethod method, string path, string query = "", IEnumerable<(string Name, string Value)>? headers = null, byte[]? body = null) =>
        SendS3Async(method, path, query, headers, body is null ? null : new ByteArrayContent(body), Signer.HashOf(body ?? []), Signer);

    /// <summary>Sends a request to the object store with any body, signed by any signer over the payload hash as given.</summary>
    public async Task<HttpResponseMessage> SendS3Async(
        HttpMethod method, string path, string query, IEnumerable<(string Name, string Value)>? headers, HttpContent? content, string payloadHash,
        Signer signer)
    {
        using var request = S3Request(method, path, query, headers, content);
        signer.Sign(request, "s3", payloadHash);
        return await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, Cancel);
    }

    /// <summary>A request to the object store that is not signed yet.</summary>
    public HttpRequestMessage S3Request(
        HttpMethod method, string path, string query = "", IEnumerable<(string Name, string Value)>? headers = null, HttpContent? content = null)
    {
        var request = new HttpRequestMessage(
            method, Signer.Raw(BaseAddress.GetLeftPart(UriPartial.Authority) + path + (query.Length == 0 ? "" : "?" + query)))
        { Content = content };
        foreach (var (name, value) in headers ?? [])
        {
            if (name.StartsWith("Content-", StringComparison.OrdinalIgnoreCase) || name.Equals("Expires", StringComparison.OrdinalIgnoreCase))
            {
                request.Content ??= new ByteArrayContent([]);
                request.Content.Headers.Remove(name);
                request.Content.Headers.TryAddWithoutValidation(name, value);
            }
            else
            {
                request.Headers.TryAddWithoutValidation(name, value);
            }
        }

        return request;
    }

    /// <summary>Makes a bucket.</summary>
    public async Task CreateBucketAsync(string bucket)
    {
        using var response = await SendS3Async(HttpMethod.Put, "/" + bucket);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    /// <summary>Stores an object.</summary>
    public async Task PutObjectAsync(string bucket, string key, byte[] content)
    {
        using var response = await SendS3Async(HttpMethod.Put, $"/{bucket}/{Signer.Path(key)}", body: content);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    /// <summary>The XML of an answer of the object store.</summary>
    public static async Task<XElement> XmlAsync(HttpResponseMessage response) => XElement.Parse(await response.Content.ReadAsStringAsync(Cancel));

    public async ValueTask DisposeAsync()
    {
        await CloseAsync();
        Client.Dispose();
        TestDatabase.Drop(DataPath);
        await TestFolders.RemoveAsync(DataPath);
    }

    private async Task OpenAsync()
    {
        _data = TestDatabase.Open(DataPath);
        _app = await Server.BuildAsync(_data, "http://127.0.0.1:0", Microsoft.Extensions.Logging.LogLevel.Information, _settings, Cancel);
        await _app.StartAsync(Cancel);
        BaseAddress = new Uri(_app.Urls.First() + "/");
        var credentials = (await File.ReadAllLinesAsync(_data.CredentialsPath, Cancel)).Select(l => l.Split('=', 2, StringSplitOptions.TrimEntries))
            .Where(p => p.Length == 2).ToDictionary(p => p[0], p => p[1]);
        Signer = new(credentials["aws_access_key_id"], credentials["aws_secret_access_key"], credentials["region"]);
    }

    private async Task CloseAsync()
    {
        if (_app is not null)
        {
            // Not the test's token: a cancelled test still stops its server in good order.
            await _app.StopAsync(CancellationToken.None);
            await _app.DisposeAsync();
        }

        _data?.Dispose();
        _app = null!;
        _data = null!;
    }
}

/// <summary>An answer of the API: HTTP status and body, which is undefined when it was empty.</summary>
internal sealed record ApiAnswer(int Status, JsonElement Body)
{
    /// <summary>Name of the error, or null.</summary>
    public string? Error => Body.ValueKind == JsonValueKind.Object && Body.TryGetProperty("__type", out var type) ? type.GetString() : null;

    /// <summary>Message of the error, in either envelope.</summary>
    public string Message => Body.TryGetProperty("message", out var lower) ? lower.GetString()! : Body.GetProperty(nameof(Message)).GetString()!;
}
