using System.Globalization;
using Ocellus.Storage;

namespace Ocellus.Console.Images;

/// <summary>Thumbnails on disk, named by the content of their image: one that is there is right, and any may be deleted.</summary>
internal sealed class ThumbCache(DataDirectory data, TimeProvider clock)
{
    /// <summary>Bytes of all files; beyond that the ones unused for longest go. About 100,000 thumbnails of 256 pixels.</summary>
    public const long BytesMax = 1L << 30;

    /// <summary>Share of <see cref="BytesMax"/> left after a sweep, so that not every new file begins one.</summary>
    private const double LeftAfterSweep = 0.9;

    private readonly Lock _gate = new();
    private readonly string _root = Path.Combine(data.Path, "cache", "thumbs");

    /// <summary>Bytes of the files; negative until they have been counted.</summary>
    private long _bytes = -1;

    /// <summary>The limit; tests lower it.</summary>
    internal long Limit { get; init; } = BytesMax;

    /// <summary>A thumbnail; null if it is not there.</summary>
    public async Task<byte[]?> FindAsync(string sha256, int side, CancellationToken cancel)
    {
        try
        {
            var bytes = await File.ReadAllBytesAsync(FileOf(sha256, side), cancel);
            // Not every file system notes it by itself.
            File.SetLastAccessTimeUtc(FileOf(sha256, side), clock.GetUtcNow().UtcDateTime);
            return bytes;
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Stores a thumbnail. A full disk is no failure: it is then made again for the next who asks.</summary>
    public async Task PutAsync(string sha256, int side, byte[] content, CancellationToken cancel)
    {
        var file = FileOf(sha256, side);
        var temporary = $"{file}.{Guid.NewGuid():N}.tmp";
        try
        {
            FileSystem.CreateFolder(Path.GetDirectoryName(file)!);
            await File.WriteAllBytesAsync(temporary, content, cancel);
            File.Move(temporary, file, overwrite: true);
        }
        catch (IOException)
        {
            File.Delete(temporary);
            return;
        }

        Added(content.Length);
    }

    private string FileOf(string sha256, int side) =>
        Path.Combine(_root, side.ToString(CultureInfo.InvariantCulture), sha256[..2], sha256 + ".webp");

    private void Added(long bytes)
    {
        lock (_gate)
        {
            _bytes = _bytes < 0 ? Files().Sum(f => f.Length) : _bytes + bytes;
            if (_bytes <= Limit)
            {
                return;
            }

            foreach (var file in Files().OrderBy(f => f.LastAccessTimeUtc))
            {
                if (_bytes <= Limit * LeftAfterSweep)
                {
                    break;
                }

                _bytes -= file.Length;
                file.Delete();
            }
        }
    }

    /// <summary>Without those that are being written.</summary>
    private List<FileInfo> Files() => [.. new DirectoryInfo(_root).EnumerateFiles("*.webp", SearchOption.AllDirectories).Where(f => f.Exists)];
}
