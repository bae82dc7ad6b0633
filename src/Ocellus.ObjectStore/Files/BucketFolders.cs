using System.Collections.Concurrent;
using Ocellus.Storage;
using static Ocellus.Objects.Files.ObjectFiles;

namespace Ocellus.Objects.Files;

/// <summary>The buckets of a store: each is a folder with a description file.</summary>
internal sealed partial class BucketFolders(string root, TimeProvider clock, ObjectOptions options, ILogger log)
{
    private readonly string _root = Path.GetFullPath(root);
    // Held while a bucket is created or deleted, or its description changes. Readers take no lock.
    private readonly Lock _gate = new();
    private readonly IndexMemory _memory = new(options);
    private readonly SharedNames _names = new();
    private readonly ConcurrentDictionary<string, BucketIndex> _buckets = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _damaged = new(StringComparer.Ordinal);
    private volatile bool _loaded;

    /// <summary>Entered by every visible change, before any lock is taken: otherwise readers would wait behind a change that waits for a backup.</summary>
    public WriteBarrier Barrier { get; } = new(Path.GetFullPath(root));

    /// <summary>The folders of deleted buckets and ended uploads.</summary>
    public RemovedFolders Removed { get; } = new(Path.GetFullPath(root));

    /// <summary>Memory of all indexes, in bytes.</summary>
    public long IndexBytes => _memory.Bytes;

    public IReadOnlyList<Bucket> All(string? accountId = null) =>
        [.. Loaded().Values.Select(b => b.Bucket).Where(b => accountId is null || b.AccountId == accountId).OrderBy(b => b.Name, StringComparer.Ordinal)];

    public Bucket? Find(string bucket) => Loaded().TryGetValue(bucket, out var found) ? found.Bucket : null;

    /// <summary>The buckets that have been read.</summary>
    public IEnumerable<BucketIndex> Indexes() => Loaded().Values;

    /// <exception cref="S3Exception">The bucket exists, but its description cannot be read.</exception>
    public void CheckReadable(string bucket)
    {
        Loaded();
        if (_damaged.ContainsKey(bucket))
        {
            throw Descriptions.Refusal($"the bucket '{bucket}'", "The bucket's content is untouched.");
        }
    }

    /// <summary>Reads a bucket unless it has been read, without blocking a thread. Does nothing if the bucket does not exist.</summary>
    public Task OpenAsync(string bucket, CancellationToken cancel) =>
        Loaded().TryGetValue(bucket, out var index) ? index.OpenAsync(cancel) : Task.CompletedTask;

    /// <summary>Creates a bucket. Refuses malformed and taken names, and too many buckets.</summary>
    public Bucket Create(string bucket, string accountId, string region)
    {
        if (!ObjectNames.IsBucketName(bucket))
        {
            throw new S3Exception("InvalidBucketName");
        }

        CheckReadable(bucket);
        using var entered = Barrier.Enter();
        lock (_gate)
        {
            if (Loaded().TryGetValue(bucket, out var existing))
            {
                throw new S3Exception(existing.Bucket.AccountId == accountId ? "BucketAlreadyOwnedByYou" : "BucketAlreadyExists");
            }

            if (_buckets.Count >= options.BucketsMax)
            {
                throw new S3Exception(
                    "TooManyBuckets",
                    $"There are {_buckets.Count} buckets, and {ObjectOptions.Section}:{nameof(ObjectOptions.BucketsMax)} allows {options.BucketsMax}. Delete "
                        + $"one, or raise the setting.");
            }

            var made = new Bucket(bucket, accountId, region, Now());
            var folder = Path.Combine(_root, bucket);
            if (Directory.Exists(folder))
            {
                // Left by an interrupted deletion of a bucket with this name.
                Removed.Take(folder);
            }

            FileSystem.CreateFolder(folder);
            WriteJson(Path.Combine(folder, Descriptions.BucketFile), made, ObjectJson.Default.Bucket);
            FileSystem.SyncFolder(folder);
            _buckets[bucket] = Index(made, folder);
            return made;
        }
    }

