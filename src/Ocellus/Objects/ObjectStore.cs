using System.Diagnostics.CodeAnalysis;
using Ocellus.Storage;
using static Ocellus.Objects.ObjectFiles;

namespace Ocellus.Objects;

/// <summary>
/// Buckets and objects in a folder. An object is a data file under a name never used twice and a metadata file that
/// names it; renaming the metadata into place commits a write, so a reader sees the old object or the new one.
/// </summary>
/// <remarks>
/// A data file is written once, before the metadata that names it, and is never opened for writing again: an overwrite
/// makes another file. So a hard link to it is a snapshot of the object (<see cref="TryLink"/>). What a write leaves behind
/// when the process ends before its commit is named by no metadata and is removed when the bucket is next read from disk.
/// </remarks>
internal sealed class ObjectStore
{
    /// <summary>Most bytes that one request may store: S3's limit.</summary>
    public const long MaxObjectBytes = 5L << 30;

    private readonly BucketFolders _buckets;

    public ObjectStore(string root, TimeProvider clock)
    {
        _buckets = new(root, clock);
        Uploads = new(_buckets, this);
    }

    /// <summary>Uploads in parts that are not finished.</summary>
    public MultipartUploads Uploads { get; }

    public IReadOnlyList<Bucket> Buckets(string? accountId = null) => _buckets.All(accountId);

    public Bucket? FindBucket(string bucket) => _buckets.Find(bucket);

    /// <summary>Reads every bucket from disk, so that no request has to wait for it, and sweeps what interrupted writes left.</summary>
    public void Open(CancellationToken cancel) => _buckets.Open(cancel);

    /// <summary>Makes a bucket; refuses when the name is malformed or taken.</summary>
    public Bucket CreateBucket(string bucket, string accountId, string region) => _buckets.Create(bucket, accountId, region);

    public void DeleteBucket(string bucket) => _buckets.Delete(bucket);

    /// <summary>Keeps a bucket's rules for pages of other origins; null takes them away.</summary>
    public void SetCors(string bucket, IReadOnlyList<CorsRule>? rules) => _buckets.Change(bucket, b => b with { Cors = rules });

    /// <summary>Keeps a bucket's tags; null takes them away.</summary>
    public void SetBucketTags(string bucket, Dictionary<string, string>? tags) => _buckets.Change(bucket, b => b with { Tags = tags });

    public Task<ObjectInfo?> HeadAsync(string bucket, string key, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        var index = _buckets.Index(bucket);
        lock (index.Gate)
        {
            return Task.FromResult(index.Objects.GetValueOrDefault(key));
        }
    }

    /// <summary>Opens an object, or gives null when there is none. The stream outlives a later overwrite.</summary>
    public Stream? OpenRead(string bucket, string key, [NotNullWhen(true)] out ObjectInfo? info)
    {
        var index = _buckets.Index(bucket);
        lock (index.Gate)
        {
            if (!index.Objects.TryGetValue(key, out info))
            {
                return null;
            }

            return new FileStream(
                Path.Combine(Path.GetDirectoryName(MetadataPath(index.Folder, key))!, info.DataFile),
                FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1, FileOptions.Asynchronous);
        }
    }

    /// <summary>Stores an object whole or not at all.</summary>
    public async Task<ObjectInfo> PutAsync(string bucket, string key, Stream content, PutOptions options, CancellationToken cancel)
    {
        ObjectNames.CheckKey(key);
        var index = _buckets.Index(bucket);
        var metadata = MetadataPath(index.Folder, key);
        var folder = Path.GetDirectoryName(metadata)!;
        var dataFile = $"{Path.GetFileNameWithoutExtension(metadata)}.{Guid.NewGuid():N}.data";
        var data = Path.Combine(folder, dataFile);
        var described = data + ".json.tmp";
        ObjectInfo? old;
        var committed = false;
        try
        {
            FileSystem.CreateFolder(folder);
            var digests = await WriteDataAsync(data, content, [.. options.Algorithms, .. options.OnlyVerified], options.LengthMax, cancel).ConfigureAwait(false);
            options.Verify?.Invoke(digests);
            var info = new ObjectInfo
            {
                Key = key,
                Size = digests.Length,
                ETag = options.ETag ?? Convert.ToHexStringLower(digests.Md5),
                LastModified = _buckets.Now(),
                ContentType = options.ContentType ?? "binary/octet-stream",
                UserMetadata = options.UserMetadata,
                Headers = options.Headers,
                Checksums = options.Checksums ?? digests.Kept(options.Algorithms),
                ChecksumType = options.ChecksumType,
                Tags = options.Tags,
                Parts = options.Parts,
                UploadId = options.UploadId,
                DataFile = dataFile,
            };
            WriteFlushed(described, info, ObjectJson.Default.ObjectInfo);

            // The data's name must be durable before the metadata that speaks of it.
            FileSystem.SyncFolder(folder);
            lock (index.Gate)
            {
                old = index.Objects.GetValueOrDefault(key);
                if (index.Deleted)
                {
                    throw new S3Exception("NoSuchBucket");
                }

                if (options.OnlyIfETag is not null && old is null)
                {
                    throw new S3Exception("NoSuchKey");
                }

                if ((options.OnlyIfAbsent && old is not null)
                    || (options.OnlyIfETag is { } wanted && wanted != "*" && wanted.Trim('"') != old!.ETag))
                {
                    throw new S3Exception("PreconditionFailed");
                }

                File.Move(described, metadata, overwrite: true);
                committed = true;
                index.Set(info);
            }

            // Outside the lock: other keys need not wait for the disk. The old data goes only when the new name is durable.
            FileSystem.SyncFolder(folder);
            if (old is not null)
            {
                TryDelete(Path.Combine(folder, old.DataFile));
            }

            return info;
        }
        catch (DirectoryNotFoundException) when (index.Deleted)
        {
            // The bucket was deleted, and its folder with it, while the body came in.
            throw new S3Exception("NoSuchBucket");
        }
        finally
        {
            if (!committed)
            {
                TryDelete(data);
                TryDelete(described);
            }
        }
    }

