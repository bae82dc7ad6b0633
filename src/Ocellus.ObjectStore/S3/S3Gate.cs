using System.Globalization;
using System.Xml.Linq;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Primitives;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Objects.External;
using Ocellus.Objects.Files;
using Ocellus.Wire;
using Ocellus.Wire.SigV2;
using Ocellus.Wire.SigV4;

namespace Ocellus.Objects.S3;

/// <summary>
/// Verifies the signature of an object store request, parses the request once and passes it to the store's endpoint. All errors of the object store's requests
/// are handled here.
/// </summary>
internal sealed partial class S3Gate(
    RequestAuthenticator authenticator, Authorizer authorizer, ObjectStore store, S3Endpoint endpoint,
    IOptions<ExternalStoreOptions> external, IOptions<BodyOptions> bodies, TimeProvider clock, ILogger<S3Gate> log)
{
    public async Task HandleAsync(HttpContext http)
    {
        var requestId = Guid.NewGuid().ToString("N")[..16].ToUpperInvariant();
        http.Response.Headers["x-amz-request-id"] = requestId;
        // Objects share their origin with the console. A stored page runs no scripts, submits no forms and counts as another origin, whoever opens it.
        http.Response.Headers.ContentSecurityPolicy = "sandbox";
        http.Response.Headers.XContentTypeOptions = "nosniff";
        await using var paced = PacedStream.Of(http, bodies, clock);
        var target = S3Target.Of(http.Request);
        S3Request? request = null;
        try
        {
            if (external.Value.IsExternal)
            {
                throw new S3Exception(
                    "NotImplemented", $"This server stores no objects: it uses the object store at {external.Value.Endpoint}. Send S3 requests there.");
            }

            if (RequestTarget.Of(http.Request).Fault is var (code, message))
            {
                throw new S3Exception(code, message);
            }

            var bucket = store.FindBucket(target.Bucket);
            CorsRules.Decorate(http, bucket);
            if (HttpMethods.IsOptions(http.Request.Method))
            {
                // Browsers do not sign preflight requests.
                CorsRules.Preflight(http, bucket);
                return;
            }

            request = await AuthenticateAsync(http, target, paced ?? http.Request.Body);
            S3Actions.Require(request);
            await endpoint.HandleAsync(request, http.RequestAborted);
        }
        catch (Exception) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client has disconnected, so there is nobody to respond to.
        }
        catch (Exception failure) when (http.Response.HasStarted)
        {
            // The status has been sent, so only a broken connection can signal that the body is incomplete.
            RequestFailed(log, failure, http.Request.Method, http.Request.Path, requestId);
            http.Abort();
        }
        catch (S3Exception failure)
        {
            var refusal = request is null ? failure : S3Actions.HideMissingKey(request, failure);
            var damaged = refusal.Status == StatusCodes.Status500InternalServerError;
            if (damaged)
            {
                RequestForDamaged(log, http.Request.Method, http.Request.Path, requestId);
            }

            await WriteErrorAsync(
                http, target, refusal.Code, refusal.Status, damaged ? $"{refusal.Message} Request {requestId} is in the server's log." : refusal.Message,
                requestId);
        }
        catch (SignatureException refusal)
        {
            var (code, status) = CodeOf(refusal.Problem);
            await WriteErrorAsync(
                http, target, code, status, refusal.Message, requestId, refusal.Problem == SignatureProblem.WrongRegion ? RegionOf(target) : null);
        }
        catch (InvalidDataException failure)
        {
            // Wrong framing of a streamed body.
            await WriteErrorAsync(http, target, "IncompleteBody", 400, failure.Message, requestId);
        }
        catch (BadHttpRequestException failure)
        {
            await WriteErrorAsync(http, target, "IncompleteBody", failure.StatusCode, failure.Message, requestId);
        }
        catch (System.Data.Common.DbException failure) when (failure.IsTransient)
        {
            DatabaseAway(log, http.Request.Method, http.Request.Path, failure.Message, requestId);
            await WriteErrorAsync(
                http, target, "ServiceUnavailable", 503, $"The service cannot reach its database now; try again. Request {requestId} is in the server's log.",
                requestId);
        }
        catch (Exception failure)
        {
            RequestFailed(log, failure, http.Request.Method, http.Request.Path, requestId);
            await WriteErrorAsync(http, target, "InternalError", 500, $"An internal error occurred. Request {requestId} is in the server's log.", requestId);
        }
    }

    /// <summary>Identifies the sender of a request and parses it. Reads nothing of the body except the fields of a form.</summary>
    /// <exception cref="SignatureException">The signature is missing or wrong.</exception>
    /// <exception cref="S3Exception">The form, or the source of a copy, is malformed.</exception>
    private async Task<S3Request> AuthenticateAsync(HttpContext http, S3Target target, Stream body)
    {
        var place = new UnscopedPlace(target.InHost ? target.Bucket : "", RegionOf(target));
        if (await PostForm.ReadAsync(http.Request, target, body, http.RequestAborted) is { } form)
        {
            var sender = await authenticator.AuthenticatePostAsync(http.Request, form.Fields, place, http.RequestAborted);
            return RequestOf(http, target, sender, body, form, signature: null);
        }

        var (caller, signature) = await authenticator.AuthenticateS3Async(http.Request, place, http.RequestAborted);
        return RequestOf(http, target, caller, body, form: null, signature);
    }

    private S3Request RequestOf(HttpContext http, S3Target target, Caller caller, Stream body, PostForm? form, VerifiedSignature? signature)
    {
        var headers = new HeaderDictionary(new Dictionary<string, StringValues>(http.Request.Headers, StringComparer.OrdinalIgnoreCase));
        foreach (var (name, value) in signature?.LinkHeaders ?? [])
        {
            headers.TryAdd(name, value);
        }

        var (length, trailers) = (http.Request.ContentLength, (IReadOnlyDictionary<string, string>?)null);
        if (signature?.PayloadHash.StartsWith("STREAMING-", StringComparison.Ordinal) == true)
        {
            var chunks = new AwsChunkedStream(body, signature.PayloadHash, signature);
            length = long.TryParse(headers["x-amz-decoded-content-length"], NumberStyles.None, CultureInfo.InvariantCulture, out var decoded) ? decoded : null;
            (body, trailers) = (chunks, chunks.Trailers);
        }

        var (method, query) = (http.Request.Method, http.Request.Query);
        var copies = headers.TryGetValue("x-amz-copy-source", out var source);
        return new S3Request
        {
            Http = http,
            Target = target,
            Query = query,
            Headers = headers,
            Caller = caller,
            Rights = authorizer.Of(caller),
            Body = body,
            ContentLength = length,
            PayloadHash = signature?.PayloadHash,
            Trailers = trailers,
            Form = form,
            Operation = S3Operations.Of(method, target.Bucket, target.Key, query, copies, form is not null),
            CopiesFrom = copies && method == "PUT" && target.Key.Length > 0 ? CopySource.Of(source.ToString()) : null,
        };
    }

    /// <summary>The region of a request whose signature names none: the bucket's.</summary>
    private string RegionOf(S3Target target) => store.FindBucket(target.Bucket)?.Region ?? Bucket.FirstRegion;

    private static (string Code, int Status) CodeOf(SignatureProblem problem) => problem switch
    {
        SignatureProblem.MissingToken => ("AccessDenied", 403),
        SignatureProblem.Incomplete => ("AuthorizationHeaderMalformed", 400),
        SignatureProblem.QueryIncomplete => ("AuthorizationQueryParametersError", 400),
        SignatureProblem.TwoSignatures => ("InvalidArgument", 400),
        SignatureProblem.NotSigned => ("AccessDenied", 403),
        SignatureProblem.UnknownKey => ("InvalidAccessKeyId", 403),
        SignatureProblem.UnknownToken => ("InvalidToken", 400),
        SignatureProblem.Mismatch => ("SignatureDoesNotMatch", 403),
        SignatureProblem.Skewed => ("RequestTimeTooSkewed", 403),
        SignatureProblem.Expired => ("AccessDenied", 403),
        SignatureProblem.WrongScope or SignatureProblem.WrongRegion => ("AuthorizationHeaderMalformed", 400),
        SignatureProblem.UnsupportedMechanism => ("InvalidRequest", 400),
        SignatureProblem.PayloadForm => ("InvalidArgument", 400),
        SignatureProblem.BodyMismatch => ("XAmzContentSHA256Mismatch", 400),
    };

    private static async Task WriteErrorAsync(
        HttpContext http, S3Target target, string code, int status, string message, string requestId, string? region = null)
    {
        var response = http.Response;
        response.StatusCode = status;
        response.ContentLength = null;
        foreach (var name in S3Headers.ObjectHeaders.Where(response.Headers.ContainsKey))
        {
            response.Headers.Remove(name);
        }

        if (HttpMethods.IsHead(http.Request.Method))
        {
            return;
        }

        var (bucket, key, _) = target;
        var error = new XElement("Error", new XElement("Code", code), new XElement("Message", message));
        if (code == "NoSuchKey")
        {
            error.Add(new XElement("Key", Readable.Truncate(key)));
        }

        if (region is not null)
        {
            error.Add(new XElement("Region", region));
        }

        error.Add(new XElement("Resource", Readable.Truncate("/" + bucket + (key.Length > 0 ? "/" + key : ""))), new XElement("RequestId", requestId));
        await S3Xml.WriteAsync(http.Response, error, http.RequestAborted);
    }

    [LoggerMessage(1336, LogLevel.Error, "{Method} {Path} needs a damaged file ({RequestId})")]
    private static partial void RequestForDamaged(ILogger log, string method, string path, string requestId);

    [LoggerMessage(1413, LogLevel.Error, "{Method} {Path} of the object store failed, because the database does not answer: {Reason} ({RequestId})")]
    private static partial void DatabaseAway(ILogger log, string method, string path, string reason, string requestId);

    [LoggerMessage(1411, LogLevel.Error, "{Method} {Path} of the object store failed ({RequestId})")]
    private static partial void RequestFailed(ILogger log, Exception failure, string method, string path, string requestId);
}
