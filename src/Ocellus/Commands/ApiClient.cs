using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Ocellus.Refusals;
using Ocellus.Wire.SigV4;

namespace Ocellus.Commands;

/// <summary>
/// A small AWS client: signs with Signature Version 4 and calls operations and the object store over HTTP, as any SDK does. The demo takes the same path as its
/// user will.
/// </summary>
internal sealed class ApiClient : IDisposable
{
    private readonly HttpClient _http = WithoutProxy();
    private readonly Uri _endpoint;
    private readonly string _key;
    private readonly string _secret;
    private readonly string _region;

    private ApiClient(Uri endpoint, string key, string secret, string region) => (_endpoint, _key, _secret, _region) = (endpoint, key, secret, region);

    /// <summary>
    /// A client for a server on this machine. It uses no proxy, whatever the environment says, so that local requests do not leave the machine.
    /// </summary>
    public static HttpClient WithoutProxy() => new(new SocketsHttpHandler { UseProxy = false });

    /// <summary>A client with the default profile of an AWS shared-credentials file.</summary>
    /// <exception cref="InvalidDataException">The file has no key.</exception>
    public static ApiClient Open(string endpoint, string credentials)
    {
        var (key, secret, region) = Profile(credentials);
        return new ApiClient(new Uri(endpoint.TrimEnd('/') + "/"), key, secret, region);
    }

    /// <summary>The first profile of an AWS shared-credentials file.</summary>
    /// <exception cref="InvalidDataException">The file has no key.</exception>
    public static (string Key, string Secret, string Region) Profile(string credentials)
    {
        var values = File.ReadLines(credentials).Select(l => l.Split('=', 2, StringSplitOptions.TrimEntries)).Where(p => p.Length == 2)
            .ToLookup(p => p[0], p => p[1], StringComparer.Ordinal);
        return values["aws_access_key_id"].FirstOrDefault() is { } key && values["aws_secret_access_key"].FirstOrDefault() is { } secret
            ? (key, secret, values["region"].FirstOrDefault() ?? "us-east-1")
            : throw new InvalidDataException($"{credentials} has no aws_access_key_id and aws_secret_access_key.");
    }

    /// <summary>Calls an operation of the API.</summary>
    /// <exception cref="CommandRefusedException">It was refused; the message has the error's name and text.</exception>
    public async Task<JsonObject> CallAsync(string operation, JsonObject request, CancellationToken cancel)
    {
        var body = Encoding.UTF8.GetBytes(request.ToJsonString());
        using var message = new HttpRequestMessage(HttpMethod.Post, _endpoint) { Content = new ByteArrayContent(body) };
        message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-amz-json-1.1");
        message.Headers.TryAddWithoutValidation("X-Amz-Target", "RekognitionService." + operation);
        Sign(message, "rekognition", body);
        using var response = await _http.SendAsync(message, cancel);
        var text = await response.Content.ReadAsStringAsync(cancel);
        var answer = text.Length == 0 ? [] : JsonNode.Parse(text)!.AsObject();
        return response.IsSuccessStatusCode
            ? answer
            : throw new CommandRefusedException($"{operation} was refused: {answer["__type"]}: {answer["message"] ?? answer["Message"]}");
    }

    /// <summary>Creates a bucket, unless this account has it.</summary>
    public async Task CreateBucketAsync(string bucket, CancellationToken cancel)
    {
        using var response = await SendAsync(HttpMethod.Put, $"/{bucket}", [], cancel);
        if (response.StatusCode != HttpStatusCode.Conflict
            || !(await response.Content.ReadAsStringAsync(cancel)).Contains("BucketAlreadyOwnedByYou", StringComparison.Ordinal))
        {
            await RequireAsync(response, $"bucket {bucket}", cancel);
        }
    }

    public async Task PutAsync(string bucket, string key, byte[] content, CancellationToken cancel)
    {
        using var response = await SendAsync(HttpMethod.Put, PathOf(bucket, key), content, cancel);
        await RequireAsync(response, $"s3://{bucket}/{key}", cancel);
    }

    public async Task<byte[]> GetAsync(string bucket, string key, CancellationToken cancel)
    {
        using var response = await SendAsync(HttpMethod.Get, PathOf(bucket, key), [], cancel);
        await RequireAsync(response, $"s3://{bucket}/{key}", cancel);
        return await response.Content.ReadAsByteArrayAsync(cancel);
    }

    public void Dispose() => _http.Dispose();

    private static string PathOf(string bucket, string key) => $"/{bucket}/{RequestSigner.PathOf(key)}";

    private static async Task RequireAsync(HttpResponseMessage response, string what, CancellationToken cancel)
    {
        if (!response.IsSuccessStatusCode)
        {
            throw new CommandRefusedException(
                $"The object store refused {what} with {(int)response.StatusCode}: {await response.Content.ReadAsStringAsync(cancel)}");
        }
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, byte[] body, CancellationToken cancel)
    {
        using var message = new HttpRequestMessage(method, new Uri(_endpoint, path));
        if (method == HttpMethod.Put)
        {
            message.Content = new ByteArrayContent(body);
        }

        Sign(message, "s3", body);
        return await _http.SendAsync(message, cancel);
    }

    private void Sign(HttpRequestMessage message, string service, byte[] body) =>
        RequestSigner.Sign(message, service, Canonical.Hash(body), new(_key, _secret, null, _region), TimeProvider.System.GetUtcNow());
}
