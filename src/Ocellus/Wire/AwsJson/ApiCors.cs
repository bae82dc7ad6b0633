using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;
using Ocellus.Encodings;

namespace Ocellus.Wire.AwsJson;

/// <summary>
/// Which web pages of other origins may call the API. Section <c>Ocellus:Cors</c>; a wrong value stops the server at start and names the setting.
/// </summary>
internal sealed class ApiCorsOptions : IValidatableObject
{
    public const string Section = "Ocellus:Cors";

    /// <summary>Origins such as <c>http://localhost:3000</c>, separated by spaces; <c>*</c> allows every origin, and empty, the default, none.</summary>
    public string Origins { get; set; } = "";

    /// <summary>The origins as a list.</summary>
    public string[] All => Origins.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
        All.Where(o => o != "*" && !(Uri.TryCreate(o, UriKind.Absolute, out var origin) && origin.GetLeftPart(UriPartial.Authority) == o))
            .Select(o => new ValidationResult($"{Section}:Origins has '{o}'; an origin looks like http://localhost:3000, and * allows all."));
}

/// <summary>Lets pages of other origins send requests to the API and read the responses. Pages sign with their own keys, so nothing else is granted.</summary>
/// <remarks>
/// ASP.NET Core's CORS middleware cannot give these responses. It ends every preflight with 204, even a refused one, for which clients of S3 and of this API
/// expect 403. It also takes the preflights of buckets, which have their own rules. Its Vary names only Origin, and only where the origin is allowed. And it
/// repeats header names that Kestrel then refuses to send.
/// </remarks>
[Assumed("Web pages of other origins", "They may call the API when `Ocellus:Cors:Origins` names their origin; none may by default.")]
internal sealed class ApiCors(IOptions<ApiCorsOptions> options)
{
    private readonly HashSet<string> _origins = new(options.Value.All, StringComparer.Ordinal);

    /// <summary>Answers a preflight, which a browser sends before the request itself.</summary>
    /// <returns>False, and no response, when pages of its origin may not call the API.</returns>
    public bool Preflight(HttpContext http)
    {
        var requested = http.Request.Headers.AccessControlRequestHeaders.ToString();
        if (!HeaderText.IsValue(requested) || !Decorate(http))
        {
            return false;
        }

        var headers = http.Response.Headers;
        headers.AccessControlAllowMethods = "POST";
        // Which headers an SDK sends besides the signed ones depends on its version, so all requested ones are allowed.
        headers.AccessControlAllowHeaders = requested;
        headers.AccessControlMaxAge = "172800";
        return true;
    }

    /// <summary>Adds the headers that let the page read the response.</summary>
    /// <returns>Whether it may.</returns>
    public bool Decorate(HttpContext http)
    {
        var headers = http.Response.Headers;
        if (_origins.Count == 0 || http.Request.Headers.Origin.ToString() is not { Length: > 0 } origin || !HeaderText.IsValue(origin))
        {
            return false;
        }

        // A cache in between must keep the responses to different origins apart.
        headers.Vary = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";
        if (!_origins.Contains("*") && !_origins.Contains(origin))
        {
            return false;
        }

        headers.AccessControlAllowOrigin = _origins.Contains("*") ? "*" : origin;
        headers.AccessControlExposeHeaders = "x-amzn-RequestId, x-amzn-ErrorType, Date";
        return true;
    }
}
