using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging.Abstractions;
using Ocellus.Storage;
using static Ocellus.Objects.Files.ObjectFiles;

namespace Ocellus.Objects.Files;

/// <summary>
/// Buckets and objects in a folder. An object is a data file under a name never used twice and a metadata file that
/// names it; renaming the metadata into place commits a write, so a reader sees the old object or the new one.
/// </summary>
/// <remarks>
/// A data file is written once, before the metadata that names it, and is never opened for writing again: an overwrite
/// makes another file. So a hard link to it is a snapshot of the object (<see cref="TryLink"/>). What a write leaves behind
/// when the process ends before its commit is named by no metadata and is removed when the bucket is next read from disk.
/// </remarks>
internal sealed partial class ObjectStore
{
    /// <summary>Most bytes that one request may store: S3's limit.</summary>
    public const long MaxObjectBytes = 5L << 30;

    private readonly BucketFolders _buckets;
    private readonly ObjectData _data;
    private readonly ILogger _log;

    public ObjectStore(string root, TimeProvider clock, ObjectOptions? options = null, ILogger<ObjectStore>? log = null)
    {
        _log = log ?? NullLogger<ObjectStore>.Instance;
        _buckets = new(root, clock, options ?? new(), _log);
        _data = new(_buckets, _log);
        Uploads = new(_buckets, this, options ?? new(), clock);
    }

    /// <summary>Uploads in parts that are not finished.</summary>
    public MultipartUploads Uploads { get; }

    /// <summary>Where deleted buckets and ended uploads wait to be removed.</summary>
    public RemovedFolders Removed => _buckets.Removed;

    /// <summary>Bytes of memory that the index takes.</summary>
    public long IndexBytes => _buckets.IndexBytes;

    public IReadOnlyList<Bucket> Buckets(string? accountId = null) => _buckets.All(accountId);

    public Bucket? FindBucket(string bucket) => _buckets.Find(bucket);

    /// <exception cref="S3Exception">There is such a bucket, and its description cannot be read.</exception>
    public void CheckReadable(string bucket) => _buckets.CheckReadable(bucket);

    /// <summary>
    /// Reads every bucket from disk, so that no request has to wait for it, and sweeps what interrupted writes left. What cannot be read is logged and keeps
    /// nothing up.
    /// </summary>
    /// <exception cref="IOException">Not even the buckets' names can be read.</exception>
    public void Open(CancellationToken cancel)
    {
        foreach (var bucket in Buckets())
        {
            cancel.ThrowIfCancellationRequested();
            try
            {
                _buckets.Index(bucket.Name);
            }
            catch (S3Exception)
            {
                // Deleted in between.
            }
            catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
            {
                BucketUnreadable(_log, failure, bucket.Name);
            }
        }
    }

