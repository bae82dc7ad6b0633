using Ocellus.Wire;

namespace Ocellus.Objects.S3;

/// <summary>What a request names, decoded.</summary>
/// <param name="Bucket">Empty for the service itself.</param>
/// <param name="Key">Empty for the bucket itself.</param>
/// <param name="InHost">Whether the host names the bucket, and not the path.</param>
internal readonly record struct S3Target(string Bucket, string Key, bool InHost)
{
    /// <summary>What follows the bucket in the host of a request in virtual-host style. Every name under it leads to this machine (RFC 6761).</summary>
    private const string HostSuffix = ".localhost";

    /// <summary>Whether the host of a request names a bucket: <c>BUCKET.localhost:8741</c>.</summary>
    public static bool IsInHost(HttpRequest request) => BucketInHost(request).Length > 0;

    /// <remarks>From the raw target, because the server's decoded path has its dot segments removed and keeps %2F.</remarks>
    public static S3Target Of(HttpRequest request)
    {
        var path = RequestTarget.Of(request).RawPath;
        if (BucketInHost(request) is { Length: > 0 } bucket)
        {
            // A key may begin with a slash, so only the first one is the path's own.
            return new(bucket, Uri.UnescapeDataString(path[1..]), InHost: true);
        }

        path = path.TrimStart('/');
        var slash = path.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? new(Uri.UnescapeDataString(path), "", InHost: false)
            : new(Uri.UnescapeDataString(path[..slash]), Uri.UnescapeDataString(path[(slash + 1)..]), InHost: false);
    }

    /// <summary>The bucket that the host names; empty in path style.</summary>
    private static string BucketInHost(HttpRequest request)
    {
        var host = request.Host.Host;
        return host.EndsWith(HostSuffix, StringComparison.OrdinalIgnoreCase) ? host[..^HostSuffix.Length].ToLowerInvariant() : "";
    }
}
