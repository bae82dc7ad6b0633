using Ocellus.Storage;

namespace Ocellus.Console.Images;

/// <summary>Files of one kind, named by the content that they were made from: one that is there is right, and any may be deleted. Bounded.</summary>
/// <param name="root">The folder.</param>
/// <param name="extension">Of its files, with the dot.</param>
/// <param name="bytesMax">Bytes of all files; beyond that the ones unused for longest go.</param>
/// <param name="clock">For the time of their last use.</param>
internal sealed class CacheFolder(string root, string extension, long bytesMax, TimeProvider clock)
{
    /// <summary>Share of the bytes left after a sweep, so that not every new file begins one.</summary>
    private const double LeftAfterSweep = 0.9;

    /// <summary>Nobody writes a file for so long.</summary>
    private static readonly TimeSpan _unfinishedAfter = TimeSpan.FromHours(1);

    private readonly Lock _gate = new();

    /// <summary>Bytes of the files; negative until they have been counted.</summary>
    private long _bytes = -1;

    /// <summary>A file; null if it is not there.</summary>
    /// <param name="sha256">Of what it was made from, hexadecimal.</param>
    /// <param name="cancel">Gives up.</param>
    public async Task<byte[]?> FindAsync(string sha256, CancellationToken cancel)
    {
        try
        {
            var bytes = await File.ReadAllBytesAsync(FileOf(sha256), cancel);
            // Not every file system notes it by itself.
            File.SetLastAccessTimeUtc(FileOf(sha256), clock.GetUtcNow().UtcDateTime);
            return bytes;
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Stores a file. A full disk is no failure: it is then made again for the next who asks.</summary>
    public async Task PutAsync(string sha256, byte[] content, CancellationToken cancel)
    {
        var file = FileOf(sha256);
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

    private string FileOf(string sha256) => Path.Combine(root, sha256[..2], sha256 + extension);

    private void Added(long bytes)
    {
        lock (_gate)
        {
            if (_bytes < 0)
            {
                ForgetUnfinished();
                _bytes = Files().Sum(f => f.Length);
            }
            else
            {
                _bytes += bytes;
            }

            if (_bytes <= bytesMax)
            {
                return;
            }

            foreach (var file in Files().OrderBy(f => f.LastAccessTimeUtc))
            {
                if (_bytes <= bytesMax * LeftAfterSweep)
                {
                    break;
                }

                _bytes -= file.Length;
                file.Delete();
            }
        }
    }

    /// <summary>Files that a server was writing when it was killed.</summary>
    private void ForgetUnfinished()
    {
        foreach (var file in new DirectoryInfo(root).EnumerateFiles("*.tmp", SearchOption.AllDirectories)
            .Where(f => clock.GetUtcNow() - f.LastWriteTimeUtc > _unfinishedAfter))
        {
            file.Delete();
        }
    }

    /// <summary>Without those that are being written.</summary>
    private List<FileInfo> Files() => [.. new DirectoryInfo(root).EnumerateFiles("*" + extension, SearchOption.AllDirectories).Where(f => f.Exists)];
}
