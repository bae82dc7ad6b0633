using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Ocellus.Access;
using Ocellus.Diagnostics;

namespace Ocellus.Protocol;

/// <summary>One operation of the API: parse, validate, authorize, run, answer.</summary>
internal interface IOperation
{
    string Name { get; }

    /// <summary>The request in a body, of the right form. It holds nothing of the body.</summary>
    /// <exception cref="FrameworkException">The body is not a request of this operation.</exception>
    object Parse(ReadOnlySpan<byte> body);

    /// <summary>Authorizes and runs a parsed request; the answer's body.</summary>
    Task<byte[]> InvokeAsync(object request, Caller caller, CancellationToken cancel);
}

/// <summary>Binds an operation's code to its name and its two records.</summary>
internal sealed class Operation<TRequest, TResponse>(string name, JsonTypeInfo<TRequest> form, JsonTypeInfo<TResponse> response, Func<TRequest, Caller, CancellationToken, Task<TResponse>> run, Func<object, Caller, CancellationToken, Task> authorize) : IOperation
    where TRequest : class
{
    public string Name { get; } = name;

    public object Parse(ReadOnlySpan<byte> body)
    {
        if (Unicode.NotUtf8(body) is { } bad)
        {
            throw new FrameworkException("SerializationException", $"The request body of {body.Length} bytes is not UTF-8: {bad}. JSON is sent as UTF-8.");
        }

        TRequest? parsed;
        try
        {
            parsed = JsonSerializer.Deserialize(body.IsEmpty ? "{}"u8 : body, form);
        }
        catch (Exception failure) when (failure is JsonException or NotSupportedException)
        {
            var where = failure is JsonException { Path: { } path } json ? $" at {Readable.Cut(path)}, line {json.LineNumber + 1}, byte {json.BytePositionInLine}" : "";
            throw new FrameworkException("SerializationException", $"The request body of {body.Length} bytes is not a JSON object of {Name}'s form: a wrong type, broken JSON, half of a surrogate pair or bad base64{where}.");
        }

        if (parsed is null)
        {
            throw new FrameworkException("SerializationException", "The request body is the JSON value null; an object was expected.");
        }

        Validation.Check(parsed);
        return parsed;
    }

    public async Task<byte[]> InvokeAsync(object request, Caller caller, CancellationToken cancel)
    {
        // Before anything is looked up: who may not ask is not told what is there.
        await authorize(request, caller, cancel);
        return JsonSerializer.SerializeToUtf8Bytes(await run((TRequest)request, caller, cancel), response);
    }
}

/// <summary>Takes AWS JSON 1.1 requests. The only catch clauses on the request path of the API are here.</summary>
internal sealed partial class AwsJsonEndpoint(IReadOnlyDictionary<string, IOperation> operations, RequestAuthenticator authenticator, RequestThrottle throttle, ApiCors cors, OcellusMeter meter, ILogger<AwsJsonEndpoint> log) : IDisposable
{
    /// <summary>The largest legal body is a blob of 5 MiB in base64, about 7 MB: beyond this the body is not read.</summary>
    public const int BodyBytesMax = 12 * 1024 * 1024;

    /// <summary>Larger bodies take turns.</summary>
    private const int LargeBytes = 32 * 1024;

    private const string TargetPrefix = "RekognitionService.";

    private readonly SemaphoreSlim _turns = new(Math.Max(1, Environment.ProcessorCount / 2));

