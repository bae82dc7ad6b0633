using System.Globalization;
using System.Xml.Linq;
using Ocellus.Encodings;
using Ocellus.Objects.Files;
using static Ocellus.Objects.S3.S3Xml;

namespace Ocellus.Objects.S3;

/// <summary>A bucket's CORS rules: their XML form, and the headers that they add to responses.</summary>
internal static class CorsRules
{
    /// <summary>Maximum rules of a bucket: S3's limit.</summary>
    private const int MaxRules = 100;

    /// <summary>Maximum headers that a page may request: as many as this server accepts in a request.</summary>
    private const int MaxRequestedHeaders = 100;

    /// <summary>Maximum length of a rule's ID: S3's limit.</summary>
    private const int MaxIdLength = 255;

    private static readonly string[] _methods = ["GET", "PUT", "HEAD", "POST", "DELETE"];

    /// <summary>Parses a <c>CORSConfiguration</c> document.</summary>
    /// <exception cref="S3Exception">A rule is invalid or malformed.</exception>
    public static List<CorsRule> Read(XmlNode document)
    {
        var rules = document.All("CORSRule").Select(ReadRule).ToList();
        return document.Name == "CORSConfiguration" && rules.Count is >= 1 and <= MaxRules ? rules
            : throw new S3Exception(
                "MalformedXML",
                $"A CORSConfiguration element of 1 to {MaxRules} CORSRule elements was expected; received '{Readable.Truncate(document.Name)}' with "
                    + $"{rules.Count}.");
    }

    public static XElement Write(IEnumerable<CorsRule> rules) => new(Ns + "CORSConfiguration", rules.Select(r => new XElement(Ns + "CORSRule",
        r.Id is null ? null : new XElement(Ns + "ID", r.Id), All("AllowedOrigin", r.Origins), All("AllowedMethod", r.Methods), All("AllowedHeader", r.Headers),
        All("ExposeHeader", r.Exposed),
        r.MaxAgeSeconds is { } age ? new XElement(Ns + "MaxAgeSeconds", age) : null)));

    /// <summary>Answers a preflight request.</summary>
    /// <exception cref="S3Exception">The rules do not allow the request.</exception>
    public static void Preflight(HttpContext http, Bucket? bucket)
    {
        var headers = http.Request.Headers;
        if (headers.Origin.ToString() is not { Length: > 0 } origin)
        {
            throw new S3Exception("BadRequest", "Insufficient information. Origin request header needed.");
        }

        if (headers.AccessControlRequestMethod.ToString() is not { Length: > 0 } method)
        {
            throw new S3Exception("BadRequest", "Invalid Access-Control-Request-Method: null");
        }

        if (bucket?.Cors is not { } rules)
        {
            throw new S3Exception("AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.");
        }

        var requested = headers.AccessControlRequestHeaders.ToString().Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if (requested.Length > MaxRequestedHeaders || rules.FirstOrDefault(r => r.Allows(origin, method, requested)) is not { } rule)
        {
            throw new S3Exception(
                "AccessForbidden",
                "CORSResponse: This CORS request is not allowed. This is usually because the evaluation of Origin, request method / "
                    + "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.");
        }

        Add(http.Response.Headers, rule, origin);
        if (requested.Length > 0)
        {
            http.Response.Headers.AccessControlAllowHeaders = string.Join(", ", requested.Select(h => h.ToLowerInvariant()));
        }
    }

    /// <summary>Adds the headers that let a page of another origin read the response, including errors.</summary>
    public static void Decorate(HttpContext http, Bucket? bucket)
    {
        if (http.Request.Headers.Origin.ToString() is { Length: > 0 } origin
            && bucket?.Cors?.FirstOrDefault(r => r.Allows(origin, http.Request.Method, [])) is { } rule)
        {
            Add(http.Response.Headers, rule, origin);
        }
    }