    /// <summary>Completes when a bucket has been read; until then a request for it waits without a thread. At once if there is none.</summary>
    public Task OpenedAsync(string bucket, CancellationToken cancel) => _buckets.OpenAsync(bucket, cancel);

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
        return Task.FromResult(_buckets.Index(bucket).Find(key)?.ToInfo());
    }

    /// <summary>Opens an object, or gives null when there is none. The stream outlives a later overwrite.</summary>
    /// <exception cref="S3Exception">There is one, and its description or its data is damaged.</exception>
    public Stream? OpenRead(string bucket, string key, [NotNullWhen(true)] out ObjectInfo? info) => _data.OpenRead(bucket, key, out info);

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
        StoredObject? old;
        var committed = false;
        try
        {
            FileSystem.CreateFolder(folder);
            var digests = await WriteDataAsync(data, content, [.. options.Algorithms, .. options.OnlyVerified], options.LengthMax, cancel)
                .ConfigureAwait(false);
            options.Verify?.Invoke(digests);
            var info = new ObjectInfo
            {
                Key = key,
                Size = digests.Length,
                ETag = options.ETag ?? Convert.ToHexStringLower(digests.Md5),
                LastModified = _buckets.Now(),
                ContentType = options.ContentType ?? ObjectInfo.DefaultContentType,
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
            var stored = index.Shrink(info);

            // The data's name must be durable before the metadata that speaks of it.
            FileSystem.SyncFolder(folder);
            using var entered = await _buckets.Barrier.EnterAsync(cancel).ConfigureAwait(false);
            lock (index.Gate)
            {
                old = index.Peek(key);
                Check(index, key, options, old);
                index.Require(stored);
                File.Move(described, metadata, overwrite: true);
                committed = true;
                index.Set(stored);
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
    public bool TryLink(string bucket, string key, string targetFile) => _data.TryLink(bucket, key, targetFile);

    /// <summary>Gives an object other tags; its bytes and its time stay.</summary>
    /// <returns>False when there is no such object.</returns>
    public bool SetTags(string bucket, string key, Dictionary<string, string> tags)
    {
        var index = _buckets.Index(bucket);
        var metadata = MetadataPath(index.Folder, key);
        while (index.Find(key) is { } old)
        {
            var info = old.ToInfo() with { Tags = tags };
            var described = $"{metadata}.{Guid.NewGuid():N}.tmp";
            try
            {
                // Flushed before the lock is taken; if the object is another one by then, once more.
                WriteFlushed(described, info, ObjectJson.Default.ObjectInfo);
                using var entered = _buckets.Barrier.Enter();
                lock (index.Gate)
                {
                    if (ReferenceEquals(index.Peek(key), old))
                    {
                        var stored = index.Shrink(info);
                        index.Require(stored);
                        File.Move(described, metadata, overwrite: true);
                        index.Set(stored);
                        break;
                    }
                }
            }
            catch (DirectoryNotFoundException) when (index.Deleted)
            {
                throw new S3Exception("NoSuchBucket");
            }
            finally
            {
                TryDelete(described);
            }
        }

        if (index.Peek(key) is null)
        {
            return false;
        }

        FileSystem.SyncFolder(Path.GetDirectoryName(metadata)!);
        return true;
    }

    /// <summary>
    /// Removes an object, if it is as it must be; says whether there was one. One whose description is damaged is removed too, if nothing is asked of it.
    /// </summary>
    public Task<bool> DeleteAsync(string bucket, string key, CancellationToken cancel, DeleteConditions? onlyIf = null)
    {
        cancel.ThrowIfCancellationRequested();
        var index = _buckets.Index(bucket);
        var metadata = MetadataPath(index.Folder, key);
        var folder = Path.GetDirectoryName(metadata)!;
        StoredObject? old;
        using var entered = _buckets.Barrier.Enter();
        lock (index.Gate)
        {
            old = onlyIf is null ? index.Peek(key) : index.Find(key);
            if (old is null && !index.IsDamaged(key))
            {
                return onlyIf is null ? Task.FromResult(false) : throw new S3Exception("NoSuchKey");
            }

            if (onlyIf is not null && !onlyIf.Hold(old!.ToInfo()))
            {
                throw new S3Exception("PreconditionFailed");
            }

            File.Delete(metadata);
            index.Remove(key);
        }

        // The data goes last: after a power cut no metadata may name data that is gone. What a damaged description named goes with the next start.
        FileSystem.SyncFolder(folder);
        if (old is not null)
        {
            TryDelete(Path.Combine(folder, old.DataFile));
        }

        return Task.FromResult(true);
    }

    /// <summary>Lists keys after <paramref name="after"/> in the order of their UTF-8 bytes.</summary>
    public ObjectPage List(string bucket, string prefix, string? delimiter, string? after, int max) =>
        _buckets.Index(bucket).List(prefix, delimiter, after, max);

    /// <summary>Whether an object may be written in the place of what is there. The caller holds the gate.</summary>
    private static void Check(BucketIndex index, string key, PutOptions options, StoredObject? old)
    {
        if (index.Deleted)
        {
            throw new S3Exception("NoSuchBucket");
        }

        if (options.OnlyIfETag is not null && old is null)
        {
            // Of one that is damaged nobody can say what it was.
            throw index.IsDamaged(key) ? BucketIndex.DamagedObject() : new S3Exception("NoSuchKey");
        }

        if ((options.OnlyIfAbsent && (old is not null || index.IsDamaged(key)))
            || (options.OnlyIfETag is { } wanted && wanted != "*" && wanted.Trim('"') != old!.ToInfo().ETag))
        {
            throw new S3Exception("PreconditionFailed");
        }
    }

    [LoggerMessage(1332, LogLevel.Error, "The bucket {Bucket} cannot be read; requests for it are refused, every other bucket is served")]
    private static partial void BucketUnreadable(ILogger log, Exception failure, string bucket);
}
