using System.Buffers.Text;
using System.Security.Cryptography;
using Ocellus.Console.Sessions;

namespace Ocellus.Console;

/// <summary>What the components of a page know of their request. One for each request.</summary>
internal sealed class ConsoleRequest
{
    /// <summary>Cookie of the chosen colours: <c>light</c> or <c>dark</c>; without it the system decides. The browser's script writes it.</summary>
    public const string ThemeCookie = "ocellus-theme";

    private const int NonceBytes = 16;

    /// <summary>Marks the scripts and styles that the server itself has put into the page.</summary>
    public string Nonce { get; } = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(NonceBytes));

    /// <summary>Null on pages that need no session.</summary>
    public ConsoleSession? Session { get; set; }

    public HttpContext Http { get; set; } = null!;

    /// <summary>The database's mark before anything was read for the page. The event stream tells from it what the page may have missed.</summary>
    public long Mark { get; set; }

    /// <summary>Null if the system decides.</summary>
    public string? Theme => Http.Request.Cookies[ThemeCookie] is "light" or "dark" ? Http.Request.Cookies[ThemeCookie] : null;

    /// <summary>The session of a page that needs one.</summary>
    public ConsoleSession SignedIn => ConsoleSession.Of(Http);
}
