using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Amazon.S3;
using Amazon.S3.Model;
using Ocellus.Storage;

namespace Ocellus.Objects.External;

/// <summary>
/// Keeps folders in the product's own bucket of an external store. <c>NAME/folder.json</c> lists a folder's files with size and SHA-256, and is written last,
/// so that it names only what is there; the content of each file is an object named by its SHA-256, so that what has not changed is not sent again.
/// </summary>
internal sealed class ExternalFolders(ExternalStoreOptions options) : IFolderStore, IDisposable
{
    private const string ListName = "folder.json";

    /// <summary>Files of a folder: a model has four, a training's input a few more.</summary>
    private const int FilesMax = 1000;

    /// <summary>Bytes of a list of files, or of a key.</summary>
    private const int SmallMax = 1 << 20;

    /// <summary>A large checkpoint over a slow line.</summary>
    private readonly AmazonS3Client _client = ExternalObjectStore.Connect(options, TimeSpan.FromMinutes(5));

    private bool _hasBucket;

    public bool IsShared => true;

    public async Task<string?> PutAsync(string name, string folder, Func<string, bool> which, CancellationToken cancel)
    {
        await PrepareAsync(cancel);
        var before = await ListAsync(name, cancel);
        var files = new List<KeptFile>();
        foreach (var path in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            var relative = Path.GetRelativePath(folder, path).Replace(Path.DirectorySeparatorChar, '/');
            if (which(relative))
            {
                files.Add(await PutFileAsync(name, path, relative, before, cancel));
            }
        }

        if (files.Count > FilesMax)
        {
            throw new IOException($"The folder {folder} has {files.Count} files; {FilesMax} can be kept.");
        }

        files.Sort((one, other) => string.CompareOrdinal(one.Path, other.Path));
        var list = JsonSerializer.SerializeToUtf8Bytes(new KeptFolder(files), KeptJson.Default.KeptFolder);
        await WriteAsync($"{name}/{ListName}", list, cancel);
        foreach (var sha in before.Select(f => f.Sha256).Except(files.Select(f => f.Sha256)))
        {
            await DeleteAsync($"{name}/{sha}", cancel);
        }

        return RevisionOf(list);
    }

    public async Task<string?> RevisionAsync(string name, CancellationToken cancel) =>
        await ReadAsync($"{name}/{ListName}", cancel) is { } list ? RevisionOf(list) : null;

    public async Task<bool> FetchAsync(string name, string folder, CancellationToken cancel)
    {
        var temporary = $"{folder}.{Guid.NewGuid():N}.fetching";
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                var files = await ListAsync(name, cancel);
                if (files.Count == 0)
                {
                    return false;
                }

                Directory.CreateDirectory(temporary);
                try
                {
                    foreach (var file in files)
                    {
                        await FetchFileAsync(name, file, temporary, cancel);
                    }

                    break;
                }
                catch (FileNotFoundException) when (attempt < 3)
                {
                    // It was replaced after its list was read.
                    FileSystem.RemoveFolder(temporary);
                }
            }

