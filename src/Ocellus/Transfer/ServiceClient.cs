using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ocellus.Encodings;
using Ocellus.Training.Server;
using Ocellus.Wire.SigV4;

namespace Ocellus.Transfer;

/// <summary>
/// Calls the API of a server: signed, tried again where that helps, and with errors in words. The object store of the same server is
/// <see cref="ObjectClient"/>.
/// </summary>
internal sealed class ServiceClient : IDisposable
{
    /// <summary>Maximum bytes of an answer: a page of 100 entries may have 100,000 characters each.</summary>
    private const long AnswerBytesMax = 64 * 1024 * 1024;

    /// <summary>How long a server that has answered before may be away, as during its restart.</summary>
    private static readonly TimeSpan _awayMax = TimeSpan.FromMinutes(1);

    /// <summary>How long a server is asked again that answers but cannot do it now.</summary>
    private static readonly TimeSpan _busyMax = TimeSpan.FromSeconds(20);

    /// <summary>How long a body may take, and one that may be as large as a model: the time-out of the client ends with the headers.</summary>
    private static readonly TimeSpan _bodyMax = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan _largeBodyMax = TimeSpan.FromMinutes(30);

    private static readonly TimeSpan _delayFirst = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan _delayMax = TimeSpan.FromSeconds(4);
    private readonly HttpClient _http;
    private bool _hasAnswered;

    public ServiceClient(ServiceEndpoint endpoint)
    {
        Endpoint = endpoint;
        // Requests to this machine do not leave it, whatever the environment says of proxies.
        var handler = new SocketsHttpHandler
        {
            UseProxy = !endpoint.Api.IsLoopback,
            AllowAutoRedirect = false,
            ConnectTimeout = TimeSpan.FromSeconds(15),
            AutomaticDecompression = DecompressionMethods.None,
        };
        _http = new(handler) { Timeout = TimeSpan.FromMinutes(5) };
        Objects = new(this);
    }

    public ServiceEndpoint Endpoint { get; }

    /// <summary>The object store beside the API.</summary>
    public ObjectClient Objects { get; }

    public void Dispose() => _http.Dispose();

    /// <summary>Calls an operation.</summary>
    /// <exception cref="ServiceException">It was refused, or there is no answer.</exception>
    public async Task<JsonObject> CallAsync(string operation, JsonObject request, CancellationToken cancel)
    {
        var body = Encoding.UTF8.GetBytes(request.ToJsonString());
        using var response = await SendAsync(
            operation,
            () => Message("RekognitionService." + operation, body), "rekognition", Canonical.Hash(body), Endpoint.Region, ApiErrorAsync, cancel);
        try
        {
            var text = await response.Content.ReadAsByteArrayAsync(cancel);
            return text.Length == 0 ? [] : JsonNode.Parse(text)!.AsObject();
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException or NullReferenceException)
        {
            throw new ServiceException("", (int)response.StatusCode, $"{Endpoint.Name} does not answer {operation} as Custom Labels does: no JSON object.");
        }
    }

    /// <summary>Calls an operation that Ocellus has beside those of AWS, under a service name of its own.</summary>
    /// <param name="operation">Such as <c>ReadModel</c>.</param>
    /// <param name="request">Its request.</param>
    /// <param name="bytesMax">Maximum bytes of the answer.</param>
    /// <param name="cancel">Cancels.</param>
    /// <exception cref="ServiceException">Refused, also by a server that does not know the operation.</exception>
    public async Task<byte[]> CallOwnAsync(string operation, JsonObject request, long bytesMax, CancellationToken cancel)
    {
        var body = Encoding.UTF8.GetBytes(request.ToJsonString());
        using var response = await SendAsync(
            operation, () => Message(ModelTransfer.TargetPrefix + operation, body), ModelTransfer.Service, Canonical.Hash(body), Endpoint.Region, ApiErrorAsync,
            cancel, bytesMax: bytesMax);
        return response.Content.Headers.ContentLength > bytesMax
            ? throw new ServiceException("TooLarge", 200, $"{Endpoint.Name} answers {operation} with more than {bytesMax:N0} bytes.")
            : await response.Content.ReadAsByteArrayAsync(cancel);
    }

    /// <summary>The items of all pages of an operation that lists.</summary>
    /// <param name="operation">Such as <c>ListDatasetEntries</c>.</param>
    /// <param name="request">Its request; the token of the page is set here.</param>
    /// <param name="member">The list in each answer.</param>
    /// <param name="cancel">Cancels.</param>
    public async IAsyncEnumerable<JsonNode> ListAsync(string operation, JsonObject request, string member, [EnumeratorCancellation] CancellationToken cancel)
    {
        string? seen = null;
        do
        {
            var answer = await CallAsync(operation, request, cancel);
            foreach (var item in answer[member] as JsonArray ?? [])
            {
                if (item is not null)
                {
                    yield return item;
                }
            }

            var next = (string?)answer["NextToken"];
            if (next is not null && next == seen)
            {
                throw new ServiceException("", 200, $"{Endpoint.Name} gives the same page of {operation} again and again.");
            }

            (seen, request["NextToken"]) = (next, next);
        }
        while (seen is { Length: > 0 });
    }

