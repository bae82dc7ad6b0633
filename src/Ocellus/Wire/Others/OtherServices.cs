using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using Microsoft.AspNetCore.WebUtilities;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Refusals;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Wire.Others;

/// <summary>
/// Requests for services of AWS that are not served here: a client with AWS_ENDPOINT_URL sends them here all the same. <c>sts get-caller-identity</c>, with
/// which people check their keys, is answered; every other request gets an error in the protocol that its client parses.
/// </summary>
[Assumed(
    "Other services of AWS",
    "`sts get-caller-identity` is answered for every key. Any other request that is signed for another service than Rekognition, S3 and STS is "
    + "`UnknownOperationException` with status 404, in the protocol of its client, before its signature is checked.")]
internal sealed class OtherServices(RequestAuthenticator authenticator, BodyReader bodies)
{
    private const string Sts = "sts";

    /// <summary>A call with its parameters; more is none of these.</summary>
    private const int BodyBytesMax = 64 * 1024;

    private const int ParametersMax = 100;

    private const string Unknown = "UnknownOperationException";

    private static readonly XNamespace _stsNames = "https://sts.amazonaws.com/doc/2011-06-15/";

    /// <summary>Handles a request that is signed for another service; null if it is for this server's own.</summary>
    public Task? Handle(HttpContext http)
    {
        var request = http.Request;
        if (ServiceOf(request) is not { } service || request.Headers["X-Amz-Target"].ToString().StartsWith("RekognitionService.", StringComparison.Ordinal))
        {
            return null;
        }

        return service == Sts && request.Method == "POST" && request.Path == "/" ? StsAsync(http) : RefuseAsync(http, service);
    }

    /// <summary>The service of the credential scope, if it is not Rekognition or S3; null also for what is not a signature of version 4.</summary>
    private static string? ServiceOf(HttpRequest request)
    {
        const string credential = "Credential=";
        var header = request.Headers.Authorization.ToString();
        var start = header.StartsWith("AWS4-", StringComparison.Ordinal) ? header.IndexOf(credential, StringComparison.Ordinal) : -1;
        if (start < 0)
        {
            return null;
        }

        var scope = header[(start + credential.Length)..];
        var parts = scope[..(scope.IndexOfAny([',', ' ']) is >= 0 and var end ? end : scope.Length)].Split('/');
        return parts is [_, _, _, { Length: > 0 } service, "aws4_request"] && service is not ("rekognition" or "s3") ? service : null;
    }

    private async Task StsAsync(HttpContext http)
    {
        var requestId = Guid.NewGuid().ToString();
        http.Response.Headers["x-amzn-RequestId"] = requestId;
        try
        {
            var claim = await authenticator.ClaimAsync(http.Request, Sts, http.RequestAborted);
            using var body = await bodies.ReadAsync(http.Request, BodyBytesMax, http.RequestAborted)
                ?? throw new FrameworkException("RequestEntityTooLarge", $"The request has more than {BodyBytesMax} bytes.", 413);
            var caller = await authenticator.AuthenticateAsync(http.Request, claim, body.Bytes, http.RequestAborted);
            var action = ActionOf(body.Bytes.Span);
            if (action != "GetCallerIdentity")
            {
                throw new FrameworkException(
                    "InvalidAction", $"Ocellus answers GetCallerIdentity of the Security Token Service only; received '{Readable.Truncate(action)}'.");
            }

            await WriteXmlAsync(http, StatusCodes.Status200OK, Identity(caller, requestId));
        }
        catch (FrameworkException refusal)
        {
            var (code, status) = QueryError(refusal);
            await WriteXmlAsync(http, status, QueryRefusal(_stsNames, code, refusal.Message, requestId));
        }
        catch (RefusedException refusal)
        {
            // The bodies' budget: the client tries again.
            await WriteXmlAsync(http, StatusCodes.Status503ServiceUnavailable, QueryRefusal(_stsNames, "ServiceUnavailable", refusal.Message, requestId));
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client has left: there is no one to respond to.
        }
    }

