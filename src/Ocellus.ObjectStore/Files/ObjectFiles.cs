using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Ocellus.Objects.Files;

/// <summary>Writes the store's files. Keys appear in paths only as hashes.</summary>
internal static class ObjectFiles
{
    /// <summary>The hash that represents a key in file names.</summary>
    public static string Hash(string key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));

    public static string MetadataPath(string folder, string key)
    {
        var hash = Hash(key);
        return Path.Combine(folder, hash[..2], hash + ".json");
    }

    public static async Task<ObjectDigests> WriteDataAsync(
        string path, Stream content, IEnumerable<string> algorithms, long limit, CancellationToken cancel)
    {
        using var digests = new DigestSet(algorithms);
        var buffer = ArrayPool<byte>.Shared.Rent(128 * 1024);
        try
        {
            var file = CreateImmutable(path, FileOptions.Asynchronous);
            await using (file.ConfigureAwait(false))
            {
                long total = 0;
                int read;
                while ((read = await content.ReadAsync(buffer, cancel).ConfigureAwait(false)) > 0)
                {
                    if ((total += read) > limit)
                    {
                        throw new S3Exception("EntityTooLarge");
                    }

                    digests.Append(buffer.AsSpan(0, read));
                    await file.WriteAsync(buffer.AsMemory(0, read), cancel).ConfigureAwait(false);
                }

                file.Flush(flushToDisk: true);
            }

            return digests.Finish();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public static void WriteJson<T>(string path, T value, JsonTypeInfo<T> type)
    {
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        WriteFlushed(temporary, value, type);
        File.Move(temporary, path, overwrite: true);
    }

    public static void WriteFlushed<T>(string path, T value, JsonTypeInfo<T> type)
    {
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        JsonSerializer.Serialize(file, value, type);
        file.Flush(flushToDisk: true);
    }

    /// <summary>Creates a file that only this stream can write: its permissions prevent it from being opened for writing later.</summary>
    public static FileStream CreateImmutable(string path, FileOptions options)
    {
        var how = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None, BufferSize = 1, Options = options };
        if (!OperatingSystem.IsWindows())
        {
            how.UnixCreateMode = UnixFileMode.UserRead;
        }

        return new FileStream(path, how);
    }

    public static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (IOException)
        {
            // No metadata refers to the file, so it does no harm.
        }
        catch (UnauthorizedAccessException)
        {
            // As above.
        }
    }
}
