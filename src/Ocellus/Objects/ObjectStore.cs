using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Ocellus.Storage;

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
internal sealed class ObjectStore(string root, TimeProvider clock)
{
    public const int MaxKeyBytes = 1024;
    public const long MaxObjectBytes = 5L << 30;
    public const long MinPartBytes = 5L << 20;
    private const string BucketFile = "bucket.json";
    private const string UploadsFolder = ".uploads";
    private static readonly Utf8Order KeyOrder = new();
    private readonly string _root = Path.GetFullPath(root);
    private readonly Lock _gate = new();
    private Dictionary<string, BucketIndex>? _buckets;

    public IReadOnlyList<Bucket> Buckets(string? accountId = null)
    {
        lock (_gate)
        {
            return [.. Loaded().Values.Select(b => b.Bucket).Where(b => accountId is null || b.AccountId == accountId)
                .OrderBy(b => b.Name, StringComparer.Ordinal)];
        }
    }

    public Bucket? FindBucket(string bucket)
    {
        lock (_gate)
        {
            return Loaded().TryGetValue(bucket, out var found) ? found.Bucket : null;
        }
    }

    /// <summary>Reads every bucket from disk, so that no request has to wait for it, and sweeps what interrupted writes left.</summary>
    public void Open(CancellationToken cancel)
    {
        foreach (var bucket in Buckets())
        {
            cancel.ThrowIfCancellationRequested();
            try
            {
                Index(bucket.Name);
            }
            catch (S3Exception)
            {
                // Deleted in between.
            }
        }
    }

    public bool BucketExists(string bucket) => FindBucket(bucket) is not null;

    /// <summary>Makes a bucket; refuses when the name is malformed or taken.</summary>
    public Bucket CreateBucket(string bucket, string accountId, string region)
    {
        if (!IsBucketName(bucket))
        {
            throw new S3Exception("InvalidBucketName");
        }

        lock (_gate)
        {
            if (Loaded().TryGetValue(bucket, out var existing))
            {
                throw new S3Exception(existing.Bucket.AccountId == accountId ? "BucketAlreadyOwnedByYou" : "BucketAlreadyExists");
            }

            var made = new Bucket(bucket, accountId, region, Now());
            var folder = Path.Combine(_root, bucket);
            if (Directory.Exists(folder))
            {
                // What an interrupted deletion of a bucket of this name left.
                Directory.Delete(folder, recursive: true);
            }

            FileSystem.CreateFolder(folder);
            WriteJson(Path.Combine(folder, BucketFile), made, ObjectJson.Default.Bucket);
            FileSystem.SyncFolder(folder);
            Loaded()[bucket] = new BucketIndex(made, folder);
            return made;
        }
    }

    public void DeleteBucket(string bucket)
    {
        lock (_gate)
        {
            var index = Index(bucket);
            lock (index.Gate)
            {
                if (index.Keys.Count > 0)
                {
                    throw new S3Exception("BucketNotEmpty");
                }

                // Without its description the folder is no bucket, even if removing the rest is interrupted.
                File.Delete(Path.Combine(index.Folder, BucketFile));
                FileSystem.SyncFolder(index.Folder);
                index.Deleted = true;
                Loaded().Remove(bucket);
                Directory.Delete(index.Folder, recursive: true);
            }
        }
    }

    public Task<ObjectInfo?> HeadAsync(string bucket, string key, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        var index = Index(bucket);
        lock (index.Gate)
        {
            return Task.FromResult(index.Objects.GetValueOrDefault(key));
        }
    }

    /// <summary>Opens an object, or gives null when there is none. The stream outlives a later overwrite.</summary>
    public Stream? OpenRead(string bucket, string key, [NotNullWhen(true)] out ObjectInfo? info)
    {
        var index = Index(bucket);
        lock (index.Gate)
        {
            if (!index.Objects.TryGetValue(key, out info))
            {
                return null;
            }

            return new FileStream(
                Path.Combine(Path.GetDirectoryName(MetadataPath(index, key))!, info.DataFile),
                FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1, FileOptions.Asynchronous);
        }
    }

