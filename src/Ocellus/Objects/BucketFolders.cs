using Ocellus.Storage;
using static Ocellus.Objects.ObjectFiles;

namespace Ocellus.Objects;

/// <summary>The buckets of a store: a folder each, with a description in it that makes it one.</summary>
internal sealed class BucketFolders(string root, TimeProvider clock)
{
    private const string BucketFile = "bucket.json";

    private readonly string _root = Path.GetFullPath(root);
    private readonly Lock _gate = new();

    /// <summary>Entered by every change that others can see, before any lock is taken: who reads must not wait behind who waits for it.</summary>
    public WriteBarrier Barrier { get; } = new(Path.GetFullPath(root));
    private Dictionary<string, BucketIndex>? _buckets;

    public IReadOnlyList<Bucket> All(string? accountId = null)
    {
        lock (_gate)
        {
            return [.. Loaded().Values.Select(b => b.Bucket).Where(b => accountId is null || b.AccountId == accountId)
                .OrderBy(b => b.Name, StringComparer.Ordinal)];
        }
    }

    public Bucket? Find(string bucket)
    {
        lock (_gate)
        {
            return Loaded().TryGetValue(bucket, out var found) ? found.Bucket : null;
        }
    }

    /// <summary>Reads every bucket from disk, so that no request has to wait for it, and sweeps what interrupted writes left.</summary>
    public void Open(CancellationToken cancel)
    {
        foreach (var bucket in All())
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

    /// <summary>Makes a bucket; refuses when the name is malformed or taken.</summary>
    public Bucket Create(string bucket, string accountId, string region)
    {
        if (!ObjectNames.IsBucketName(bucket))
        {
            throw new S3Exception("InvalidBucketName");
        }

        using var entered = Barrier.Enter();
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

    /// <summary>Changes what is known of a bucket.</summary>
    public void Change(string bucket, Func<Bucket, Bucket> change)
    {
        using var entered = Barrier.Enter();
        lock (_gate)
        {
            var index = Index(bucket);
            var changed = change(index.Bucket);
            WriteJson(Path.Combine(index.Folder, BucketFile), changed, ObjectJson.Default.Bucket);
            FileSystem.SyncFolder(index.Folder);
            index.Bucket = changed;
        }
    }

    public void Delete(string bucket)
    {
        using var entered = Barrier.Enter();
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

    /// <summary>A bucket's index, read from disk if it is not yet.</summary>
    public BucketIndex Index(string bucket)
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

    // HTTP dates carry seconds, so finer times would make conditions on them fail.
    public DateTimeOffset Now() => DateTimeOffset.FromUnixTimeSeconds(clock.GetUtcNow().ToUnixTimeSeconds());

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
}