    /// <summary>
    /// Takes a snapshot of an object as a file: a hard link to its immutable data where the file system has them, else a copy.
    /// The file keeps its content when the object is overwritten or deleted; it is read-only and the caller's to delete.
    /// </summary>
    /// <returns>False when there is no such object or bucket.</returns>
    /// <exception cref="IOException">The target is there already, or cannot be written.</exception>
    public bool TryLink(string bucket, string key, string targetFile)
    {
        if (FindBucket(bucket) is null)
        {
            return false;
        }

        BucketIndex index;
        try
        {
            index = _buckets.Index(bucket);
        }
        catch (S3Exception)
        {
            // Deleted in between.
            return false;
        }

        FileStream source;
        lock (index.Gate)
        {
            if (!index.Objects.TryGetValue(key, out var info))
            {
                return false;
            }

            var data = Path.Combine(Path.GetDirectoryName(MetadataPath(index.Folder, key))!, info.DataFile);
            if (FileSystem.TryHardLink(data, targetFile))
            {
                return true;
            }

            // Opened under the lock, read outside it: an open file outlives the deletion of its name.
            source = new FileStream(data, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1);
        }

        using (source)
        {
            using var target = CreateImmutable(targetFile, FileOptions.None);
            try
            {
                source.CopyTo(target);
                return true;
            }
            catch
            {
                TryDelete(targetFile);
                throw;
            }
        }
    }

    /// <summary>Gives an object other tags; its bytes and its time stay.</summary>
    /// <returns>False when there is no such object.</returns>
    public bool SetTags(string bucket, string key, Dictionary<string, string> tags)
    {
        var index = _buckets.Index(bucket);
        var metadata = MetadataPath(index.Folder, key);
        lock (index.Gate)
        {
            if (!index.Objects.TryGetValue(key, out var info))
            {
                return false;
            }

            info = info with { Tags = tags };
            WriteJson(metadata, info, ObjectJson.Default.ObjectInfo);
            index.Set(info);
        }

        FileSystem.SyncFolder(Path.GetDirectoryName(metadata)!);
        return true;
    }

    /// <summary>Removes an object, if it is as it must be; says whether there was one.</summary>
    public Task<bool> DeleteAsync(string bucket, string key, CancellationToken cancel, DeleteConditions? onlyIf = null)
    {
        cancel.ThrowIfCancellationRequested();
        var index = _buckets.Index(bucket);
        var metadata = MetadataPath(index.Folder, key);
        var folder = Path.GetDirectoryName(metadata)!;
        ObjectInfo? info;
        lock (index.Gate)
        {
            if (!index.Objects.TryGetValue(key, out info))
            {
                return onlyIf is null ? Task.FromResult(false) : throw new S3Exception("NoSuchKey");
            }

            if (onlyIf is not null && !onlyIf.Hold(info))
            {
                throw new S3Exception("PreconditionFailed");
            }

            File.Delete(metadata);
            index.Objects.Remove(key);
            index.Keys.Remove(key);
        }

        // The data goes last: after a power cut no metadata may name data that is gone.
        FileSystem.SyncFolder(folder);
        TryDelete(Path.Combine(folder, info.DataFile));
        return Task.FromResult(true);
    }

    /// <summary>Lists keys after <paramref name="after"/> in the order of their UTF-8 bytes.</summary>
    public ObjectPage List(string bucket, string prefix, string? delimiter, string? after, int max)
    {
        var index = _buckets.Index(bucket);
        lock (index.Gate)
        {
            return index.List(prefix, delimiter, after, max);
        }
    }

    /// <summary>The file with an object's content in a store that another process may have open; null if there is none. Nothing is made, swept or locked.</summary>
    public static string? FindFile(string root, string bucket, string key)
    {
        if (!ObjectNames.IsBucketName(bucket))
        {
            return null;
        }

        var metadata = MetadataPath(Path.Combine(root, bucket), key);
        if (!File.Exists(metadata) || ReadJson(metadata, ObjectJson.Default.ObjectInfo) is not { } info)
        {
            return null;
        }

        var file = Path.Combine(Path.GetDirectoryName(metadata)!, info.DataFile);
        return File.Exists(file) ? file : null;
    }
}
