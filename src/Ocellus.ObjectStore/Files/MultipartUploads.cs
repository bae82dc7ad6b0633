using System.Security.Cryptography;
using Ocellus.Encodings;
using Ocellus.Storage;
using static Ocellus.Objects.Files.ObjectFiles;
using static Ocellus.Objects.Files.UploadFolders;

namespace Ocellus.Objects.Files;

/// <summary>Unfinished uploads in parts: a folder each inside their bucket's, until they complete into an object, are aborted or expire.</summary>
internal sealed class MultipartUploads(BucketFolders buckets, ObjectStore objects, ObjectOptions options, TimeProvider clock)
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
            var digests = await WriteDataAsync(data, content, [.. put.Algorithms, .. put.OnlyVerified], ObjectStore.MaxObjectBytes, cancel).ConfigureAwait(false);
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

    /// <summary>Joins the named parts into the object and forgets the upload. Asked again, as after an answer that was lost, it gives the object that it made as long as that is there.</summary>
    /// <param name="bucket">Bucket.</param>
    /// <param name="key">Key of the object and of its upload.</param>
    /// <param name="id">The upload.</param>
    /// <param name="wanted">The parts, in order.</param>
    /// <param name="checksums">Checksums that the object must have, base64 by name, if the upload has them.</param>
    /// <param name="size">Size in bytes that the object must have; null asks for none.</param>
    /// <param name="conditions">Whether the object may be replaced.</param>
    /// <param name="cancel">Gives up; the upload stays.</param>
    public async Task<ObjectInfo> CompleteUploadAsync(
        string bucket, string key, string id, IReadOnlyList<WantedPart> wanted, IReadOnlyDictionary<string, string> checksums, long? size, PutOptions conditions, CancellationToken cancel)
    {
        if (await FinishedAsync(bucket, key, id, wanted, cancel).ConfigureAwait(false) is { } finished)
        {
            return finished;
        }

        var index = buckets.Index(bucket);
        var stored = Find(index, key, id);
        var upload = Read(index, key, id);
        var folder = FolderOf(index, id);
        var have = Parts(bucket, key, id).ToDictionary(p => p.Number);
        var parts = new List<PartInfo>();
        foreach (var (number, etag, sums) in wanted)
        {
            if (parts.Count > 0 && parts[^1].Number >= number)
            {
                throw new S3Exception("InvalidPartOrder");
            }

            if (!have.TryGetValue(number, out var part) || part.ETag != etag.Trim('"')
                || sums.Any(s => part.Checksums.TryGetValue(s.Key, out var known) && known != s.Value))
            {
                throw new S3Exception("InvalidPart", $"One or more of the specified parts could not be found: part {number} with ETag {Readable.Truncate(etag)}. The part might not have been uploaded, or the specified entity tag or checksum might not have matched the part's.");
            }

            parts.Add(part);
        }

        var total = parts.Sum(p => p.Size);
        if (total > MaxJoinedBytes)
        {
            throw new S3Exception("EntityTooLarge", $"Your proposed upload exceeds the maximum allowed object size: the parts have {total} bytes, allowed are {MaxJoinedBytes} (5 TB).");
        }

        if (size is { } announced && total != announced)
        {
            throw new S3Exception("InvalidRequest", $"x-amz-mp-object-size is {announced}, and the parts have {total} bytes.");
        }

        if (parts.SkipLast(1).Any(p => p.Size < MinPartBytes))
        {
            throw new S3Exception("EntityTooSmall");
        }

        if (parts.Select(p => (p.Number, Why: Descriptions.DataProblem(folder, p))).FirstOrDefault(p => p.Why is not null) is { Why: { } why } torn && !stored.Ended)
        {
            throw new S3Exception("InvalidPart", $"Part {torn.Number} is damaged on the server's disk: {why}. Upload it again.");
        }

        var etagOfAll = ETagOf(string.Concat(parts.Select(p => p.ETag)), parts.Count);
        Dictionary<string, string>? composite = null;
        string[] whole = [];
        if (upload.Algorithm is { } name)
        {
            if (upload.ChecksumType == "FULL_OBJECT")
            {
                whole = [name];
            }
            else if (parts.TrueForAll(p => p.Checksums.ContainsKey(name)))
            {
                using var digest = new DigestSet([name]);
                parts.ForEach(p => digest.Append(Convert.FromBase64String(p.Checksums[name])));
                composite = new() { [name] = $"{Convert.ToBase64String(digest.Finish().Values[name])}-{parts.Count}" };
            }
        }

        using var joined = new JoinedStream([.. parts.Select(p => Path.Combine(folder, p.DataFile))]);
        ObjectInfo made;
        try
        {
            foreach (var (algorithm, value) in composite ?? [])
            {
                CheckWhole(algorithm, value);
            }

            made = await objects.PutAsync(bucket, key, joined, conditions with
            {
                ContentType = upload.ContentType,
                UserMetadata = upload.UserMetadata,
                Headers = upload.Headers,
                ETag = etagOfAll,
                Algorithms = whole,
                LengthMax = MaxJoinedBytes,
                Checksums = composite,
                ChecksumType = upload.ChecksumType,
                Tags = upload.Tags,
                Parts = [.. parts.Select(p => new ObjectPart(p.Number, p.Size, p.Checksums))],
                UploadId = UploadFolderName(id),
                Verify = digests =>
                {
                    foreach (var algorithm in whole)
                    {
                        CheckWhole(algorithm, Convert.ToBase64String(digests.Values[algorithm]));
                    }
                },
            }, cancel).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            // Another request completed or aborted the upload, or replaced a part, while this one read it.
            return await FinishedAsync(bucket, key, id, wanted, cancel).ConfigureAwait(false) ?? throw new S3Exception("NoSuchUpload");
        }

        Forget(index, stored);
        return made;

        void CheckWhole(string algorithm, string value)
        {
            // Clients send the composite form with and without its number of parts.
            if (checksums.TryGetValue(algorithm, out var sent) && sent != value && sent != value.Split('-')[0])
            {
                throw new S3Exception("BadDigest", $"The {algorithm} you specified did not match the calculated checksum: '{Readable.Truncate(sent)}' was sent, '{value}' computed.");
            }
        }
    }

    /// <summary>Gives an upload up; one that cannot be read too.</summary>
    public void AbortUpload(string bucket, string key, string id)
    {
        var index = buckets.Index(bucket);
        Forget(index, index.DamagedUploads.Contains(id) ? new StoredUpload(key, id, default, null) : Find(index, key, id));
    }

    private static string UploadFolderName(string id) => Guid.TryParseExact(id, "N", out var parsed) ? parsed.ToString("N") : throw new S3Exception("NoSuchUpload");

    /// <summary>The object that an upload made of the named parts; null if the object there is another's work.</summary>
    /// <exception cref="S3Exception">InvalidPart: it was made of other parts.</exception>
    private async Task<ObjectInfo?> FinishedAsync(string bucket, string key, string id, IReadOnlyList<WantedPart> wanted, CancellationToken cancel)
    {
        if (await objects.HeadAsync(bucket, key, cancel).ConfigureAwait(false) is not { Parts: { } parts } made || made.UploadId != UploadFolderName(id))
        {
            return null;
        }

        // The ETag of an object in parts is made of the ETags of its parts.
        var tags = string.Concat(wanted.Select(w => w.ETag.Trim('"')));
        if (!wanted.Select(w => w.Number).SequenceEqual(parts.Select(p => p.Number)) || tags.Length % 2 != 0 || !tags.All(char.IsAsciiHexDigit) || ETagOf(tags, parts.Count) != made.ETag)
        {
            throw new S3Exception("InvalidPart", $"The upload is completed, of {parts.Count} part(s) that are not the {wanted.Count} named here by number and ETag.");
        }

        var index = buckets.Index(bucket);
        if (index.Uploads.TryGetValue(StoredUpload.Probe(key, made.UploadId), out var left))
        {
            // The process ended between the object and this.
            Forget(index, left);
        }

        return made;
    }

    private static string ETagOf(string tagsOfParts, int parts)
    {
#pragma warning disable CA5351 // The ETag is defined this way.
        return $"{Convert.ToHexStringLower(MD5.HashData(Convert.FromHexString(tagsOfParts)))}-{parts}";
#pragma warning restore CA5351
    }

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
                .Concat(index.DamagedUploads.Where(id => Directory.GetLastWriteTimeUtc(FolderOf(index, id)) <= oldest).Select(id => new StoredUpload("", id, default, null)));
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
