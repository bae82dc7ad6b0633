using System.Collections.Concurrent;
using System.Globalization;
using Ocellus.Storage;

namespace Ocellus.Console.Images;

/// <summary>Thumbnails on disk, named by the content of their image: one that is there is right, and any may be deleted.</summary>
internal sealed class ThumbCache(DataDirectory data, TimeProvider clock)
{
    /// <summary>Bytes of all files of one side: about 100,000 thumbnails of 256 pixels.</summary>
    public const long BytesMax = 1L << 30;

    private readonly ConcurrentDictionary<int, CacheFolder> _sides = [];

    /// <summary>The limit; tests lower it.</summary>
    internal long Limit { get; init; } = BytesMax;

    /// <summary>A thumbnail; null if it is not there.</summary>
    public Task<byte[]?> FindAsync(string sha256, int side, CancellationToken cancel) => Of(side).FindAsync(sha256, cancel);

    /// <summary>Stores a thumbnail. A full disk is no failure: it is then made again for the next who asks.</summary>
    public Task PutAsync(string sha256, int side, byte[] content, CancellationToken cancel) => Of(side).PutAsync(sha256, content, cancel);

    private CacheFolder Of(int side) => _sides.GetOrAdd(
        side, s => new(Path.Combine(data.Path, "cache", "thumbs", s.ToString(CultureInfo.InvariantCulture)), ".webp", Limit, clock));
}
