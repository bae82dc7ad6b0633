using Ocellus.Wire;

namespace Ocellus.Objects.S3;

/// <summary>Bucket and key of a request, decoded.</summary>
/// <param name="Bucket">Empty for the service itself.</param>
/// <param name="Key">Empty for the bucket itself.</param>
/// <param name="InHost">Whether the bucket is in the host, not in the path.</param>
internal readonly record struct S3Target(string Bucket, string Key, bool InHost)
{
    /// <summary>Suffix of the host in virtual-host style. Every name with it resolves to this machine (RFC 6761).</summary>
    private const string HostSuffix = ".localhost";

    /// <summary>Whether the host of a request names a bucket: <c>BUCKET.localhost:8741</c>.</summary>
    public static bool IsInHost(HttpRequest request) => BucketInHost(request).Length > 0;

    /// <remarks>Uses the raw target, because Kestrel's decoded path has dot segments removed and %2F kept.</remarks>
    public static S3Target Of(HttpRequest request)
    {
        var path = RequestTarget.Of(request).RawPath;
        if (BucketInHost(request) is { Length: > 0 } bucket)
        {
            // Only the first slash belongs to the path: a key may begin with one.
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
