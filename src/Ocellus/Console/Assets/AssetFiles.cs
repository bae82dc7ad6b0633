using System.Collections.Frozen;
using System.IO.Compression;
using System.Security.Cryptography;
using Ocellus.Console.Sessions;

namespace Ocellus.Console.Assets;

/// <summary>
/// Scripts, styles and icons, embedded in the program. Their address has a hash over all of them, so a browser keeps them until the next version.
/// </summary>
internal sealed class AssetFiles
{
    private const string Prefix = "console/";

    private static readonly FrozenDictionary<string, string> _types = new Dictionary<string, string>
    {
        [".js"] = "text/javascript; charset=utf-8",
        [".css"] = "text/css; charset=utf-8",
        [".svg"] = "image/svg+xml",
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private readonly FrozenDictionary<string, Asset> _assets;

    public AssetFiles()
    {
        var program = typeof(AssetFiles).Assembly;
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var assets = new Dictionary<string, Asset>(StringComparer.Ordinal);
        foreach (var resource in program.GetManifestResourceNames().Where(n => n.StartsWith(Prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var stream = program.GetManifestResourceStream(resource)!;
            var content = new byte[stream.Length];
            stream.ReadExactly(content);
            hash.AppendData(content);
            var name = resource[Prefix.Length..];
            assets.Add(name, new(_types[Path.GetExtension(name)], content));
        }

        // One request less for every page.
        assets.Add("console.css", new(_types[".css"], [.. assets["base.css"].Content, .. assets["pages.css"].Content]));
        _assets = assets.ToFrozenDictionary(StringComparer.Ordinal);
        Version = Convert.ToHexStringLower(hash.GetHashAndReset())[..12];
    }

    /// <summary>Changes when any of the files does.</summary>
    public string Version { get; }

    /// <summary>The address of a file. Modules import each other by name alone.</summary>
    public string Address(string name) => _assets.ContainsKey(name)
        ? $"/ui/assets/{Version}/{name}"
        : throw new ArgumentException($"The program has no console file {name}.", nameof(name));

    public void Map(IEndpointRouteBuilder routes) => routes.MapGet("/ui/assets/{version}/{name}", WriteAsync).WithMetadata(OpenToAnyone.Mark);

    private Task WriteAsync(HttpContext http)
    {
        if (http.Request.RouteValues["version"] is not string version || version != Version
            || !_assets.TryGetValue((string)http.Request.RouteValues["name"]!, out var asset))
        {
            throw new ConsoleException(StatusCodes.Status404NotFound, "NotFound", "The server has a newer version of the console; load the page again.");
        }

        var response = http.Response;
        response.ContentType = asset.Type;
        response.Headers.CacheControl = "public, max-age=31536000, immutable";
        response.Headers.Vary = "Accept-Encoding";
        var bytes = asset.Content;
        if (http.Request.Headers.AcceptEncoding.ToString().Contains("br", StringComparison.Ordinal))
        {
            response.Headers.ContentEncoding = "br";
            bytes = asset.Compressed.Value;
        }

        response.ContentLength = bytes.Length;
        return response.Body.WriteAsync(bytes, http.RequestAborted).AsTask();
    }

    private sealed record Asset(string Type, byte[] Content)
    {
        public Lazy<byte[]> Compressed { get; } = new(() => Compress(Content));

        private static byte[] Compress(byte[] content)
        {
            var target = new byte[BrotliEncoder.GetMaxCompressedLength(content.Length)];
            return BrotliEncoder.TryCompress(content, target, out var length, quality: 9, window: 22)
                ? target[..length]
                : throw new InvalidOperationException("The file cannot be compressed.");
        }
    }
}
