using System.Collections.Concurrent;
using Ocellus.Storage;
using static Ocellus.Objects.Files.ObjectFiles;

namespace Ocellus.Objects.Files;

/// <summary>The buckets of a store: a folder each, with a description in it that makes it one.</summary>
internal sealed partial class BucketFolders(string root, TimeProvider clock, ObjectOptions options, ILogger log)
{
    private readonly string _root = Path.GetFullPath(root);
    // Held while a bucket gets or loses its name, or its description changes. Who reads takes no lock.
    private readonly Lock _gate = new();
    private readonly IndexMemory _memory = new(options);
    private readonly SharedNames _names = new();
    private readonly ConcurrentDictionary<string, BucketIndex> _buckets = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _damaged = new(StringComparer.Ordinal);
    private volatile bool _loaded;

    /// <summary>Entered by every change that others can see, before any lock is taken: who reads must not wait behind who waits for it.</summary>
    public WriteBarrier Barrier { get; } = new(Path.GetFullPath(root));

    /// <summary>Where deleted buckets and ended uploads go.</summary>
    public RemovedFolders Removed { get; } = new(Path.GetFullPath(root));

    /// <summary>Bytes of all indexes in memory.</summary>
    public long IndexBytes => _memory.Bytes;

    public IReadOnlyList<Bucket> All(string? accountId = null) =>
        [.. Loaded().Values.Select(b => b.Bucket).Where(b => accountId is null || b.AccountId == accountId).OrderBy(b => b.Name, StringComparer.Ordinal)];

    public Bucket? Find(string bucket) => Loaded().TryGetValue(bucket, out var found) ? found.Bucket : null;

    /// <summary>The buckets that have been read.</summary>
    public IEnumerable<BucketIndex> Indexes() => Loaded().Values;

    /// <exception cref="S3Exception">There is such a bucket, and its description cannot be read.</exception>
    public void CheckReadable(string bucket)
    {
        Loaded();
        if (_damaged.ContainsKey(bucket))
        {
            throw Descriptions.Refusal($"the bucket '{bucket}'", "What is in the bucket is untouched.");
        }
    }

    /// <summary>Reads a bucket if it is not yet; no thread waits for it. One that is not there is none's business here.</summary>
    public Task OpenAsync(string bucket, CancellationToken cancel) =>
        Loaded().TryGetValue(bucket, out var index) ? index.OpenAsync(cancel) : Task.CompletedTask;

    /// <summary>Makes a bucket; refuses when the name is malformed or taken, or there are too many.</summary>
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
                // What an interrupted deletion of a bucket of this name left.
                Removed.Take(folder);
            }

            FileSystem.CreateFolder(folder);
            WriteJson(Path.Combine(folder, Descriptions.BucketFile), made, ObjectJson.Default.Bucket);
            FileSystem.SyncFolder(folder);
            _buckets[bucket] = Index(made, folder);
            return made;
        }
    }

    /// <summary>Changes what is known of a bucket.</summary>
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

    /// <summary>Deletes a bucket without objects. Its files, those of unfinished uploads above all, are removed later.</summary>
    public void Delete(string bucket)
    {
        // Read before any lock is taken: that may take its time.
        var index = Index(bucket);
        using var entered = Barrier.Enter();
        lock (_gate)
        {
            if (!ReferenceEquals(Known(bucket), index))
            {
                // Deleted and made anew in between: the deletion that was asked for is done.
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

                // One rename, and the bucket is gone: so long others wait, and no longer. Who misses its files meanwhile finds it deleted.
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

    /// <summary>A bucket's index, read from disk if it is not yet.</summary>
    public BucketIndex Index(string bucket)
    {
        var index = Known(bucket);
        // Before anything is written, since reading a bucket sweeps what no metadata names.
        index.Load();
        return index;
    }

    // HTTP dates carry seconds, so finer times would make conditions on them fail.
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

    private BucketIndex Index(Bucket bucket, string folder) => new(bucket, folder, _memory, _names) { Found = Found };

    private void Found(DamagedFile damage) => DescriptionDamaged(log, damage.Path, damage.Why);

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
                    // Without a description and without objects it is what an interrupted deletion left.
                    _damaged[Path.GetFileName(folder)] = true;
                    Found(damage);
                }
            }

            _loaded = true;
            return _buckets;
        }
    }

    [LoggerMessage(
        1331, LogLevel.Error, "{File} is damaged: {Reason}. What it stands for is left out, everything else is served; 'ocellus doctor' says what can be done")]
    public static partial void DescriptionDamaged(ILogger log, string file, string reason);
}
