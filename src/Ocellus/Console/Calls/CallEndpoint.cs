using System.Diagnostics;
using Ocellus.Console.Sessions;
using Ocellus.Diagnostics;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Refusals;
using Ocellus.Wire;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Console.Calls;

/// <summary>
/// <c>POST /ui/api/call/{operation}</c>: an operation of the API with the session's key in place of a signature. Everything else is the same.
/// </summary>
internal sealed class CallEndpoint(OperationTable operations, Authorizer authorizer, BodyReader bodies, RequestThrottle throttle, OcellusMeter meter)
{
    /// <summary>The same call for the AWS CLI, percent-encoded. Missing if it would be longer than <see cref="LineMax"/>, as with an image in it.</summary>
    public const string CliHeader = "X-Ocellus-Cli";

    /// <summary>Characters of an encoded command line: headers are bounded.</summary>
    private const int LineMax = 4000;

    public async Task HandleAsync(HttpContext http)
    {
        var started = Stopwatch.GetTimestamp();
        var name = (string)http.Request.RouteValues["operation"]!;
        var operation = operations.Find(name)
            ?? throw new FrameworkException("UnknownOperationException", $"There is no operation '{Readable.Truncate(name)}'.", StatusCodes.Status404NotFound);
        var caller = ConsoleSession.Of(http).Caller;
        string? error = "failed";
        try
        {
            using var body = await bodies.ReadAsync(http.Request, operation.BodyBytesMax, http.RequestAborted)
                ?? throw new ConsoleException(
                    StatusCodes.Status413PayloadTooLarge, "TooLarge",
                    $"The request is too long; {operation.Name} takes at most {operation.BodyBytesMax} bytes.");
            throttle.Require(caller, operation);
            var call = operation.Parse(body.Bytes.Span);
            var line = CliLine.Of(operation.Name, body.Bytes.Span, LineMax);
            body.Dispose();
            await authorizer.RequireAsync(caller, call.Requires(caller), http.RequestAborted);
            var response = await call.RunAsync(caller, http.RequestAborted);
            error = null;
            if (line is not null)
            {
                http.Response.Headers[CliHeader] = line;
            }

            http.Response.ContentType = "application/json";
            http.Response.ContentLength = response.Length;
            await http.Response.Body.WriteAsync(response, http.RequestAborted);
        }
        catch (RefusedException refusal)
        {
            error = AwsErrors.Of(refusal.Kind).Name;
            throw;
        }
        catch (FrameworkException refusal)
        {
            error = refusal.Type;
            throw;
        }
        finally
        {
            meter.Operated(operation.Name, error, Stopwatch.GetElapsedTime(started));
        }
    }
}
