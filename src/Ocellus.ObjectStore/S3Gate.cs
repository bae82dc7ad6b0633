using System.Globalization;
using System.Xml.Linq;
using Microsoft.Extensions.Options;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Wire;
using Ocellus.Wire.SigV2;
using Ocellus.Wire.SigV4;

namespace Ocellus.Objects;

/// <summary>
/// Checks the signature of an object store request, unwraps its body and hands it to the store's endpoint.
/// The only catch clauses on the request path of the object store are here.
/// </summary>
internal sealed partial class S3Gate(RequestAuthenticator authenticator, Authorizer authorizer, ObjectStore store, S3Endpoint endpoint, IOptions<OutsideOptions> outside, IOptions<BodyOptions> bodies, TimeProvider clock, ILogger<S3Gate> log)
{
    private const string PayloadHashHeader = "x-amz-content-sha256";

    public async Task HandleAsync(HttpContext http)
    {
        var requestId = Guid.NewGuid().ToString("N")[..16].ToUpperInvariant();
        http.Response.Headers["x-amz-request-id"] = requestId;
        await using var paced = PacedStream.Of(http, bodies, clock);
        try
        {
            if (outside.Value.IsOutside)
            {
                throw new S3Exception("NotImplemented", $"This server keeps no objects: it is set to use the object store at {outside.Value.Endpoint}. Send S3 requests there.");
            }

            if (RequestTarget.Of(http.Request).Fault is var (code, message))
            {
                throw new S3Exception(code, message);
            }

            var bucket = store.FindBucket(S3Target.Of(http.Request).Bucket);
            CorsRules.Decorate(http, bucket);
            if (HttpMethods.IsOptions(http.Request.Method))
            {
                // Browsers ask without a signature.
                CorsRules.Preflight(http, bucket);
                return;
            }

            var caller = await AuthenticateAsync(http);
            S3Actions.Require(http, authorizer.Of(caller));
            await endpoint.HandleAsync(http, caller.AccountId, caller.Region, http.RequestAborted);
        }
        catch (Exception) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client left: nobody reads an answer.
        }
        catch (Exception failure) when (http.Response.HasStarted)
        {
            // The status is sent, so only a broken connection can still tell the client that the body is not whole.
            RequestFailed(log, failure, http.Request.Method, http.Request.Path, requestId);
            http.Abort();
        }
        catch (S3Exception failure)
        {
            var refusal = S3Actions.Veil(http, failure);
            var damaged = refusal.Status == StatusCodes.Status500InternalServerError;
            if (damaged)
            {
                RequestForDamaged(log, http.Request.Method, http.Request.Path, requestId);
            }

            await WriteErrorAsync(http, refusal.Code, refusal.Status, damaged ? $"{refusal.Message} Request {requestId} is in the server's log." : refusal.Message, requestId);
        }
        catch (SignatureException refusal)
        {
            var (code, status) = CodeOf(refusal.Problem);
            await WriteErrorAsync(http, code, status, refusal.Message, requestId, refusal.Problem == SignatureProblem.WrongRegion ? RegionOf(http) : null);
        }
        catch (InvalidDataException failure)
        {
            // The framing of a streamed body.
            await WriteErrorAsync(http, "IncompleteBody", 400, failure.Message, requestId);
        }
        catch (BadHttpRequestException failure)
        {
            await WriteErrorAsync(http, "IncompleteBody", failure.StatusCode, failure.Message, requestId);
        }
        catch (Exception failure)
        {
            RequestFailed(log, failure, http.Request.Method, http.Request.Path, requestId);
            await WriteErrorAsync(http, "InternalError", 500, $"An internal error occurred. Request {requestId} is in the server's log.", requestId);
        }
    }

    /// <summary>Says who sent a request. The body is ready to be read afterwards.</summary>
    private async Task<Caller> AuthenticateAsync(HttpContext http)
    {
        var place = new UnscopedPlace(S3Target.BucketInHost(http.Request), RegionOf(http));
        if (await PostForm.ReadAsync(http, http.RequestAborted) is { } form)
        {
            return await authenticator.AuthenticatePostAsync(http.Request, form.Fields, place, http.RequestAborted);
        }

        var (caller, signature) = await authenticator.AuthenticateS3Async(http.Request, place, http.RequestAborted);
        Unwrap(http, signature);
        return caller;
    }

    /// <summary>The region that a request is for if it names none: its bucket's.</summary>
    private string RegionOf(HttpContext http) => store.FindBucket(S3Target.Of(http.Request).Bucket)?.Region ?? Bucket.FirstRegion;

    private static void Unwrap(HttpContext http, VerifiedSignature signature)
    {
        var headers = http.Request.Headers;

        // What the signature covers, wherever it was said: the endpoint holds the body against it.
        headers[PayloadHashHeader] = signature.PayloadHash;
        foreach (var (name, value) in signature.LinkHeaders)
        {
            headers.TryAdd(name, value);
        }

        if (signature.PayloadHash.StartsWith("STREAMING-", StringComparison.Ordinal))
        {
            var chunks = new AwsChunkedStream(http.Request.Body, signature.PayloadHash, signature);
            http.Items[S3Body.TrailersItem] = chunks.Trailers;
            http.Request.Body = chunks;
            http.Request.ContentLength = long.TryParse(headers["x-amz-decoded-content-length"], NumberStyles.None, CultureInfo.InvariantCulture, out var length) ? length : null;
        }
    }

    private static (string Code, int Status) CodeOf(SignatureProblem problem) => problem switch
    {
        SignatureProblem.MissingToken => ("AccessDenied", 403),
        SignatureProblem.Incomplete => ("AuthorizationHeaderMalformed", 400),
        SignatureProblem.QueryIncomplete => ("AuthorizationQueryParametersError", 400),
        SignatureProblem.Two => ("InvalidArgument", 400),
        SignatureProblem.NotSigned => ("AccessDenied", 403),
        SignatureProblem.UnknownKey => ("InvalidAccessKeyId", 403),
        SignatureProblem.UnknownToken => ("InvalidToken", 400),
        SignatureProblem.Mismatch => ("SignatureDoesNotMatch", 403),
        SignatureProblem.Skewed => ("RequestTimeTooSkewed", 403),
        SignatureProblem.Expired => ("AccessDenied", 403),
        SignatureProblem.WrongScope or SignatureProblem.WrongRegion => ("AuthorizationHeaderMalformed", 400),
        SignatureProblem.OtherMechanism => ("InvalidRequest", 400),
        SignatureProblem.PayloadForm => ("InvalidArgument", 400),
        SignatureProblem.BodyMismatch => ("XAmzContentSHA256Mismatch", 400),
    };

    private static async Task WriteErrorAsync(HttpContext http, string code, int status, string message, string requestId, string? region = null)
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

        var (bucket, key) = S3Target.Of(http.Request);
        var error = new XElement("Error", new XElement("Code", code), new XElement("Message", message));
        if (code == "NoSuchKey")
        {
            error.Add(new XElement("Key", Readable.Cut(key)));
        }

        if (region is not null)
        {
            error.Add(new XElement("Region", region));
        }

        error.Add(new XElement("Resource", Readable.Cut("/" + bucket + (key.Length > 0 ? "/" + key : ""))), new XElement("RequestId", requestId));
        await S3Xml.WriteAsync(http, error, http.RequestAborted);
    }

    [LoggerMessage(1336, LogLevel.Error, "{Method} {Path} asked for what is damaged ({RequestId})")]
    private static partial void RequestForDamaged(ILogger log, string method, string path, string requestId);

    [LoggerMessage(1411, LogLevel.Error, "{Method} {Path} of the object store failed ({RequestId})")]
    private static partial void RequestFailed(ILogger log, Exception failure, string method, string path, string requestId);
}