    private static void Add(IHeaderDictionary headers, CorsRule rule, string origin)
    {
        var any = rule.Origins.Contains("*");
        headers.AccessControlAllowOrigin = any ? "*" : origin;
        if (!any)
        {
            headers.AccessControlAllowCredentials = "true";
        }

        headers.AccessControlAllowMethods = string.Join(", ", rule.Methods);
        // Rules of earlier versions may contain invalid header names.
        if (rule.Exposed.Where(HeaderText.IsName).ToList() is { Count: > 0 } exposed)
        {
            headers.AccessControlExposeHeaders = string.Join(", ", exposed);
        }

        if (rule.MaxAgeSeconds is { } age)
        {
            headers.AccessControlMaxAge = age.ToString(CultureInfo.InvariantCulture);
        }

        // Caches must keep the responses to different origins apart.
        headers.Vary = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";
    }

    private static CorsRule ReadRule(XmlNode rule)
    {
        List<string> Texts(string name) => [.. rule.All(name).Select(e => e.Text.Trim())];
        var read = new CorsRule(rule.Child("ID"), Texts("AllowedOrigin"), Texts("AllowedMethod"), Texts("AllowedHeader"), Texts("ExposeHeader"),
            rule.Child("MaxAgeSeconds") is { } age
                ? int.TryParse(age, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
                ? seconds
                : throw new S3Exception("MalformedXML", $"MaxAgeSeconds must be a number; received '{Readable.Truncate(age)}'.")
                : null);
        if (read.Origins.Count == 0 || read.Methods.Count == 0)
        {
            throw new S3Exception("MalformedXML", "A CORSRule needs an AllowedOrigin and an AllowedMethod.");
        }

        if (read.Methods.FirstOrDefault(m => !_methods.Contains(m)) is { } method)
        {
            throw new S3Exception("InvalidRequest", $"Found unsupported HTTP method in CORS config. Unsupported method is {Readable.Truncate(method)}");
        }

        if (read.Origins.Concat(read.Headers).FirstOrDefault(o => o.Count(c => c == '*') > 1) is { } stars)
        {
            throw new S3Exception("InvalidRequest", $"AllowedOrigin or AllowedHeader \"{Readable.Truncate(stars)}\" can not have more than one wildcard.");
        }

        if (read.Id?.Length > MaxIdLength)
        {
            throw new S3Exception("InvalidRequest", $"The ID of a CORSRule has {read.Id.Length} characters; the maximum is {MaxIdLength}.");
        }

        if (read.Origins.FirstOrDefault(o => o.Length == 0 || o.Contains(' ', StringComparison.Ordinal) || !HeaderText.IsValue(o)) is { } origin)
        {
            throw new S3Exception(
                "InvalidRequest",
                $"AllowedOrigin \"{Readable.Truncate(origin)}\" is not an origin: it must be * or a pattern such as https://*.example.com, in ASCII, "
                + "as browsers send it.");
        }

        if (read.Headers.FirstOrDefault(h => !HeaderText.IsName(h)) is { } header)
        {
            throw new S3Exception("InvalidRequest", $"AllowedHeader \"{Readable.Truncate(header)}\" cannot be the name of a header.");
        }

        if (read.Exposed.FirstOrDefault(h => !h.Contains('*', StringComparison.Ordinal) && !HeaderText.IsName(h)) is { } unnamed)
        {
            throw new S3Exception("InvalidRequest", $"ExposeHeader \"{Readable.Truncate(unnamed)}\" cannot be the name of a header.");
        }

        return read.Exposed.FirstOrDefault(h => h.Contains('*', StringComparison.Ordinal)) is { } exposed
            ? throw new S3Exception(
                "InvalidRequest",
                $"ExposeHeader \"{Readable.Truncate(exposed)}\" contains wildcard. We currently do not support wildcard for ExposeHeader.") : read;
    }

    private static IEnumerable<XElement> All(string name, IEnumerable<string> values) => values.Select(v => new XElement(Ns + name, v));
}
