using Ocellus.Console.Images;
using Ocellus.Storage;
using Ocellus.Vision.Embeddings;

namespace Ocellus.Console.Suggestions;

/// <summary>Fingerprints on disk, named by the content of their image: one that is there is right, and any may be deleted.</summary>
internal sealed class FingerprintCache(DataDirectory data, TimeProvider clock)
{
    /// <summary>Bytes of all files: about 100,000 images.</summary>
    public const long BytesMax = 1L << 28;

    private readonly CacheFolder _files = new(
        Path.Combine(data.Path, "cache", "fingerprints", ImageFingerprint.Revision), ".bin", BytesMax, clock);

    /// <summary>A fingerprint; null if it is not there.</summary>
    public async Task<ImageFingerprint?> FindAsync(string sha256, CancellationToken cancel) =>
        await _files.FindAsync(sha256, cancel) is { } bytes ? ImageFingerprint.FromBytes(bytes) : null;

    public Task PutAsync(string sha256, ImageFingerprint print, CancellationToken cancel) => _files.PutAsync(sha256, print.ToBytes(), cancel);
}
