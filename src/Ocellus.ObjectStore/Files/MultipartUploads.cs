using Ocellus.Storage;
using static Ocellus.Objects.Files.ObjectFiles;
using static Ocellus.Objects.Files.UploadFolders;

namespace Ocellus.Objects.Files;

/// <summary>Unfinished uploads in parts: a folder each inside their bucket's, until they complete into an object, are aborted or expire.</summary>
internal sealed partial class MultipartUploads(BucketFolders buckets, ObjectStore objects, ObjectOptions options, TimeProvider clock)
{
    public const string FolderName = ".uploads";

    /// <summary>Least bytes of a part that is not the last: S3's limit.</summary>
    public const long MinPartBytes = 5L << 20;

    /// <summary>Most bytes of an object, joined: 5 TB.</summary>
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
            // What is in the folder has no description and goes with the next start.
            lock (index.Gate)
            {
                index.Remove(stored.Key, stored.Id);
            }

            throw;
        }

        return upload;
    }

    public UploadInfo Upload(string bucket, string key, string id) => Read(buckets.Index(bucket), key, id);

    /// <summary>Unfinished uploads of a bucket, by key and id, after a key or after one upload of that key.</summary>
    public KeyPage<StoredUpload> List(string bucket, string prefix, string? delimiter, string afterKey, string afterId, int max) =>
        buckets.Index(bucket).ListUploads(prefix, delimiter, afterKey, afterId, max);

    public async Task<PartInfo> PutPartAsync(string bucket, string key, string id, int number, Stream content, PutOptions put, CancellationToken cancel)
    {
        var index = buckets.Index(bucket);
        var upload = Find(index, key, id);
        var folder = FolderOf(index, id);
        var dataFile = $"{number}.{Guid.NewGuid():N}.data";
        var data = Path.Combine(folder, dataFile);
        var described = data + ".json.tmp";
        var committed = false;
        try
        {
            var digests = await WriteDataAsync(data, content, [.. put.Algorithms, .. put.OnlyVerified], ObjectStore.MaxObjectBytes, cancel)
                .ConfigureAwait(false);
            put.Verify?.Invoke(digests);
            var part = new PartInfo(
                number, digests.Length, Convert.ToHexStringLower(digests.Md5), buckets.Now(),
                digests.Kept(put.Algorithms), dataFile);
            WriteFlushed(described, part, ObjectJson.Default.PartInfo);
            FileSystem.SyncFolder(folder);
            PartInfo? old;
            lock (upload.Gate)
            {
                if (upload.Ended)
                {
                    throw new S3Exception("NoSuchUpload");
                }

                // One whose description is damaged is replaced like any other.
                var file = Path.Combine(folder, $"{number}.json");
                old = File.Exists(file) ? Descriptions.Part(file, out _) : null;
                File.Move(described, file, overwrite: true);
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
            // The upload was completed or aborted, and its folder removed, while the part came in.
            throw new S3Exception("NoSuchUpload");
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

    /// <summary>Parts of an upload in order, after a number; of a long upload only those that are asked for are read. Whether more follow.</summary>
    public (IReadOnlyList<PartInfo> Parts, bool More) Parts(string bucket, string key, string id, long after, int max)
    {
        var index = buckets.Index(bucket);
        Find(index, key, id);
        return UploadFolders.Parts(FolderOf(index, id), after, max);
    }

    /// <summary>All parts of an upload, in order.</summary>
    public IReadOnlyList<PartInfo> Parts(string bucket, string key, string id) => Parts(bucket, key, id, 0, int.MaxValue).Parts;

    /// <summary>Refuses what is neither an unfinished upload nor the one that made the object.</summary>
    /// <exception cref="S3Exception">NoSuchUpload.</exception>
    public async Task RequireAsync(string bucket, string key, string id, CancellationToken cancel)
    {
        if ((await objects.HeadAsync(bucket, key, cancel).ConfigureAwait(false))?.UploadId != UploadFolderName(id))
        {
            Upload(bucket, key, id);
        }
    }

    /// <summary>Gives an upload up; one that cannot be read too.</summary>
    public void AbortUpload(string bucket, string key, string id)
    {
        var index = buckets.Index(bucket);
        Forget(index, index.DamagedUploads.Contains(id) ? new StoredUpload(key, id, default, null) : Find(index, key, id));
    }

    private static string UploadFolderName(string id) =>
        Guid.TryParseExact(id, "N", out var parsed) ? parsed.ToString("N") : throw new S3Exception("NoSuchUpload");

    /// <summary>Removes uploads that nobody completed in time.</summary>
    /// <returns>How many.</returns>
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
            // Of a damaged one nothing is known but the folder's time.
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

    /// <summary>The rename ends the upload; what is in its folder is removed later.</summary>
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
                // Another request ended it, or its bucket.
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
            // The bucket went too.
        }
    }
}
