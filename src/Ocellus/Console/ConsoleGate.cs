using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using Ocellus.Console.Pages;
using Ocellus.Console.Sessions;
using Ocellus.Refusals;
using Ocellus.Storage;
using Ocellus.Wire;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Console;

/// <summary>Passes the requests that may reach an endpoint of the console, and turns every refusal into a page or, below <c>/ui/api</c>, into JSON.</summary>
internal sealed partial class ConsoleGate(
    AllowedHosts hosts, SessionCookie cookie, ConsolePages pages, DataDirectory data, ILogger<ConsoleGate> log)
{
    private const string Api = "/ui/api";

    public async Task HandleAsync(HttpContext http, RequestDelegate next)
    {
        var request = http.RequestServices.GetRequiredService<ConsoleRequest>();
        request.Http = http;
        Harden(http.Response, request.Nonce);
        try
        {
            if (!hosts.Has(http.Request.Host))
            {
                throw new ConsoleException(
                    StatusCodes.Status421MisdirectedRequest, "UnknownHost",
                    $"This server does not know the host '{Encodings.Readable.Truncate(http.Request.Host.Host)}'. Name it in the setting "
                        + $"{ConsoleOptions.Section}:{nameof(ConsoleOptions.Hosts)}, or open the console by the machine's address.");
            }

            var changes = !HttpMethods.IsGet(http.Request.Method) && !HttpMethods.IsHead(http.Request.Method);
            if (changes && !IsSameOrigin(http.Request))
            {
                throw new ConsoleException(
                    StatusCodes.Status403Forbidden, "CrossOrigin", "Only pages of the console itself may change anything here; the request came from another.");
            }

            if (http.GetEndpoint()?.Metadata.GetMetadata<OpenToAnyone>() is null)
            {
                if (await cookie.ReadAsync(http, http.RequestAborted) is not { } session)
                {
                    await RefuseSignedOutAsync(http);
                    return;
                }

                request.Session = session;
                request.Mark = data.Commits.Now();
                http.Features.Set(session);
                if (changes)
                {
                    await RequireTokenAsync(http, session);
                }
            }

            await next(http);
        }
        catch (Exception) when (http.RequestAborted.IsCancellationRequested)
        {
            // The browser has left.
        }
        catch (Exception failure) when (http.Response.HasStarted)
        {
            RequestFailed(log, failure, http.Request.Method, http.Request.Path);
            http.Abort();
        }
        catch (RefusedException refusal)
        {
            var error = AwsErrors.Of(refusal.Kind);
            await RefuseAsync(http, IsApi(http) ? error.Status : StatusOf(refusal.Kind), error.Name, refusal.Message);
        }
        catch (FrameworkException refusal)
        {
            await RefuseAsync(http, refusal.Status, refusal.Type, refusal.Message);
        }
        catch (ConsoleException refusal)
        {
            await RefuseAsync(http, refusal.Status, refusal.Type, refusal.Message);
        }
        catch (BadHttpRequestException failure)
        {
            await RefuseAsync(http, failure.StatusCode, "BadRequest", failure.Message);
        }
        catch (System.Data.Common.DbException failure) when (failure.IsTransient)
        {
            DatabaseAway(log, http.Request.Method, http.Request.Path, failure.Message);
            await RefuseAsync(
                http, StatusCodes.Status503ServiceUnavailable, "ServiceUnavailable",
                "The server cannot reach its database now. Load the page again in a while.");
        }
        catch (Exception failure)
        {
            RequestFailed(log, failure, http.Request.Method, http.Request.Path);
            await RefuseAsync(
                http, StatusCodes.Status500InternalServerError, AwsErrors.Internal.Name, "An internal error occurred. The server's log has more.");
        }
    }

    /// <summary>Headers of every response. Scripts need the nonce: <c>'self'</c> would allow stored objects, which share the origin.</summary>
    private static void Harden(HttpResponse response, string nonce)
    {
        var headers = response.Headers;
        headers.ContentSecurityPolicy = $"default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic'; style-src 'nonce-{nonce}'; img-src 'self' blob:; "
            + "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers.CacheControl = "no-store";
    }

    /// <summary>Whether a browser sends a request for a page of the same origin. Behind a proxy with TLS only the authority can be compared.</summary>
    private static bool IsSameOrigin(HttpRequest request) => request.Headers["Sec-Fetch-Site"].ToString() switch
    {
        "same-origin" => true,
        "" => Uri.TryCreate(request.Headers.Origin.ToString(), UriKind.Absolute, out var origin)
            && string.Equals(origin.Authority, request.Host.Value, StringComparison.OrdinalIgnoreCase),
        _ => false,
    };

    private static async Task RequireTokenAsync(HttpContext http, ConsoleSession session)
    {
        var sent = http.Request.Headers[ConsoleSession.TokenHeader].ToString();
        if (sent.Length == 0 && http.Request.HasFormContentType && !IsApi(http))
        {
            http.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = ConsoleBodies.FormBytesMax;
            sent = (await http.Request.ReadFormAsync(http.RequestAborted))[ConsoleSession.TokenField].ToString();
        }

        if (!CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(sent), Encoding.UTF8.GetBytes(session.Token)))
        {
            throw new ConsoleException(
                StatusCodes.Status403Forbidden, "WrongToken", "The page belongs to a session that has ended. Load it again, and repeat what you did.");
        }
    }

    private Task RefuseSignedOutAsync(HttpContext http)
    {
        if (IsApi(http))
        {
            return RefuseAsync(
                http, StatusCodes.Status401Unauthorized, "SignedOut", "The session has ended. Sign in again; the page keeps what is not saved yet.");
        }

        var target = HttpMethods.IsGet(http.Request.Method) ? http.Request.Path + http.Request.QueryString : "/ui/";
        http.Response.Redirect(target == "/ui/" ? "/ui/sign-in" : "/ui/sign-in" + QueryString.Create("to", target));
        return Task.CompletedTask;
    }

    private Task RefuseAsync(HttpContext http, int status, string type, string message)
    {
        http.Response.StatusCode = status;
        return IsApi(http)
            ? WriteAsync(http, JsonSerializer.SerializeToUtf8Bytes(new FrameworkError(type, message), ErrorJsonContext.Default.FrameworkError))
            : pages.RenderErrorAsync(http, status, message);
    }

    private static Task WriteAsync(HttpContext http, byte[] body)
    {
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = body.Length;
        return http.Response.Body.WriteAsync(body, http.RequestAborted).AsTask();
    }

    private static bool IsApi(HttpContext http) => http.Request.Path.StartsWithSegments(Api, StringComparison.Ordinal);

    private static int StatusOf(RefusalKind kind) => kind switch
    {
        RefusalKind.NotFound => StatusCodes.Status404NotFound,
        RefusalKind.Denied => StatusCodes.Status403Forbidden,
        RefusalKind.Throttled => StatusCodes.Status503ServiceUnavailable,
        _ => StatusCodes.Status400BadRequest,
    };

    [LoggerMessage(1702, LogLevel.Error, "{Method} {Path} of the console failed, because the database does not answer: {Reason}")]
    private static partial void DatabaseAway(ILogger log, string method, string path, string reason);

    [LoggerMessage(1701, LogLevel.Error, "{Method} {Path} of the console failed")]
    private static partial void RequestFailed(ILogger log, Exception failure, string method, string path);
}

/// <summary>The console refuses a request for a reason of its own, which the API does not know.</summary>
internal sealed class ConsoleException(int status, string type, string message) : Exception(message)
{
    public int Status { get; } = status;

    /// <summary>A short name for scripts.</summary>
    public string Type { get; } = type;
}
