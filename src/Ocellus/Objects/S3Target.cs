using Microsoft.AspNetCore.Http.Features;
using Ocellus.Protocol;

namespace Ocellus.Objects;

/// <summary>Bucket and key that a request speaks of; each may be empty. Both are decoded.</summary>
internal readonly record struct S3Target(string Bucket, string Key)
{
    /// <summary>What follows the bucket in the host of a request in virtual-host style. Every name under it leads to this machine (RFC 6761).</summary>
    private const string HostSuffix = ".localhost";

    /// <summary>Whether the host of a request names a bucket: <c>BUCKET.localhost:8741</c>.</summary>
    public static bool InHost(HttpRequest request) => BucketOf(request).Length > 0;

    /// <remarks>From the raw target, because the server's decoded path has its dot segments removed and keeps %2F.</remarks>
    public static S3Target Of(HttpRequest request)
    {
        var path = RawPath(request);
        if (BucketOf(request) is { Length: > 0 } bucket)
        {
            // A key may begin with a slash, so only the first one is the path's own.
            return new(bucket, Uri.UnescapeDataString(path[1..]));
        }

        path = path.TrimStart('/');
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? new(Uri.UnescapeDataString(path), "") : new(Uri.UnescapeDataString(path[..slash]), Uri.UnescapeDataString(path[(slash + 1)..]));
    }

    /// <summary>Refuses a path that is not percent-encoded UTF-8 throughout: it would be taken for a key of other characters.</summary>
    /// <exception cref="S3Exception">InvalidURI.</exception>
    public static void Check(HttpRequest request)
    {
        if (HeaderText.Unescape(RawPath(request)) is null)
        {
            throw new S3Exception("InvalidURI", "Couldn't parse the specified URI: its path is not UTF-8, percent-encoded.");
        }
    }

    private static string RawPath(HttpRequest request)
    {
        var raw = request.HttpContext.Features.Get<IHttpRequestFeature>()?.RawTarget;
        if (string.IsNullOrEmpty(raw) || raw[0] != '/')
        {
            raw = request.Path.ToUriComponent();
        }

        return raw.Split('?', 2)[0];
    }

    private static string BucketOf(HttpRequest request)
    {
        var host = request.Host.Host;
        return host.EndsWith(HostSuffix, StringComparison.OrdinalIgnoreCase) ? host[..^HostSuffix.Length].ToLowerInvariant() : "";
    }
}