    /// <summary>Changes a bucket's description.</summary>
    public void Change(string bucket, Func<Bucket, Bucket> change)
    {
        using var entered = Barrier.Enter();
        lock (_gate)
        {
            var index = Known(bucket);
            var changed = change(index.Bucket);
            WriteJson(Path.Combine(index.Folder, Descriptions.BucketFile), changed, ObjectJson.Default.Bucket);
            FileSystem.SyncFolder(index.Folder);
            index.Bucket = changed;
        }
    }

    /// <summary>Deletes a bucket that has no objects. Remaining files, mostly of unfinished uploads, are removed later.</summary>
    public void Delete(string bucket)
    {
        // Read before any lock is taken, because it may take long.
        var index = Index(bucket);
        using var entered = Barrier.Enter();
        lock (_gate)
        {
            if (!ReferenceEquals(Known(bucket), index))
            {
                // Deleted and created again in between: the requested deletion has happened.
                return;
            }

            lock (index.Gate)
            {
                if (index.Objects.Count > 0)
                {
                    throw new S3Exception("BucketNotEmpty");
                }

                if (index.DamagedObjects > 0)
                {
                    throw new S3Exception(
                        "BucketNotEmpty",
                        $"The bucket that you tried to delete is not empty: it has {index.DamagedObjects} object(s) whose description is damaged, which no "
                            + $"list shows. 'ocellus doctor --repair' on the server's machine moves them out of the bucket and keeps them.");
                }

                // A single rename removes the bucket, so others wait only briefly. Marked as deleted first: requests that miss its files then know why.
                index.Deleted = true;
                try
                {
                    Removed.Take(index.Folder);
                }
                catch
                {
                    index.Deleted = false;
                    throw;
                }

                index.Forget();
                _buckets.TryRemove(bucket, out _);
            }
        }

        FileSystem.SyncFolder(_root);
    }

    /// <summary>A bucket's index. Reads the bucket from disk unless it has been read.</summary>
    public BucketIndex Index(string bucket)
    {
        var index = Known(bucket);
        // Before anything is written, because reading a bucket deletes files that no metadata refers to.
        index.Load();
        return index;
    }

    // HTTP dates have whole seconds; with finer times, conditional requests would fail.
    public DateTimeOffset Now() => DateTimeOffset.FromUnixTimeSeconds(clock.GetUtcNow().ToUnixTimeSeconds());

    private BucketIndex Known(string bucket)
    {
        if (Loaded().TryGetValue(bucket, out var index))
        {
            return index;
        }

        CheckReadable(bucket);
        throw new S3Exception("NoSuchBucket");
    }

    private BucketIndex Index(Bucket bucket, string folder) => new(bucket, folder, _memory, _names) { DamageFound = LogDamage };

    private void LogDamage(DamagedFile damage) => DescriptionDamaged(log, damage.Path, damage.Reason);

    private ConcurrentDictionary<string, BucketIndex> Loaded()
    {
        if (_loaded)
        {
            return _buckets;
        }

        lock (_gate)
        {
            if (_loaded)
            {
                return _buckets;
            }

            Directory.CreateDirectory(_root);
            foreach (var folder in Directory.EnumerateDirectories(_root).Where(f => ObjectNames.IsBucketName(Path.GetFileName(f))))
            {
                if (Descriptions.Bucket(folder, out var damage) is { } bucket)
                {
                    _buckets[bucket.Name] = Index(bucket, folder);
                }
                else if (File.Exists(damage!.Path) || Descriptions.HasObjects(folder))
                {
                    // A folder without description and objects is left by an interrupted deletion, and ignored.
                    _damaged[Path.GetFileName(folder)] = true;
                    LogDamage(damage);
                }
            }

            _loaded = true;
            return _buckets;
        }
    }

    [LoggerMessage(
        1331, LogLevel.Error, "{File} is damaged: {Reason}. What it describes is unavailable, the rest is served; 'ocellus doctor' says what can be done")]
    public static partial void DescriptionDamaged(ILogger log, string file, string reason);
}
