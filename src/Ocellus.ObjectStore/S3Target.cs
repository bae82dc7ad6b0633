using Ocellus.Wire;

namespace Ocellus.Objects;

/// <summary>Bucket and key that a request speaks of; each may be empty. Both are decoded.</summary>
internal readonly record struct S3Target(string Bucket, string Key)
{
    /// <summary>What follows the bucket in the host of a request in virtual-host style. Every name under it leads to this machine (RFC 6761).</summary>
    private const string HostSuffix = ".localhost";

    /// <summary>Whether the host of a request names a bucket: <c>BUCKET.localhost:8741</c>.</summary>
    public static bool InHost(HttpRequest request) => BucketInHost(request).Length > 0;

    /// <remarks>From the raw target, because the server's decoded path has its dot segments removed and keeps %2F.</remarks>
    public static S3Target Of(HttpRequest request)
    {
        var path = RequestTarget.Of(request).RawPath;
        if (BucketInHost(request) is { Length: > 0 } bucket)
        {
            // A key may begin with a slash, so only the first one is the path's own.
            return new(bucket, Uri.UnescapeDataString(path[1..]));
        }

        path = path.TrimStart('/');
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? new(Uri.UnescapeDataString(path), "") : new(Uri.UnescapeDataString(path[..slash]), Uri.UnescapeDataString(path[(slash + 1)..]));
    }

    /// <summary>The bucket that the host names; empty in path style.</summary>
    public static string BucketInHost(HttpRequest request)
    {
        var host = request.Host.Host;
        return host.EndsWith(HostSuffix, StringComparison.OrdinalIgnoreCase) ? host[..^HostSuffix.Length].ToLowerInvariant() : "";
    }
}
