using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http.Features;
using Ocellus.Console.Pages;
using Ocellus.Identity;
using Ocellus.Wire;

namespace Ocellus.Console.Sessions;

/// <summary>Signing in, by a printed link or by an access key, and signing out.</summary>
internal sealed class SignIn(SessionCookie cookie, SessionCatalog sessions, SignInTries tries, KeyRing keys, Regions regions, ConsolePages pages)
{
    private const string WrongKey = "The access key or its secret is wrong. Both are in the file 'credentials' of the data directory.";

    /// <summary>Compared instead of an unknown key's secret, so that the time does not tell which keys exist.</summary>
    private static readonly string _noSecret = new('-', 40);

    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/ui/sign-in", ShowAsync).WithMetadata(OpenToAnyone.Mark);
        routes.MapPost("/ui/sign-in", PostAsync).WithMetadata(OpenToAnyone.Mark);
        routes.MapPost("/ui/sign-out", LeaveAsync);
    }

    /// <summary>Shows the form. A link's ticket is only used up by the form that this page sends: looking at an address changes nothing.</summary>
    private Task ShowAsync(HttpContext http) => ShowAsync(http, StatusCodes.Status200OK, null);

    private Task ShowAsync(HttpContext http, int status, string? message) => pages.RenderAsync<SignInPage>(http, status, new Dictionary<string, object?>
    {
        [nameof(SignInPage.Ticket)] = status == StatusCodes.Status200OK ? http.Request.Query["ticket"].ToString() : "",
        [nameof(SignInPage.Target)] = TargetOf(http.Request.HasFormContentType ? http.Request.Form["to"].ToString() : http.Request.Query["to"].ToString()),
        [nameof(SignInPage.Message)] = message,
    });

    private async Task PostAsync(HttpContext http)
    {
        http.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = ConsoleBodies.FormBytesMax;
        var form = await http.Request.ReadFormAsync(http.RequestAborted);
        var address = http.Connection.RemoteIpAddress ?? IPAddress.None;
        if (!tries.TryBegin(address.ToString()))
        {
            http.Response.Headers.RetryAfter = $"{SignInTries.Window.TotalSeconds:0}";
            await ShowAsync(http, StatusCodes.Status429TooManyRequests, $"There were {SignInTries.TriesMax} wrong tries within a minute. Wait a minute.");
            return;
        }

        var (grant, message) = form["ticket"].ToString() is { Length: > 0 } ticket
            ? await RedeemAsync(http.Request, address, ticket)
            : await CheckAsync(form["key"].ToString().Trim(), form["secret"].ToString().Trim(), form["region"].ToString().Trim(), http.RequestAborted);
        if (grant is null)
        {
            await ShowAsync(http, StatusCodes.Status403Forbidden, message);
            return;
        }

        tries.Succeeded(address.ToString());
        await cookie.OpenAsync(http, grant, http.RequestAborted);
        http.Response.Redirect(TargetOf(form["to"].ToString()));
        // POST becomes GET.
        http.Response.StatusCode = StatusCodes.Status303SeeOther;
    }

    private async Task LeaveAsync(HttpContext http)
    {
        await cookie.CloseAsync(http, http.RequestAborted);
        http.Response.Redirect("/ui/sign-in");
        http.Response.StatusCode = StatusCodes.Status303SeeOther;
    }

    private async Task<(Grant? Grant, string Message)> RedeemAsync(HttpRequest request, IPAddress address, string ticket)
    {
        var cancel = request.HttpContext.RequestAborted;
        // A proxy on this machine has a loopback address; most say for whom they ask.
        if (!IPAddress.IsLoopback(address) || request.Headers.ContainsKey("X-Forwarded-For") || request.Headers.ContainsKey("Forwarded"))
        {
            return (null, "Links work on the server's own machine only. Sign in with an access key.");
        }

        await keys.RefreshAsync(cancel);
        return await sessions.RedeemTicketAsync(ticket, cancel) is { } grant && keys.Find(grant.AccessKeyId) is not null
            ? (grant, "")
            : (null, "The link was used already, or is older than ten minutes. `ocellus console` prints a new one.");
    }

    private async Task<(Grant? Grant, string Message)> CheckAsync(string id, string secret, string region, CancellationToken cancel)
    {
        await keys.RefreshAsync(cancel);
        var key = keys.Find(id);
        if (!CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(key?.SecretAccessKey ?? _noSecret)) || key is null)
        {
            return (null, WrongKey);
        }

        return regions.Has(region) ? (new(id, region), "") : (null, $"'{Encodings.Readable.Truncate(region)}' is not a region, such as us-east-1.");
    }

    /// <summary>Where to go after signing in: a page of the console, never another site.</summary>
    private static string TargetOf(string wanted) =>
        wanted.StartsWith("/ui/", StringComparison.Ordinal) && !wanted.Contains('\\') && Uri.TryCreate(new Uri("http://console/"), wanted, out var uri)
            && uri.Host == "console" && uri.AbsolutePath.StartsWith("/ui/", StringComparison.Ordinal)
            && !uri.AbsolutePath.StartsWith("/ui/api", StringComparison.Ordinal) && !uri.AbsolutePath.StartsWith("/ui/sign-", StringComparison.Ordinal)
            ? uri.PathAndQuery
            : "/ui/";
}
