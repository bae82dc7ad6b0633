using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Ocellus.Diagnostics;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Refusals;
using Ocellus.Wire.SigV4;

namespace Ocellus.Wire.AwsJson;

/// <summary>Takes AWS JSON 1.1 requests. The only catch clauses on the request path of the API are here.</summary>
internal sealed partial class AwsJsonEndpoint(
    OperationTable operations, RequestAuthenticator authenticator, Authorizer authorizer, BodyReader bodies, RequestThrottle throttle, ApiCors cors,
    OcellusMeter meter,
    ILogger<AwsJsonEndpoint> log) : IDisposable
{
    /// <summary>Bodies larger than this take turns.</summary>
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
        // Only names of the table become tags: what clients send is unbounded.
        string name = "unknown";
        string? error = null;
        try
        {
            // What can be refused without the body is refused before a byte of it is read: the operation, the length, the sender.
            if (!target.StartsWith(TargetPrefix, StringComparison.Ordinal) || operations.Find(target[TargetPrefix.Length..]) is not { } operation)
            {
                throw new FrameworkException(
                    "UnknownOperationException",
                    $"The header X-Amz-Target is '{Readable.Truncate(target)}'; Ocellus serves the {operations.Count} Custom Labels operations, such as "
                        + $"{TargetPrefix}DescribeProjects.");
            }

            name = operation.Name;
            var claim = http.Request.ContentLength > operation.BodyBytesMax
                ? null
                : await authenticator.ClaimAsync(http.Request, "rekognition", http.RequestAborted);
            using var body = claim is null ? null : await bodies.ReadAsync(http.Request, operation.BodyBytesMax, http.RequestAborted);
            if (claim is null || body is null)
            {
                error = "413";
                // No __type: clients then report the status as the code, as when a gateway refuses.
                var length = http.Request.ContentLength is { } announced ? $"{announced} bytes" : "more";
                await WriteAsync(
                    http, StatusCodes.Status413PayloadTooLarge,
                    JsonSerializer.SerializeToUtf8Bytes(
                        new TransportError($"The request body has {length}; {operation.Name} takes at most {operation.BodyBytesMax} bytes."),
                        ErrorJsonContext.Default.TransportError));
                return;
            }

            var (caller, call) = await ReadAsync(http, operation, claim, body);
            // The request may wait for long and no longer needs it.
            body.Dispose();
            // Before anything is looked up: a caller without permission must not learn what exists.
            await authorizer.RequireAsync(caller, call.Requires(caller), http.RequestAborted);
            await WriteAsync(http, StatusCodes.Status200OK, await RunAsync(call, caller, http.RequestAborted));
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
            await WriteAsync(
                http, refusal.Status,
                JsonSerializer.SerializeToUtf8Bytes(new FrameworkError(refusal.Type, refusal.Message), ErrorJsonContext.Default.FrameworkError));
            Answered(log, target, refusal.Message, requestId);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client has left: there is no one to respond to.
            error = "client_closed_request";
        }
        catch (BadHttpRequestException failure) when (failure.StatusCode == StatusCodes.Status408RequestTimeout)
        {
            // Kestrel's own minimum rate.
            error = FrameworkException.Timeout;
            await WriteAsync(
                http, failure.StatusCode,
                JsonSerializer.SerializeToUtf8Bytes(
                    new FrameworkError(error, $"The request body was too slow: {failure.Message} Send it again."), ErrorJsonContext.Default.FrameworkError));
        }
        catch (BadHttpRequestException failure)
        {
            error = failure.StatusCode.ToString(CultureInfo.InvariantCulture);
            http.Response.StatusCode = failure.StatusCode;
        }
        catch (System.Data.Common.DbException failure) when (failure.IsTransient)
        {
            error = AwsErrors.Internal.Name;
            DatabaseAway(log, target, failure.Message, requestId);
            await WriteErrorAsync(
                http, AwsErrors.Internal, $"The service cannot reach its database now; try again. Request {requestId} is in the server's log.");
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
    /// Authenticates and parses. Bodies with an image take turns: hashing and parsing one costs a millisecond of a core, and requests that only describe or
    /// stop would queue behind hundreds of them in the thread pool. Reading takes no turn, so slow senders hold up no one.
    /// </summary>
    private async Task<(Caller Caller, IOperationCall Call)> ReadAsync(HttpContext http, IOperation operation, SignatureClaim claim, RequestBody body)
    {
        var large = body.Bytes.Length > LargeBytes;
        if (large)
        {
            await _turns.WaitAsync(http.RequestAborted);
        }

        try
        {
            var caller = await authenticator.AuthenticateAsync(http.Request, claim, body.Bytes, http.RequestAborted);
            throttle.Require(caller, operation);
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

    /// <summary>Runs a call. If what was not found is of another region than the one that the request was signed for, the refusal says so.</summary>
    private static async Task<byte[]> RunAsync(IOperationCall call, Caller caller, CancellationToken cancel)
    {
        try
        {
            return await call.RunAsync(caller, cancel);
        }
        catch (RefusedException refusal) when (refusal.Kind == RefusalKind.NotFound && OtherRegion(call, caller) is { } region)
        {
            throw new RefusedException(
                refusal.Kind, $"{refusal.Message} The ARN is of {Readable.Truncate(region)}; the request was signed for {caller.Region}.");
        }
    }

    private static string? OtherRegion(IOperationCall call, Caller caller) =>
        call.Requires(caller).SelectMany(p => p.Resources).Select(r => r.Split(':')).Where(arn => arn.Length > 5 && arn[2] == "rekognition")
            .Select(arn => arn[3]).FirstOrDefault(region => region != caller.Region);

    private static Task WriteErrorAsync(HttpContext http, AwsError error, string message) =>
        WriteAsync(
            http, error.Status,
            JsonSerializer.SerializeToUtf8Bytes(
                new ServiceError(error.Name, error.Name, Guid.NewGuid().ToString(), message), ErrorJsonContext.Default.ServiceError));

    private static async Task WriteAsync(HttpContext http, int status, byte[] body)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/x-amz-json-1.1";
        http.Response.ContentLength = body.Length;
        await http.Response.Body.WriteAsync(body, http.RequestAborted);
    }

    [LoggerMessage(1001, LogLevel.Debug, "{Target} answered {Refusal} ({RequestId})")]
    private static partial void Answered(ILogger log, string target, string refusal, string requestId);

    [LoggerMessage(1003, LogLevel.Error, "{Target} failed, because the database does not answer: {Reason} ({RequestId})")]
    private static partial void DatabaseAway(ILogger log, string target, string reason, string requestId);

    [LoggerMessage(1002, LogLevel.Error, "{Target} failed ({RequestId})")]
    private static partial void OperationFailed(ILogger log, Exception failure, string target, string requestId);
}
