using Ocellus.Storage;
using static Ocellus.Objects.Files.ObjectFiles;
using static Ocellus.Objects.Files.UploadFolders;

namespace Ocellus.Objects.Files;

/// <summary>Unfinished multipart uploads. Each has a folder in its bucket's folder until it is completed, aborted or expires.</summary>
internal sealed partial class MultipartUploads(BucketFolders buckets, ObjectStore objects, ObjectOptions options, TimeProvider clock)
{
    public const string FolderName = ".uploads";

    /// <summary>Minimum bytes of a part other than the last: S3's limit.</summary>
    public const long MinPartBytes = 5L << 20;

    /// <summary>Maximum bytes of an object uploaded in parts: 5 TB.</summary>
    public const long MaxJoinedBytes = 5L << 40;

    public UploadInfo CreateUpload(string bucket, UploadInfo template)
    {
        ObjectNames.CheckKey(template.Key);
        var index = buckets.Index(bucket);
        var upload = template with { Id = Guid.NewGuid().ToString("N"), Initiated = buckets.Now() };
        var stored = new StoredUpload(upload.Key, upload.Id, upload.Initiated, upload.Algorithm);
        lock (index.Gate)
        {
            index.Add(stored, options.UploadsPerBucket);
        }

        var folder = FolderOf(index, upload.Id);
        try
        {
            FileSystem.CreateFolder(folder);
            WriteJson(Path.Combine(folder, Descriptions.UploadFile), upload, ObjectJson.Default.UploadInfo);
            FileSystem.SyncFolder(folder);
        }
        catch
        {
            // The folder has no description, so the next start removes it.
            lock (index.Gate)
            {
                index.Remove(stored.Key, stored.Id);
            }

            throw;
        }

        return upload;
    }

    public UploadInfo Upload(string bucket, string key, string id) => Read(buckets.Index(bucket), key, id);

    /// <summary>Unfinished uploads of a bucket, sorted by key and id, after a key or after one upload of that key.</summary>
    public KeyPage<StoredUpload> List(string bucket, string prefix, string? delimiter, string afterKey, string afterId, int max) =>
        buckets.Index(bucket).ListUploads(prefix, delimiter, afterKey, afterId, max);

    public async Task<PartInfo> PutPartAsync(string bucket, string key, string id, int number, Stream content, PutOptions put, CancellationToken cancel)
    {
        var index = buckets.Index(bucket);
        var upload = Find(index, key, id);
        var folder = FolderOf(index, id);
        var dataFile = $"{number}.{Guid.NewGuid():N}.data";
        var data = Path.Combine(folder, dataFile);
        var temporary = data + ".json.tmp";
        var committed = false;
        try
        {
            var digests = await WriteDataAsync(data, content, [.. put.Algorithms, .. put.OnlyVerified], ObjectStore.MaxObjectBytes, cancel)
                .ConfigureAwait(false);
            put.Verify?.Invoke(digests);
            var part = new PartInfo(
                number, digests.Length, Convert.ToHexStringLower(digests.Md5), buckets.Now(),
                digests.Kept(put.Algorithms), dataFile);
            WriteFlushed(temporary, part, ObjectJson.Default.PartInfo);
            FileSystem.SyncFolder(folder);
            PartInfo? old;
            lock (upload.Gate)
            {
                if (upload.Ended)
                {
                    throw new S3Exception("NoSuchUpload");
                }

                // A part with a damaged description is replaced like any other.
                var file = Path.Combine(folder, $"{number}.json");
                old = File.Exists(file) ? Descriptions.Part(file, out _) : null;
                File.Move(temporary, file, overwrite: true);
                committed = true;
            }

            FileSystem.SyncFolder(folder);
            if (old is not null)
            {
                TryDelete(Path.Combine(folder, old.DataFile));
            }

            return part;
        }
        catch (DirectoryNotFoundException)
        {
            // The upload was completed or aborted, and its folder removed, while the part arrived.
            throw new S3Exception("NoSuchUpload");
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

    /// <summary>One page of an upload's parts after a number, and whether more follow. Reads only these parts.</summary>
    public (IReadOnlyList<PartInfo> Parts, bool More) Parts(string bucket, string key, string id, long after, int max)
    {
        var index = buckets.Index(bucket);
        Find(index, key, id);
        return UploadFolders.Parts(FolderOf(index, id), after, max);
    }

    /// <summary>All parts of an upload, in order.</summary>
    public IReadOnlyList<PartInfo> Parts(string bucket, string key, string id) => Parts(bucket, key, id, 0, int.MaxValue).Parts;

    /// <summary>Refuses an id that is neither an unfinished upload nor the upload that created the object.</summary>
    /// <exception cref="S3Exception">NoSuchUpload.</exception>
    public async Task RequireAsync(string bucket, string key, string id, CancellationToken cancel)
    {
        if ((await objects.HeadAsync(bucket, key, cancel).ConfigureAwait(false))?.UploadId != UploadFolderName(id))
        {
            Upload(bucket, key, id);
        }
    }

    /// <summary>Aborts an upload, readable or not.</summary>
    public void AbortUpload(string bucket, string key, string id)
    {
        var index = buckets.Index(bucket);
        Forget(index, index.DamagedUploads.Contains(id) ? new StoredUpload(key, id, default, null) : Find(index, key, id));
    }

    private static string UploadFolderName(string id) =>
        Guid.TryParseExact(id, "N", out var parsed) ? parsed.ToString("N") : throw new S3Exception("NoSuchUpload");

    /// <summary>Removes uploads that were not completed in time.</summary>
    /// <returns>Number of removed uploads.</returns>
    public int Expire(CancellationToken cancel)
    {
        var count = 0;
        if (options.UploadExpiry <= TimeSpan.Zero)
        {
            return count;
        }

        var oldest = clock.GetUtcNow() - options.UploadExpiry;
        foreach (var index in buckets.Indexes().Where(i => i.IsLoaded))
        {
            // For damaged uploads, only the folder's time is known.
            var due = index.Uploads.Where(u => u.Initiated <= oldest)
                .Concat(
                    index.DamagedUploads.Where(id => Directory.GetLastWriteTimeUtc(FolderOf(index, id)) <= oldest)
                        .Select(id => new StoredUpload("", id, default, null)));
            foreach (var upload in due)
            {
                cancel.ThrowIfCancellationRequested();
                Forget(index, upload);
                count++;
            }
        }

        return count;
    }

    /// <summary>Ends an upload by renaming its folder, which is removed later.</summary>
    private void Forget(BucketIndex index, StoredUpload upload)
    {
        var folder = FolderOf(index, upload.Id);
        lock (upload.Gate)
        {
            try
            {
                buckets.Removed.Take(folder);
            }
            catch (DirectoryNotFoundException)
            {
                // Another request has ended the upload or deleted its bucket.
            }

            upload.Ended = true;
        }

        lock (index.Gate)
        {
            index.Remove(upload.Key, upload.Id);
        }

        try
        {
            FileSystem.SyncFolder(Path.GetDirectoryName(folder)!);
        }
        catch (IOException) when (index.Deleted)
        {
            // The bucket was deleted too.
        }
    }
}
