using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Ocellus.Encodings;
using Ocellus.Wire.SigV4;

namespace Ocellus.Wire;

/// <summary>
/// Path and parameters of a request, parsed once from the target as it was sent. Signature, routing, permissions and operation all use this result: if they
/// were parsed twice, a link signed for one thing might be used for another.
/// </summary>
internal sealed class RequestTarget
{
    private RequestTarget(string rawPath, IReadOnlyList<KeyValuePair<string, string>> encoded)
    {
        (RawPath, Encoded) = (rawPath, encoded);
        (Query, Fault) = Read(rawPath, encoded);
    }

    /// <summary>The path as sent, not decoded; <c>/</c> if there is none.</summary>
    public string RawPath { get; }

    /// <summary>Names and values in the order sent, percent-encoded in the canonical form that is signed.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Encoded { get; }

    /// <summary>Names and values decoded. As in S3, names are case-sensitive.</summary>
    public IQueryCollection Query { get; }

    /// <summary>Why the parameters cannot be used, as an S3 error code and a sentence; null if they can.</summary>
    public (string Code, string Message)? Fault { get; }

    /// <summary>The target of a request. Parsed at the first call and kept with the request.</summary>
    public static RequestTarget Of(HttpRequest request)
    {
        var features = request.HttpContext.Features;
        if (features.Get<RequestTarget>() is not { } target)
        {
            var raw = features.Get<IHttpRequestFeature>()?.RawTarget;
            target = Parse(string.IsNullOrEmpty(raw) ? request.Path.ToUriComponent() + request.QueryString.ToUriComponent() : raw);
            features.Set(target);
        }

        return target;
    }

    /// <summary>Parses the target before anything else uses the request, and makes <see cref="HttpRequest.Query"/> return the same result.</summary>
    public static void Attach(HttpContext http) => http.Features.Set<IQueryFeature>(new QueryFeature(Of(http.Request).Query));

    /// <summary>
    /// Parses a target: <c>/path?query</c>, possibly after scheme and authority. Only the first question mark separates; later ones are text.
    /// </summary>
    public static RequestTarget Parse(string rawTarget)
    {
        var question = rawTarget.IndexOf('?', StringComparison.Ordinal);
        var path = question < 0 ? rawTarget : rawTarget[..question];
        if (!path.StartsWith('/'))
        {
            // Kestrel has verified that the authority equals the Host header.
            var authority = path.IndexOf("://", StringComparison.Ordinal);
            var slash = authority < 0 ? -1 : path.IndexOf('/', authority + 3);
            path = slash < 0 ? "/" : path[slash..];
        }

        return new(path, question < 0 ? [] : Canonical.ParseQuery(rawTarget[(question + 1)..]));
    }

    private static (IQueryCollection Query, (string Code, string Message)? Fault) Read(string rawPath, IReadOnlyList<KeyValuePair<string, string>> encoded)
    {
        (string, string)? fault = null;
        if (!IsUtf8(rawPath))
        {
            fault = ("InvalidURI", "Couldn't parse the specified URI: its path is not percent-encoded UTF-8.");
        }

        var read = new Dictionary<string, StringValues>(encoded.Count, StringComparer.Ordinal);
        var names = new HashSet<string>(encoded.Count, StringComparer.Ordinal);
        foreach (var (name, value) in encoded)
        {
            if (!IsUtf8(name) || !IsUtf8(value))
            {
                fault ??= ("InvalidURI", $"Couldn't parse the specified URI: its parameter '{Readable.Truncate(name)}' is not percent-encoded UTF-8.");
            }

            // x-amz- parameters of a link stand for headers, whose names are not case-sensitive. The canonical form is sorted, so the signature cannot tell
            // which of several values comes first.
            if (!names.Add(name.StartsWith("x-amz-", StringComparison.OrdinalIgnoreCase) ? name.ToLowerInvariant() : name))
            {
                fault ??= ("InvalidArgument", $"The parameter '{Readable.Truncate(name)}' is given more than once.");
            }

            read.TryAdd(Canonical.DecodeText(name), Canonical.DecodeText(value));
        }

        return (read.Count == 0 ? QueryCollection.Empty : new QueryCollection(read), fault);
    }

    private static bool IsUtf8(string encoded) => HeaderText.Unescape(encoded) is not null;
}