    /// <summary>Stores an object whole or not at all.</summary>
    public async Task<ObjectInfo> PutAsync(string bucket, string key, Stream content, PutOptions options, CancellationToken cancel)
    {
        CheckKey(key);
        var index = Index(bucket);
        var metadata = MetadataPath(index, key);
        var folder = Path.GetDirectoryName(metadata)!;
        var dataFile = $"{Path.GetFileNameWithoutExtension(metadata)}.{Guid.NewGuid():N}.data";
        var data = Path.Combine(folder, dataFile);
        var described = data + ".json.tmp";
        ObjectInfo? old;
        var committed = false;
        try
        {
            FileSystem.CreateFolder(folder);
            var digests = await WriteDataAsync(data, content, options.Algorithms, MaxTotal(options), cancel).ConfigureAwait(false);
            options.Verify?.Invoke(digests);
            var info = new ObjectInfo
            {
                Key = key,
                Size = digests.Length,
                ETag = options.ETag ?? Convert.ToHexStringLower(digests.Md5),
                LastModified = Now(),
                ContentType = options.ContentType ?? "binary/octet-stream",
                UserMetadata = options.UserMetadata,
                Headers = options.Headers,
                Checksums = options.Checksums ?? digests.Values.ToDictionary(p => p.Key, p => Convert.ToBase64String(p.Value)),
                ChecksumType = options.ChecksumType,
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

    /// <summary>Stores a file as an object, whole or not at all.</summary>
    public async Task<ObjectInfo> PutFileAsync(string bucket, string key, string file, string contentType, CancellationToken cancel)
    {
        var content = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, 1, FileOptions.Asynchronous | FileOptions.SequentialScan);
        await using (content.ConfigureAwait(false))
        {
            return await PutAsync(bucket, key, content, new PutOptions { ContentType = contentType }, cancel).ConfigureAwait(false);
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
            index = Index(bucket);
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

            var data = Path.Combine(Path.GetDirectoryName(MetadataPath(index, key))!, info.DataFile);
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

    /// <summary>Removes an object; says whether there was one.</summary>
    public Task<bool> DeleteAsync(string bucket, string key, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        var index = Index(bucket);
        var metadata = MetadataPath(index, key);
        var folder = Path.GetDirectoryName(metadata)!;
        ObjectInfo? info;
        lock (index.Gate)
        {
            if (!index.Objects.TryGetValue(key, out info))
            {
                return Task.FromResult(false);
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
        var objects = new List<ObjectInfo>();
        var prefixes = new List<string>();
        if (max <= 0)
        {
            Index(bucket);
            return new ObjectPage(objects, prefixes, null);
        }

        var index = Index(bucket);
        lock (index.Gate)
        {
            if (index.Keys.Count == 0)
            {
                return new ObjectPage(objects, prefixes, null);
            }

            var last = index.Keys.Max!;
            var from = after is not null && KeyOrder.Compare(after, prefix) > 0 ? after : prefix;
            if (KeyOrder.Compare(from, last) > 0)
            {
                return new ObjectPage(objects, prefixes, null);
            }

            string? common = null;
            string? given = null;
            foreach (var key in index.Keys.GetViewBetween(from, last))
            {
                if (!key.StartsWith(prefix, StringComparison.Ordinal))
                {
                    break;
                }

                if (after is not null && KeyOrder.Compare(key, after) <= 0)
                {
                    continue;
                }

                var cut = string.IsNullOrEmpty(delimiter) ? -1 : key.IndexOf(delimiter, prefix.Length, StringComparison.Ordinal);
                var group = cut < 0 ? null : key[..(cut + delimiter!.Length)];

                // A page that ended with a common prefix continues after all of its keys.
                if (group is not null && (group == common || (after is not null && after == group)))
                {
                    continue;
                }

                if (objects.Count + prefixes.Count == max)
                {
                    return new ObjectPage(objects, prefixes, given);
                }

                given = group ?? key;
                if (group is null)
                {
                    objects.Add(index.Objects[key]);
                }
                else
                {
                    prefixes.Add(common = group);
                }
            }
        }

        return new ObjectPage(objects, prefixes, null);
    }

    public UploadInfo CreateUpload(string bucket, UploadInfo template)
    {
        CheckKey(template.Key);
        var index = Index(bucket);
        var upload = template with { Id = Guid.NewGuid().ToString("N"), Initiated = Now() };
        var folder = Path.Combine(index.Folder, UploadsFolder, upload.Id);
        FileSystem.CreateFolder(folder);
        WriteJson(Path.Combine(folder, "upload.json"), upload, ObjectJson.Default.UploadInfo);
        FileSystem.SyncFolder(folder);
        return upload;
    }

    public UploadInfo Upload(string bucket, string key, string id) => ReadUpload(UploadFolder(bucket, id), key);

    /// <summary>The unfinished uploads of a bucket, by key and id, after a key or after one upload of that key.</summary>
    public IReadOnlyList<UploadInfo> Uploads(string bucket, string afterKey = "", string afterId = "")
    {
        var folder = Path.Combine(Index(bucket).Folder, UploadsFolder);
        return !Directory.Exists(folder)
            ? []
            : [.. Directory.EnumerateDirectories(folder).Select(TryReadUpload).OfType<UploadInfo>()
                .Where(u => afterKey.Length == 0 || KeyOrder.Compare(u.Key, afterKey) is var order && (order > 0 || (order == 0 && afterId.Length > 0 && string.CompareOrdinal(u.Id, afterId) > 0)))
                .OrderBy(u => u.Key, KeyOrder).ThenBy(u => u.Id, StringComparer.Ordinal)];
    }

    public async Task<PartInfo> PutPartAsync(string bucket, string key, string id, int number, Stream content, PutOptions options, CancellationToken cancel)
    {
        Upload(bucket, key, id);
        var folder = UploadFolder(bucket, id);
        var dataFile = $"{number}.{Guid.NewGuid():N}.data";
        var data = Path.Combine(folder, dataFile);
        var committed = false;
        try
        {
            var digests = await WriteDataAsync(data, content, options.Algorithms, MaxObjectBytes, cancel).ConfigureAwait(false);
            options.Verify?.Invoke(digests);
            var part = new PartInfo(
                number, digests.Length, Convert.ToHexStringLower(digests.Md5), Now(),
                digests.Values.ToDictionary(p => p.Key, p => Convert.ToBase64String(p.Value)), dataFile);
            var index = Index(bucket);
            PartInfo? old;
            lock (index.Gate)
            {
                ReadUpload(folder, key);
                var file = Path.Combine(folder, $"{number}.json");
                old = File.Exists(file) ? ReadJson(file, ObjectJson.Default.PartInfo) : null;
                WriteJson(file, part, ObjectJson.Default.PartInfo);
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
            }
        }
    }

    public IReadOnlyList<PartInfo> Parts(string bucket, string key, string id)
    {
        Upload(bucket, key, id);
        return [.. Directory.EnumerateFiles(UploadFolder(bucket, id), "*.json").Where(f => Path.GetFileName(f) != "upload.json")
            .Select(f => ReadJson(f, ObjectJson.Default.PartInfo)!).OrderBy(p => p.Number)];
    }

    /// <summary>Joins the named parts into the object and forgets the upload.</summary>
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
        var upload = Upload(bucket, key, id);
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
                throw new S3Exception("InvalidPart", $"One or more of the specified parts could not be found: part {number} with ETag {Protocol.Readable.Cut(etag)}. The part might not have been uploaded, or the specified entity tag or checksum might not have matched the part's.");
            }

            parts.Add(part);
        }

        if (size is { } announced && parts.Sum(p => p.Size) is var total && total != announced)
        {
            throw new S3Exception("InvalidRequest", $"x-amz-mp-object-size is {announced}, and the parts have {total} bytes.");
        }

        if (parts.SkipLast(1).Any(p => p.Size < MinPartBytes))
        {
            throw new S3Exception("EntityTooSmall");
        }

        var folder = UploadFolder(bucket, id);
#pragma warning disable CA5351 // The ETag is defined this way.
        var etagOfAll = $"{Convert.ToHexStringLower(MD5.HashData([.. parts.SelectMany(p => Convert.FromHexString(p.ETag))]))}-{parts.Count}";
#pragma warning restore CA5351
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

            made = await PutAsync(bucket, key, joined, conditions with
            {
                ContentType = upload.ContentType,
                UserMetadata = upload.UserMetadata,
                Headers = upload.Headers,
                ETag = etagOfAll,
                Algorithms = whole,
                Checksums = composite,
                ChecksumType = upload.ChecksumType,
                Verify = digests =>
                {
                    foreach (var algorithm in whole)
                    {
                        CheckWhole(algorithm, Convert.ToBase64String(digests.Values[algorithm]));
                    }
                },
            }, cancel).ConfigureAwait(false);
        }
        catch (FileNotFoundException)
        {
            // Another request completed or aborted the upload, or replaced a part, while this one read it.
            throw new S3Exception("NoSuchUpload");
        }

        Forget(folder);
        return made;

        void CheckWhole(string algorithm, string value)
        {
            // Clients send the composite form with and without its number of parts.
            if (checksums.TryGetValue(algorithm, out var sent) && sent != value && sent != value.Split('-')[0])
            {
                throw new S3Exception("BadDigest", $"The {algorithm} you specified did not match the calculated checksum: '{Protocol.Readable.Cut(sent)}' was sent, '{value}' computed.");
            }
        }
    }

    public void AbortUpload(string bucket, string key, string id)
    {
        Upload(bucket, key, id);
        Forget(UploadFolder(bucket, id));
    }

    /// <summary>The naming rules of general purpose buckets; what passes is also a safe folder name.</summary>
    public static bool IsBucketName(string name) =>
        name.Length is >= 3 and <= 63
        && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '.' or '-')
        && char.IsAsciiLetterOrDigit(name[0]) && char.IsAsciiLetterOrDigit(name[^1])
        && !name.Contains("..", StringComparison.Ordinal)
        && !(name.Count(c => c == '.') == 3 && System.Net.IPAddress.TryParse(name, out _))
        && !name.StartsWith("xn--", StringComparison.Ordinal)
        && !name.EndsWith("-s3alias", StringComparison.Ordinal);

    public static void CheckKey(string key)
    {
        if (key.Length == 0)
        {
            throw new S3Exception("InvalidArgument");
        }

        if (Encoding.UTF8.GetByteCount(key) > MaxKeyBytes)
        {
            throw new S3Exception("KeyTooLongError");
        }
    }

    // The one mapping from names to paths. A key only ever enters it as a hash.
    /// <summary>The file with an object's content in a store that another process may have open; null if there is none. Nothing is made, swept or locked.</summary>
    public static string? FindFile(string root, string bucket, string key)
    {
        if (!IsBucketName(bucket))
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

    private static string MetadataPath(BucketIndex index, string key) => MetadataPath(index.Folder, key);

    private static string MetadataPath(string folder, string key)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
        return Path.Combine(folder, hash[..2], hash + ".json");
    }

    // A completed upload may be larger than one request may carry; the joined size is bounded by the parts.
    private static long MaxTotal(PutOptions options) => options.ETag is null ? MaxObjectBytes : long.MaxValue;

    private string UploadFolder(string bucket, string id) =>
        Guid.TryParseExact(id, "N", out var parsed)
            ? Path.Combine(Index(bucket).Folder, UploadsFolder, parsed.ToString("N"))
            : throw new S3Exception("NoSuchUpload");

    private static UploadInfo ReadUpload(string folder, string key) =>
        TryReadUpload(folder) is { } upload && upload.Key == key ? upload : throw new S3Exception("NoSuchUpload");

    private static UploadInfo? TryReadUpload(string folder)
    {
        try
        {
            return ReadJson(Path.Combine(folder, "upload.json"), ObjectJson.Default.UploadInfo);
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    private static void Forget(string folder)
    {
        // The description goes first: without it the upload no longer exists, even if removing the rest is interrupted.
        File.Delete(Path.Combine(folder, "upload.json"));
        FileSystem.SyncFolder(folder);
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (IOException)
        {
            // A part that is still coming in made a file meanwhile; the next start sweeps the folder.
        }
    }

    private static async Task<ObjectDigests> WriteDataAsync(
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

    private static void WriteJson<T>(string path, T value, JsonTypeInfo<T> type)
    {
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        WriteFlushed(temporary, value, type);
        File.Move(temporary, path, overwrite: true);
    }

    private static void WriteFlushed<T>(string path, T value, JsonTypeInfo<T> type)
    {
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        JsonSerializer.Serialize(file, value, type);
        file.Flush(flushToDisk: true);
    }

    /// <summary>A new file that can be written through this stream only: the permissions forbid every later opening for writing.</summary>
    private static FileStream CreateImmutable(string path, FileOptions options)
    {
        var how = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None, BufferSize = 1, Options = options };
        if (!OperatingSystem.IsWindows())
        {
            how.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
        }

        return new FileStream(path, how);
    }

    private static T? ReadJson<T>(string path, JsonTypeInfo<T> type) => JsonSerializer.Deserialize(File.ReadAllBytes(path), type);

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (IOException)
        {
            // What is left over is never named by metadata.
        }
        catch (UnauthorizedAccessException)
        {
            // As above.
        }
    }

    // HTTP dates carry seconds, so finer times would make conditions on them fail.
    private DateTimeOffset Now() => DateTimeOffset.FromUnixTimeSeconds(clock.GetUtcNow().ToUnixTimeSeconds());

    private BucketIndex Index(string bucket)
    {
        BucketIndex? index;
        lock (_gate)
        {
            if (!Loaded().TryGetValue(bucket, out index))
            {
                throw new S3Exception("NoSuchBucket");
            }
        }

        // Before anything is written, since reading a bucket sweeps what no metadata names.
        lock (index.Gate)
        {
            index.Load();
        }

        return index;
    }

    private Dictionary<string, BucketIndex> Loaded()
    {
        if (_buckets is null)
        {
            var found = new Dictionary<string, BucketIndex>(StringComparer.Ordinal);
            Directory.CreateDirectory(_root);
            foreach (var folder in Directory.EnumerateDirectories(_root))
            {
                var file = Path.Combine(folder, BucketFile);
                if (File.Exists(file) && ReadJson(file, ObjectJson.Default.Bucket) is { } bucket)
                {
                    found[bucket.Name] = new BucketIndex(bucket, folder);
                }
            }

            _buckets = found;
        }

        return _buckets;
    }

    private sealed class BucketIndex(Bucket bucket, string folder)
    {
        private bool _loaded;

        public Bucket Bucket { get; } = bucket;
        public string Folder { get; } = folder;
        public Lock Gate { get; } = new();
        public bool Deleted { get; set; }
        public SortedSet<string> Keys { get; } = new(KeyOrder);
        public Dictionary<string, ObjectInfo> Objects { get; } = new(StringComparer.Ordinal);

        public void Set(ObjectInfo info)
        {
            Objects[info.Key] = info;
            Keys.Add(info.Key);
        }

        public void Load()
        {
            if (_loaded)
            {
                return;
            }

            // A sweep is safe here only: nothing has been written to this bucket since the server started.
            foreach (var shard in Directory.EnumerateDirectories(Folder).Where(d => Path.GetFileName(d).Length == 2))
            {
                var files = Directory.EnumerateFiles(shard).Select(f => Path.GetFileName(f)).ToHashSet(StringComparer.Ordinal);
                var named = new HashSet<string>(StringComparer.Ordinal);
                foreach (var file in files.Where(f => f.EndsWith(".json", StringComparison.Ordinal)))
                {
                    if (ReadJson(Path.Combine(shard, file), ObjectJson.Default.ObjectInfo) is { } info)
                    {
                        Set(info);
                        named.Add(info.DataFile);
                    }
                }

                Sweep(shard, files, named);
            }

            var uploads = Path.Combine(Folder, UploadsFolder);
            foreach (var upload in Directory.Exists(uploads) ? Directory.EnumerateDirectories(uploads) : [])
            {
                if (!File.Exists(Path.Combine(upload, "upload.json")))
                {
                    // Forgetting it was interrupted.
                    Directory.Delete(upload, recursive: true);
                    continue;
                }

                var files = Directory.EnumerateFiles(upload).Select(f => Path.GetFileName(f)).ToHashSet(StringComparer.Ordinal);
                var named = new HashSet<string>(StringComparer.Ordinal);
                foreach (var file in files.Where(f => f.EndsWith(".json", StringComparison.Ordinal) && f != "upload.json"))
                {
                    var part = Path.Combine(upload, file);
                    var data = ReadJson(part, ObjectJson.Default.PartInfo)!.DataFile;
                    if (!files.Contains(data))
                    {
                        // Never answered for: the power went between the part's name and its data's.
                        TryDelete(part);
                    }

                    named.Add(data);
                }

                Sweep(upload, files, named);
            }

            _loaded = true;
        }

        private static void Sweep(string folder, IEnumerable<string> files, HashSet<string> named)
        {
            foreach (var file in files.Where(f => f.EndsWith(".tmp", StringComparison.Ordinal) || (f.EndsWith(".data", StringComparison.Ordinal) && !named.Contains(f))))
            {
                TryDelete(Path.Combine(folder, file));
            }
        }
    }

    /// <summary>Order of the UTF-8 bytes, which differs from that of UTF-16 units where surrogates meet U+E000 and up.</summary>
    private sealed class Utf8Order : IComparer<string>
    {
        public int Compare(string? x, string? y)
        {
            var a = x.AsSpan();
            var b = y.AsSpan();
            var common = a.CommonPrefixLength(b);
            if (common == a.Length || common == b.Length)
            {
                return a.Length - b.Length;
            }

            var (c, d) = (a[common], b[common]);
            var (high, other) = (char.IsSurrogate(c), char.IsSurrogate(d));
            return high == other ? c - d : high ? (d >= 0xE000 ? 1 : c - d) : (c >= 0xE000 ? -1 : c - d);
        }
    }

    /// <summary>Reads files one after the other.</summary>
    private sealed class JoinedStream(string[] files) : Stream
    {
        private FileStream? _current;
        private int _next;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            while (true)
            {
                if (_current is not null)
                {
                    var read = await _current.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
                    if (read > 0)
                    {
                        return read;
                    }

                    await _current.DisposeAsync().ConfigureAwait(false);
                    _current = null;
                }

                if (_next == files.Length)
                {
                    return 0;
                }

                _current = new FileStream(files[_next++], FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1, FileOptions.Asynchronous);
            }
        }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            _current?.Dispose();
            base.Dispose(disposing);
        }
    }
}
