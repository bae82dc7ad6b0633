using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging.Abstractions;
using Ocellus.Storage;
using static Ocellus.Objects.Files.ObjectFiles;

namespace Ocellus.Objects.Files;

/// <summary>
/// Buckets and objects in a folder. An object is a data file with a unique name, and a metadata file that refers to it. Renaming the metadata into place
/// commits a write, so a reader sees either the old object or the new one.
/// </summary>
/// <remarks>
/// A data file is written once, before its metadata, and never modified: an overwrite creates another file. So a hard link to it is a snapshot of the object
/// (<see cref="TryLink"/>). If the process ends before a commit, no metadata refers to the files of that write, and they are removed when the bucket is next
/// read from disk.
/// </remarks>
internal sealed partial class ObjectStore
{
    /// <summary>Maximum bytes that one request may store: S3's limit.</summary>
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

    /// <summary>Unfinished multipart uploads.</summary>
    public MultipartUploads Uploads { get; }

    /// <summary>The folders of deleted buckets and ended uploads, waiting to be removed.</summary>
    public RemovedFolders Removed => _buckets.Removed;

    /// <summary>Memory of the index, in bytes.</summary>
    public long IndexBytes => _buckets.IndexBytes;

    public IReadOnlyList<Bucket> Buckets(string? accountId = null) => _buckets.All(accountId);

    public Bucket? FindBucket(string bucket) => _buckets.Find(bucket);

    /// <exception cref="S3Exception">The bucket exists, but its description cannot be read.</exception>
    public void CheckReadable(string bucket) => _buckets.CheckReadable(bucket);

    /// <summary>
    /// Reads every bucket from disk, so that requests need not wait for it, and deletes what interrupted writes left. Unreadable buckets are logged and
    /// skipped.
    /// </summary>
    /// <exception cref="IOException">The names of the buckets cannot be read.</exception>
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

    /// <summary>Completes when a bucket has been read, or at once if it does not exist. Requests wait for it without blocking a thread.</summary>
    public Task OpenedAsync(string bucket, CancellationToken cancel) => _buckets.OpenAsync(bucket, cancel);

    /// <summary>Creates a bucket. Refuses malformed and taken names, and too many buckets.</summary>
    public Bucket CreateBucket(string bucket, string accountId, string region) => _buckets.Create(bucket, accountId, region);

    public void DeleteBucket(string bucket) => _buckets.Delete(bucket);

    /// <summary>Sets a bucket's CORS rules; null removes them.</summary>
    public void SetCors(string bucket, IReadOnlyList<CorsRule>? rules) => _buckets.Change(bucket, b => b with { Cors = rules });

    /// <summary>Sets a bucket's tags; null removes them.</summary>
    public void SetBucketTags(string bucket, Dictionary<string, string>? tags) => _buckets.Change(bucket, b => b with { Tags = tags });

    public Task<ObjectInfo?> HeadAsync(string bucket, string key, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        return Task.FromResult(_buckets.Index(bucket).Find(key)?.ToInfo());
    }

    /// <summary>Opens an object; null if there is none. The stream is unaffected by a later overwrite.</summary>
    /// <exception cref="S3Exception">The object's description or data is damaged.</exception>
    public Stream? OpenRead(string bucket, string key, [NotNullWhen(true)] out ObjectInfo? info) => _data.OpenRead(bucket, key, out info);

    /// <summary>Stores an object atomically.</summary>
    public async Task<ObjectInfo> PutAsync(string bucket, string key, Stream content, PutOptions options, CancellationToken cancel)
    {
        ObjectNames.CheckKey(key);
        var index = _buckets.Index(bucket);
        var metadata = MetadataPath(index.Folder, key);
        var folder = Path.GetDirectoryName(metadata)!;
        var dataFile = $"{Path.GetFileNameWithoutExtension(metadata)}.{Guid.NewGuid():N}.data";
        var data = Path.Combine(folder, dataFile);
        var temporary = data + ".json.tmp";
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
            WriteFlushed(temporary, info, ObjectJson.Default.ObjectInfo);
            var stored = index.Shrink(info);

            // The data's name must be durable before the metadata that refers to it.
            FileSystem.SyncFolder(folder);
            using var entered = await _buckets.Barrier.EnterAsync(cancel).ConfigureAwait(false);
            lock (index.Gate)
            {
                old = index.Peek(key);
                Check(index, key, options, old);
                index.Require(stored);
                File.Move(temporary, metadata, overwrite: true);
                committed = true;
                index.Set(stored);
            }

            // Outside the lock, so that other keys need not wait for the disk. The old data is deleted only when the new name is durable.
            FileSystem.SyncFolder(folder);
            if (old is not null)
            {
                TryDelete(Path.Combine(folder, old.DataFile));
            }

            return info;
        }
        catch (DirectoryNotFoundException) when (index.Deleted)
        {
            // The bucket was deleted, and its folder with it, while the body arrived.
            throw new S3Exception("NoSuchBucket");
        }
        finally
        {
            if (!committed)
            {
                TryDelete(data);
                TryDelete(temporary);
            }
        }
    }

    /// <summary>
    /// Creates a file with a snapshot of an object: a hard link to its immutable data if the file system supports it, otherwise a copy. The file is read-only,
    /// keeps its content when the object is overwritten or deleted, and must be deleted by the caller.
    /// </summary>
    /// <returns>False if there is no such object or bucket.</returns>
    /// <exception cref="IOException">The target exists already, or cannot be written.</exception>
    public bool TryLink(string bucket, string key, string targetFile) => _data.TryLink(bucket, key, targetFile);

    /// <summary>Replaces an object's tags. Its content and modification time stay.</summary>
    /// <returns>False if there is no such object.</returns>
    public bool SetTags(string bucket, string key, Dictionary<string, string> tags)
    {
        var index = _buckets.Index(bucket);
        var metadata = MetadataPath(index.Folder, key);
        while (index.Find(key) is { } old)
        {
            var info = old.ToInfo() with { Tags = tags };
            var temporary = $"{metadata}.{Guid.NewGuid():N}.tmp";
            try
            {
                // Flushed before the lock is taken. If the object has changed by then, tries again.
                WriteFlushed(temporary, info, ObjectJson.Default.ObjectInfo);
                using var entered = _buckets.Barrier.Enter();
                lock (index.Gate)
                {
                    if (ReferenceEquals(index.Peek(key), old))
                    {
                        var stored = index.Shrink(info);
                        index.Require(stored);
                        File.Move(temporary, metadata, overwrite: true);
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
                TryDelete(temporary);
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
    /// Deletes an object that meets the conditions; false if there was none. Without conditions, an object with a damaged description is deleted too.
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

        // The data is deleted last: after a power cut, no metadata may refer to missing data. Data of a damaged description is deleted at the next start.
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

    /// <summary>Checks that an object may be written in place of the existing one. The caller holds the gate.</summary>
    private static void Check(BucketIndex index, string key, PutOptions options, StoredObject? old)
    {
        if (index.Deleted)
        {
            throw new S3Exception("NoSuchBucket");
        }

        if (options.OnlyIfETag is not null && old is null)
        {
            // The ETag of a damaged object is unknown.
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