            FileSystem.SyncFolder(temporary);
            FileSystem.RemoveFolder(folder);
            Directory.Move(temporary, folder);
            FileSystem.SyncFolder(Path.GetDirectoryName(folder)!);
            return true;
        }
        finally
        {
            FileSystem.RemoveFolder(temporary);
        }
    }

    public async Task RemoveAsync(string name, CancellationToken cancel)
    {
        // The list first: what it names is never missing.
        var files = await ListAsync(name, cancel);
        await DeleteAsync($"{name}/{ListName}", cancel);
        foreach (var sha in files.Select(f => f.Sha256).Distinct())
        {
            await DeleteAsync($"{name}/{sha}", cancel);
        }
    }

    /// <summary>A small object; null if there is none.</summary>
    /// <exception cref="IOException">The store cannot be reached now.</exception>
    public async Task<byte[]?> ReadAsync(string key, CancellationToken cancel) =>
        await CallAsync(async () =>
        {
            try
            {
                using var response = await _client.GetObjectAsync(options.OwnBucket, key, cancel);
                if (response.ContentLength > SmallMax)
                {
                    throw new IOException($"{key} in the bucket {options.OwnBucket} has {response.ContentLength} bytes, {SmallMax} at most are right.");
                }

                using var content = new MemoryStream();
                await response.ResponseStream.CopyToAsync(content, cancel);
                return content.ToArray();
            }
            catch (AmazonS3Exception failure) when (failure.StatusCode == HttpStatusCode.NotFound)
            {
                return null;
            }
        });

    /// <summary>Stores a small object.</summary>
    /// <exception cref="IOException">The store cannot be reached now.</exception>
    public async Task WriteAsync(string key, byte[] content, CancellationToken cancel)
    {
        await PrepareAsync(cancel);
        await CallAsync(() => _client.PutObjectAsync(
            new PutObjectRequest { BucketName = options.OwnBucket, Key = key, InputStream = new MemoryStream(content) }, cancel));
    }

    public void Dispose() => _client.Dispose();

    private static string RevisionOf(byte[] list) => Convert.ToHexStringLower(SHA256.HashData(list));

    private async Task<KeptFile> PutFileAsync(string name, string path, string relative, List<KeptFile> before, CancellationToken cancel)
    {
        await using var content = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.Asynchronous);
        var file = new KeptFile(relative, content.Length, Convert.ToHexStringLower(await SHA256.HashDataAsync(content, cancel)));
        if (!before.Exists(f => f.Sha256 == file.Sha256))
        {
            content.Position = 0;
            await CallAsync(() => _client.PutObjectAsync(
                new PutObjectRequest { BucketName = options.OwnBucket, Key = $"{name}/{file.Sha256}", InputStream = content, AutoCloseStream = false },
                cancel));
        }

        return file;
    }

    private async Task FetchFileAsync(string name, KeptFile file, string folder, CancellationToken cancel)
    {
        var path = Path.GetFullPath(Path.Combine(folder, file.Path));
        if (!path.StartsWith(Path.GetFullPath(folder) + Path.DirectorySeparatorChar, StringComparison.Ordinal))
        {
            throw new IOException($"{name}/{ListName} in the bucket {options.OwnBucket} names a file outside of its folder.");
        }

        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var sha = await CallAsync(async () =>
        {
            try
            {
                using var response = await _client.GetObjectAsync(options.OwnBucket, $"{name}/{file.Sha256}", cancel);
                await using var target = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.Asynchronous);
                await response.ResponseStream.CopyToAsync(target, cancel);
                target.Flush(flushToDisk: true);
                target.Position = 0;
                return await SHA256.HashDataAsync(target, cancel);
            }
            catch (AmazonS3Exception failure) when (failure.StatusCode == HttpStatusCode.NotFound)
            {
                throw new FileNotFoundException($"{name}/{file.Sha256} is not in the bucket {options.OwnBucket} of {options.Endpoint}.");
            }
        });
        if (Convert.ToHexStringLower(sha) != file.Sha256)
        {
            throw new IOException($"{name}/{file.Sha256} in the bucket {options.OwnBucket} of {options.Endpoint} is damaged: its content has another SHA-256.");
        }
    }

    private async Task<List<KeptFile>> ListAsync(string name, CancellationToken cancel)
    {
        try
        {
            return await ReadAsync($"{name}/{ListName}", cancel) is { } text ? [.. JsonSerializer.Deserialize(text, KeptJson.Default.KeptFolder)!.Files] : [];
        }
        catch (JsonException failure)
        {
            throw new IOException($"{name}/{ListName} in the bucket {options.OwnBucket} of {options.Endpoint} is damaged.", failure);
        }
    }

    private Task<DeleteObjectResponse> DeleteAsync(string key, CancellationToken cancel) =>
        CallAsync(() => _client.DeleteObjectAsync(options.OwnBucket, key, cancel));

    private async Task PrepareAsync(CancellationToken cancel)
    {
        if (!_hasBucket)
        {
            _hasBucket = await CallAsync(() => StoreCalls.EnsureBucketAsync(_client, options.OwnBucket, cancel));
        }
    }

    private Task<T> CallAsync<T>(Func<Task<T>> call) => StoreCalls.CallAsync(call, $"The bucket {options.OwnBucket} of the object store {options.Endpoint}");
}

/// <summary>A file of a folder that is kept.</summary>
/// <param name="Path">In the folder, with forward slashes.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Sha256">Of its content, hexadecimal.</param>
internal sealed record KeptFile(string Path, long Size, string Sha256);

/// <summary>What <c>folder.json</c> holds.</summary>
internal sealed record KeptFolder(IReadOnlyList<KeptFile> Files);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(KeptFolder))]
internal sealed partial class KeptJson : JsonSerializerContext;