    public async Task HandleAsync(HttpContext http)
    {
        var requestId = Guid.NewGuid().ToString();
        http.Response.Headers["x-amzn-RequestId"] = requestId;
        cors.Decorate(http);
        var target = http.Request.Headers["X-Amz-Target"].ToString();
        var started = Stopwatch.GetTimestamp();
        // Only names of the table become tags: what a client sends has no bound.
        string name = "unknown";
        string? error = null;
        try
        {
            using var body = await RequestBody.ReadAsync(http.Request, BodyBytesMax, http.RequestAborted);
            if (body is null)
            {
                error = "413";
                // No __type: to clients the code is then the status, as when a gateway refuses.
                var length = http.Request.ContentLength is { } announced ? $"{announced} bytes" : "more";
                await WriteAsync(http, StatusCodes.Status413PayloadTooLarge, JsonSerializer.SerializeToUtf8Bytes(new TransportError($"The request body has {length}; the most is {BodyBytesMax} bytes."), ErrorJsonContext.Default.TransportError));
                return;
            }

            if (!target.StartsWith(TargetPrefix, StringComparison.Ordinal) || !operations.TryGetValue(target[TargetPrefix.Length..], out var operation))
            {
                throw new FrameworkException("UnknownOperationException", $"The header X-Amz-Target is '{Readable.Cut(target)}'; Ocellus serves the {operations.Count} Custom Labels operations, such as {TargetPrefix}DescribeProjects.");
            }

            name = operation.Name;
            var (caller, request) = await ReadAsync(http, operation, body);
            // The request may wait for long, and needs it no more.
            body.Dispose();
            await WriteAsync(http, StatusCodes.Status200OK, await operation.InvokeAsync(request, caller, http.RequestAborted));
            Answered(log, target, "", requestId);
        }
        catch (RefusedException refusal)
        {
            error = AwsErrors.Of(refusal.Kind).Name;
            await WriteErrorAsync(http, AwsErrors.Of(refusal.Kind), refusal.Message);
            Answered(log, target, refusal.Message, requestId);
        }
        catch (FrameworkException refusal)
        {
            error = refusal.Type;
            await WriteAsync(http, StatusCodes.Status400BadRequest, JsonSerializer.SerializeToUtf8Bytes(new FrameworkError(refusal.Type, refusal.Message), ErrorJsonContext.Default.FrameworkError));
            Answered(log, target, refusal.Message, requestId);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client left: nobody reads an answer.
            error = "client_closed_request";
        }
        catch (BadHttpRequestException failure)
        {
            error = failure.StatusCode.ToString(CultureInfo.InvariantCulture);
            http.Response.StatusCode = failure.StatusCode;
        }
        catch (Exception failure)
        {
            error = AwsErrors.Internal.Name;
            OperationFailed(log, failure, target, requestId);
            await WriteErrorAsync(http, AwsErrors.Internal, $"Internal server error. Request {requestId} is in the server's log.");
        }
        finally
        {
            meter.Operated(name, error, Stopwatch.GetElapsedTime(started));
        }
    }

    public void Dispose() => _turns.Dispose();

    /// <summary>
    /// Authenticates and parses. Bodies with a picture take turns: hashing and parsing one costs a millisecond of a core, and when hundreds of clients
    /// ask at once, requests that only describe or stop would wait behind all of them in the thread pool. Their reading takes no turn: who sends
    /// slowly holds up nobody.
    /// </summary>
    private async Task<(Caller Caller, object Request)> ReadAsync(HttpContext http, IOperation operation, RequestBody body)
    {
        var large = body.Bytes.Length > LargeBytes;
        if (large)
        {
            await _turns.WaitAsync(http.RequestAborted);
        }

        try
        {
            var caller = await authenticator.AuthenticateAsync(http.Request, body.Bytes, http.RequestAborted);
            throttle.Require(caller, operation.Name);
            return (caller, operation.Parse(body.Bytes.Span));
        }
        finally
        {
            if (large)
            {
                _turns.Release();
            }
        }
    }

    private static Task WriteErrorAsync(HttpContext http, AwsError error, string message) =>
        WriteAsync(http, error.Status, JsonSerializer.SerializeToUtf8Bytes(new ServiceError(error.Name, error.Name, Guid.NewGuid().ToString(), message), ErrorJsonContext.Default.ServiceError));

    private static async Task WriteAsync(HttpContext http, int status, byte[] body)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/x-amz-json-1.1";
        http.Response.ContentLength = body.Length;
        await http.Response.Body.WriteAsync(body, http.RequestAborted);
    }

    [LoggerMessage(1001, LogLevel.Debug, "{Target} answered {Refusal} ({RequestId})")]
    private static partial void Answered(ILogger log, string target, string refusal, string requestId);

    [LoggerMessage(1002, LogLevel.Error, "{Target} failed ({RequestId})")]
    private static partial void OperationFailed(ILogger log, Exception failure, string target, string requestId);
}
