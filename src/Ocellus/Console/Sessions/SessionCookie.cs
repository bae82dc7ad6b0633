using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Ocellus.Identity;
using Ocellus.Storage;

namespace Ocellus.Console.Sessions;

/// <summary>Turns the cookie of a request into its session.</summary>
internal sealed class SessionCookie(SessionCatalog sessions, KeyRing keys, DataDirectory data)
{
    /// <summary>Only the console gets the cookie, not the object store on the same port.</summary>
    private const string Path = "/ui";

    private const int IdBytes = 6;

    /// <summary>
    /// Cookies do not know ports: two servers on one host would overwrite each other's. So the name has an id of the data directory, and its place, because a
    /// restored backup has the same secret. Servers on one database share their sessions, and so the name.
    /// </summary>
    private readonly Lazy<string> _name = new(() => "ocellus-" + Convert.ToHexStringLower(
        data.Database.IsShared ? keys.Derive("console cookie")[..IdBytes] : HMACSHA256.HashData(
            File.ReadAllBytes(System.IO.Path.Combine(data.Path, SecretBox.FileName)), Encoding.UTF8.GetBytes("console cookie of " + data.Path))[..IdBytes]));

    public string Name => _name.Value;

    /// <summary>The session of a request; null without one, or if its key has been revoked.</summary>
    public async Task<ConsoleSession?> ReadAsync(HttpContext http, CancellationToken cancel)
    {
        if (http.Request.Cookies[Name] is not { Length: > 0 } secret || await sessions.FindAsync(secret, cancel) is not { } grant)
        {
            return null;
        }

        await keys.RefreshAsync(cancel);
        return keys.Find(grant.AccessKeyId) is { } key ? new(CallerOf(http, key, grant.Region), TokenOf(secret)) : null;
    }

    /// <summary>Opens a session and gives its cookie to the browser, in place of an earlier one.</summary>
    public async Task OpenAsync(HttpContext http, Grant grant, CancellationToken cancel)
    {
        await CloseAsync(http, cancel);
        http.Response.Cookies.Append(Name, await sessions.OpenAsync(grant, cancel), Options(http, SessionCatalog.AgeMax));
    }

    /// <summary>Ends the session of a request, if it has one.</summary>
    public async Task CloseAsync(HttpContext http, CancellationToken cancel)
    {
        if (http.Request.Cookies[Name] is { Length: > 0 } secret)
        {
            await sessions.CloseAsync(secret, cancel);
            http.Response.Cookies.Delete(Name, Options(http, null));
        }
    }

    private static CookieOptions Options(HttpContext http, TimeSpan? age) => new()
    {
        HttpOnly = true,
        SameSite = SameSiteMode.Strict,
        Path = Path,
        Secure = http.Request.IsHttps,
        IsEssential = true,
        MaxAge = age,
    };

    /// <summary>The session's token follows from the cookie, which no page can read: so it needs no place of its own.</summary>
    private static string TokenOf(string secret) =>
        Base64Url.EncodeToString(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), "token"u8.ToArray()));

    private static Caller CallerOf(HttpContext http, AccessKey key, string region)
    {
        var address = http.Connection.RemoteIpAddress;
        return new(key.AccountId, region, key.UserName, key.AccessKeyId)
        {
            // As for signed requests: policies use plain IPv4.
            SourceAddress = address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address,
            IsSecure = http.Request.IsHttps,
        };
    }
}
