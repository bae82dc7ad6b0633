using System.Globalization;
using System.Xml.Linq;
using Ocellus.Access;
using Ocellus.Protocol.SigV4;

namespace Ocellus.Objects;

/// <summary>Checks the signature of an object store request, unwraps its body and hands it to the store's endpoint.</summary>
internal sealed class S3Gate(RequestAuthenticator authenticator, S3Endpoint endpoint)
{
    private const string PayloadHashHeader = "x-amz-content-sha256";

    public async Task HandleAsync(HttpContext http)
    {
        try
        {
            var (caller, signature) = authenticator.AuthenticateS3(http.Request);
            var payload = http.Request.Headers[PayloadHashHeader].ToString();
            if (payload.StartsWith("STREAMING-", StringComparison.Ordinal))
            {
                var chunks = new AwsChunkedStream(http.Request.Body, payload, signature);
                http.Items["ocellus.trailers"] = chunks.Trailers;
                http.Request.Body = chunks;
                http.Request.ContentLength = long.TryParse(http.Request.Headers["x-amz-decoded-content-length"], NumberStyles.None, CultureInfo.InvariantCulture, out var length) ? length : null;
            }

            await endpoint.HandleAsync(http, caller.AccountId, caller.Region, http.RequestAborted);
        }
        catch (SignatureException failure) when (!http.Response.HasStarted)
        {
            await WriteErrorAsync(http, failure);
        }
    }

    private static async Task WriteErrorAsync(HttpContext http, SignatureException failure)
    {
        var (code, status) = failure.Problem switch
        {
            SignatureProblem.MissingToken => ("AccessDenied", 403),
            SignatureProblem.Incomplete => ("AuthorizationHeaderMalformed", 400),
            SignatureProblem.UnknownKey => ("InvalidAccessKeyId", 403),
            SignatureProblem.Mismatch => ("SignatureDoesNotMatch", 403),
            SignatureProblem.Skewed => ("RequestTimeTooSkewed", 403),
            SignatureProblem.Expired => ("AccessDenied", 403),
            SignatureProblem.WrongScope => ("AuthorizationHeaderMalformed", 400),
            SignatureProblem.BodyMismatch => ("XAmzContentSHA256Mismatch", 400),
        };
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/xml";
        if (!HttpMethods.IsHead(http.Request.Method))
        {
            var error = new XElement("Error", new XElement("Code", code), new XElement("Message", failure.Message), new XElement("RequestId", http.TraceIdentifier));
            await http.Response.WriteAsync("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + error.ToString(SaveOptions.DisableFormatting), http.RequestAborted);
        }
    }
}
