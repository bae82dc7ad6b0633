using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;
using Ocellus.Encodings;
using Ocellus.Wire.SigV4;

namespace Ocellus.Wire;

/// <summary>
/// Path and parameters of a request, read once from its target as it was sent. Signatures are verified over this reading, and routing, rights and operation
/// follow from the same: with a second reading a link that was signed for one thing could be used for another.
/// </summary>
internal sealed class RequestTarget
{
    private RequestTarget(string rawPath, IReadOnlyList<KeyValuePair<string, string>> encoded)
    {
        (RawPath, Encoded) = (rawPath, encoded);
        (Query, Fault) = Read(rawPath, encoded);
    }

    /// <summary>The path as sent, not decoded; <c>/</c> when there is none.</summary>
    public string RawPath { get; }

    /// <summary>Names and values in the order they were sent, percent-encoded in the one form that is signed.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Encoded { get; }

    /// <summary>Names and values decoded. Names are compared as S3 does, by case.</summary>
    public IQueryCollection Query { get; }

    /// <summary>What is wrong with the target for whoever goes by its parameters; null if nothing is. Code of S3 and a sentence.</summary>
    public (string Code, string Message)? Fault { get; }

    /// <summary>The target of a request: the one reading that <see cref="Attach"/> left, or a first one where no server did.</summary>
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

    /// <summary>Reads the target before anything looks at the request. From then on <see cref="HttpRequest.Query"/> is this reading too.</summary>
    public static void Attach(HttpContext http) => http.Features.Set<IQueryFeature>(new QueryFeature(Of(http.Request).Query));

    /// <summary>
    /// Takes a target apart: <c>/path?query</c>, or the same behind scheme and authority. Only the first question mark is a sign; later ones are text.
    /// </summary>
    public static RequestTarget Parse(string rawTarget)
    {
        var question = rawTarget.IndexOf('?', StringComparison.Ordinal);
        var path = question < 0 ? rawTarget : rawTarget[..question];
        if (!path.StartsWith('/'))
        {
            // The server has seen to it that the authority is the Host header's.
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

            // A link's x-amz- parameters stand for headers, whose names have no case. The canonical form forgets the order, so that no rule for many could
            // hold.
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