    [Evidence("STS API reference, GetCallerIdentity and common errors; IAM user guide, unique identifiers: users begin with AIDA")]
    private static XElement Identity(Caller caller, string requestId)
    {
        // The same for the same user, as in IAM, and nothing that a name could be read from.
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(caller.UserArn));
        var id = "AIDA" + string.Concat(hash.Take(17).Select(b => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[b % 32]));
        return new XElement(
            _stsNames + "GetCallerIdentityResponse",
            new XElement(
                _stsNames + "GetCallerIdentityResult",
                new XElement(_stsNames + "Arn", caller.UserArn),
                new XElement(_stsNames + "UserId", id),
                new XElement(_stsNames + "Account", caller.AccountId)),
            new XElement(_stsNames + "ResponseMetadata", new XElement(_stsNames + "RequestId", requestId)));
    }

    private static (string Code, int Status) QueryError(FrameworkException refusal) => refusal.Type switch
    {
        "UnrecognizedClientException" => ("InvalidClientTokenId", StatusCodes.Status403Forbidden),
        "InvalidSignatureException" => ("SignatureDoesNotMatch", StatusCodes.Status403Forbidden),
        "ExpiredTokenException" => ("ExpiredToken", StatusCodes.Status403Forbidden),
        "IncompleteSignatureException" => ("IncompleteSignature", StatusCodes.Status400BadRequest),
        "MissingAuthenticationTokenException" => ("MissingAuthenticationToken", StatusCodes.Status403Forbidden),
        _ => (refusal.Type, refusal.Status),
    };

    private static string ActionOf(ReadOnlySpan<byte> body)
    {
        // Bounded, as every form: a query of a thousand parameters is none of these.
        var form = Unicode.NotUtf8(body) is null ? Encoding.UTF8.GetString(body) : "";
        return form.AsSpan().Count('&') < ParametersMax && QueryHelpers.ParseQuery(form).TryGetValue("Action", out var action) ? action.ToString() : "";
    }

    private static Task RefuseAsync(HttpContext http, string service)
    {
        var message = $"The request is signed for the service '{Readable.Truncate(service)}'. This is Ocellus, which serves Rekognition Custom Labels and S3; "
            + "unset AWS_ENDPOINT_URL for other services, or set AWS_ENDPOINT_URL_REKOGNITION and AWS_ENDPOINT_URL_S3 in its place.";
        var type = http.Request.ContentType ?? "";
        var requestId = Guid.NewGuid().ToString();
        http.Response.Headers["x-amzn-RequestId"] = requestId;
        // The query protocol, and EC2's variant of it, have a form as their body. JSON protocols tell the error's name in the body or in a header.
        if (type.StartsWith("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase))
        {
            return WriteXmlAsync(
                http, StatusCodes.Status404NotFound,
                service == "ec2"
                    ? new XElement(
                        "Response",
                        new XElement("Errors", new XElement("Error", new XElement("Code", Unknown), new XElement("Message", message))),
                        new XElement("RequestID", requestId))
                    : QueryRefusal(XNamespace.None, Unknown, message, requestId));
        }

        if (service is "route53" or "cloudfront" or "s3-outposts")
        {
            return WriteXmlAsync(http, StatusCodes.Status404NotFound, QueryRefusal(XNamespace.None, Unknown, message, requestId));
        }

        http.Response.Headers["x-amzn-ErrorType"] = Unknown;
        http.Response.StatusCode = StatusCodes.Status404NotFound;
        http.Response.ContentType = type.StartsWith("application/x-amz-json", StringComparison.OrdinalIgnoreCase) ? type : "application/json";
        return http.Response.Body.WriteAsync(
            JsonSerializer.SerializeToUtf8Bytes(new FrameworkError(Unknown, message), ErrorJsonContext.Default.FrameworkError), http.RequestAborted).AsTask();
    }

    private static XElement QueryRefusal(XNamespace names, string code, string message, string requestId) => new(
        names + "ErrorResponse",
        new XElement(
            names + "Error",
            new XElement(names + "Type", "Sender"), new XElement(names + "Code", code), new XElement(names + "Message", message)),
        new XElement(names + "RequestId", requestId));

    private static Task WriteXmlAsync(HttpContext http, int status, XElement document)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "text/xml";
        var text = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{document}\n"));
        return http.Response.Body.WriteAsync(text, http.RequestAborted).AsTask();
    }
}