    /// <summary>Sends a request until it is accepted, refused for good, or it has taken too long.</summary>
    /// <param name="what">For a person: what is asked.</param>
    /// <param name="request">Makes the request, each time anew.</param>
    /// <param name="service">Signing name.</param>
    /// <param name="payloadHash">Hash of the body.</param>
    /// <param name="region">Region to sign for.</param>
    /// <param name="read">Makes an error of a response.</param>
    /// <param name="cancel">Cancels.</param>
    /// <param name="isFine">Responses that are no errors; null for those with status 2xx.</param>
    /// <param name="bytesMax">Maximum bytes of a body; a longer one is left unread.</param>
    internal async Task<HttpResponseMessage> SendAsync(
        string what, Func<HttpRequestMessage> request, string service, string payloadHash, string region,
        Func<string, HttpResponseMessage, CancellationToken, Task<ServiceException>> read, CancellationToken cancel,
        Func<HttpResponseMessage, bool>? isFine = null, long bytesMax = AnswerBytesMax)
    {
        var began = TimeProvider.System.GetTimestamp();
        for (var delay = _delayFirst; ; delay = delay * 2 < _delayMax ? delay * 2 : _delayMax)
        {
            ServiceException failure;
            try
            {
                using var message = request();
                var key = await KeyAsync(region);
                RequestSigner.Sign(message, service, payloadHash, key, TimeProvider.System.GetUtcNow());
                var response = await _http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, cancel);
                _hasAnswered = true;
                if (response.Content.Headers.ContentLength is null || response.Content.Headers.ContentLength <= bytesMax)
                {
                    // Here, so that a connection that breaks in the middle of a body is tried again too.
                    using var within = CancellationTokenSource.CreateLinkedTokenSource(cancel);
                    within.CancelAfter(bytesMax > AnswerBytesMax ? _largeBodyMax : _bodyMax);
                    await response.Content.LoadIntoBufferAsync(bytesMax, within.Token);
                }

                if (isFine?.Invoke(response) ?? response.IsSuccessStatusCode)
                {
                    return response;
                }

                using (response)
                {
                    failure = await read(what, response, cancel);
                }

                if (!IsTransient(failure) || TimeProvider.System.GetElapsedTime(began) > _busyMax)
                {
                    throw failure;
                }
            }
            catch (Exception away) when ((away is HttpRequestException or IOException or TaskCanceledException) && !cancel.IsCancellationRequested)
            {
                failure = new ServiceException("", 0, $"{Endpoint.Name} does not answer ({what}): {Innermost(away)}", away);
                if (!_hasAnswered || away.InnerException is AuthenticationException || TimeProvider.System.GetElapsedTime(began) > _awayMax)
                {
                    throw failure;
                }
            }

            // Up to a quarter more or less, so that parallel requests do not come back all at once.
            await Task.Delay(delay * (0.75 + (Random.Shared.NextDouble() / 2)), cancel);
        }
    }

    private HttpRequestMessage Message(string target, byte[] body)
    {
        var message = new HttpRequestMessage(HttpMethod.Post, Endpoint.Api) { Content = new ByteArrayContent(body) };
        message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-amz-json-1.1");
        message.Headers.TryAddWithoutValidation("X-Amz-Target", target);
        return message;
    }

    private static bool IsTransient(ServiceException failure) =>
        failure.Status >= 500 || failure.Status == 429
            || failure.Code is "ThrottlingException" or "ProvisionedThroughputExceededException" or "SlowDown" or "RequestTimeout" or "Throttling";

    private static string Innermost(Exception failure) => failure is TaskCanceledException ? "it took too long." : failure.GetBaseException().Message;

    private async Task<SigningIdentity> KeyAsync(string region)
    {
        try
        {
            var key = await Endpoint.Credentials.GetCredentialsAsync();
            return new(key.AccessKey, key.SecretKey, key.UseToken ? key.Token : null, region);
        }
        catch (Exception failure) when (failure is Amazon.Runtime.AmazonClientException or Amazon.Runtime.AmazonServiceException or InvalidOperationException)
        {
            throw new ServiceException("", 0, $"There are no credentials for {Endpoint.Name}: {failure.Message}", failure);
        }
    }

    private async Task<ServiceException> ApiErrorAsync(string what, HttpResponseMessage response, CancellationToken cancel)
    {
        var text = await response.Content.ReadAsStringAsync(cancel);
        JsonObject? answer;
        try
        {
            answer = JsonNode.Parse(text) as JsonObject;
        }
        catch (JsonException)
        {
            answer = null;
        }

        // Some services write a namespace before the name.
        var code = ((string?)answer?["__type"] ?? "").Split('#')[^1];
        var words = answer is null ? $"HTTP status {(int)response.StatusCode}: {Readable.Truncate(text)}" : $"{code}: {answer["message"] ?? answer["Message"]}";
        return new(code, (int)response.StatusCode, $"{Endpoint.Name} refused {what}: {words}");
    }
}
