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

    /// <summary>Origins such as <c>http://localhost:3000</c>, separated by spaces; <c>*</c> is every origin, and empty, the default, is none.</summary>
    public string Origins { get; set; } = "";

    /// <summary>The origins one by one.</summary>
    public string[] All => Origins.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    public IEnumerable<ValidationResult> Validate(ValidationContext validationContext) =>
        All.Where(o => o != "*" && !(Uri.TryCreate(o, UriKind.Absolute, out var origin) && origin.GetLeftPart(UriPartial.Authority) == o))
            .Select(o => new ValidationResult($"{Section}:Origins has '{o}'; an origin looks like http://localhost:3000, and * stands for all."));
}

/// <summary>
/// Lets pages of other origins send requests to the API and read the answers. Pages sign with keys of their own, so an answer grants nothing but to be read.
/// </summary>
/// <remarks>
/// ASP.NET Core's CORS middleware cannot give these answers, which is why this is the product's own. The middleware ends every preflight with 204,
/// also one that it does not allow, which clients of S3 and of this API see refused with 403. It takes the preflights of buckets too, which have rules
/// of their own. Its Vary names Origin alone, and only where the origin is allowed. And it repeats header names that Kestrel then refuses to send.
/// </remarks>
[Assumed("Web pages of other origins", "They may call the API when `Ocellus:Cors:Origins` names their origin; none may by default.")]
internal sealed class ApiCors(IOptions<ApiCorsOptions> options)
{
    private readonly HashSet<string> _origins = new(options.Value.All, StringComparer.Ordinal);

    /// <summary>Answers a preflight, which a browser sends before the request itself.</summary>
    /// <returns>False when no page of its origin may call the API; nothing is answered then.</returns>
    public bool Preflight(HttpContext http)
    {
        var requested = http.Request.Headers.AccessControlRequestHeaders.ToString();
        if (!HeaderText.IsValue(requested) || !Decorate(http))
        {
            return false;
        }

        var headers = http.Response.Headers;
        headers.AccessControlAllowMethods = "POST";
        // Which headers an SDK sends beside the signed ones differs by its version, so all that it names are allowed.
        headers.AccessControlAllowHeaders = requested;
        headers.AccessControlMaxAge = "172800";
        return true;
    }

    /// <summary>Adds to an answer what lets the page read it.</summary>
    /// <returns>Whether it may.</returns>
    public bool Decorate(HttpContext http)
    {
        var headers = http.Response.Headers;
        if (_origins.Count == 0 || http.Request.Headers.Origin.ToString() is not { Length: > 0 } origin || !HeaderText.IsValue(origin))
        {
            return false;
        }

        // A cache between must keep the answers to different origins apart.
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
