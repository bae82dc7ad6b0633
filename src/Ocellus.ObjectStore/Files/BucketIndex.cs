using System.Collections.Immutable;

namespace Ocellus.Objects.Files;

/// <summary>
/// The content of one bucket, in memory. Read from disk on first use. The sets are immutable: readers and listings see one state of the bucket and block
/// nobody. The gate is held only while a file is renamed or unlinked.
/// </summary>
internal sealed class BucketIndex(Bucket bucket, string folder, IndexMemory memory, SharedNames names)
{
    private readonly Lock _reading = new();
    private volatile Bucket _bucket = bucket;
    private volatile bool _loaded;
    private volatile bool _deleted;
    private Task? _opening;
    private volatile ImmutableSortedSet<StoredObject> _objects = StoredObject.None;
    private volatile ImmutableSortedSet<StoredUpload> _uploads = StoredUpload.None;
    // Key hashes of objects, and ids of uploads, whose descriptions cannot be read.
    private volatile ImmutableHashSet<string> _damagedObjects = [];
    private volatile ImmutableHashSet<string> _damagedUploads = [];
    private long _bytes;

    public Bucket Bucket
    {
        get => _bucket;
        set => _bucket = value;
    }

    public string Folder { get; } = folder;

    /// <summary>Held while the bucket's content changes on disk and in memory.</summary>
    public Lock Gate { get; } = new();

    public bool Deleted
    {
        get => _deleted;
        set => _deleted = value;
    }

    /// <summary>Whether the bucket has been read from disk.</summary>
    public bool IsLoaded => _loaded;

    public ImmutableSortedSet<StoredObject> Objects => _objects;

    public ImmutableSortedSet<StoredUpload> Uploads => _uploads;

    /// <summary>Ids of the uploads whose description cannot be read.</summary>
    public IReadOnlyCollection<string> DamagedUploads => _damagedUploads;

    /// <summary>Number of objects whose description or data cannot be read.</summary>
    public int DamagedObjects => _damagedObjects.Count;

    /// <summary>Called for each damaged file when the bucket is read.</summary>
    public Action<DamagedFile>? DamageFound { get; init; }

    /// <summary>The object with a key; null if there is none, or it cannot be read.</summary>
    public StoredObject? Peek(string key) => _objects.TryGetValue(StoredObject.Probe(key), out var found) ? found : null;

    /// <summary>The object with a key; null if there is none.</summary>
    /// <exception cref="S3Exception">The object cannot be read.</exception>
    public StoredObject? Find(string key) => Peek(key) ?? (IsDamaged(key) ? throw DamagedObject() : null);

    public bool IsDamaged(string key) => _damagedObjects is { IsEmpty: false } damaged && damaged.Contains(ObjectFiles.Hash(key));

    public static S3Exception DamagedObject() => Descriptions.Refusal("this object", "Storing the object again repairs it.");

    /// <summary>An unfinished upload; null if there is none.</summary>
    /// <exception cref="S3Exception">The object cannot be read.</exception>
    public StoredUpload? FindUpload(string key, string id) =>
        _uploads.TryGetValue(StoredUpload.Probe(key, id), out var found) ? found
        : _damagedUploads.Contains(id) ? throw Descriptions.Refusal("this upload", "Abort it and begin again.")
        : null;

    /// <summary>Refuses an object that does not fit into the index. The caller holds the gate.</summary>
    public void Require(StoredObject wanted) => memory.Require(wanted.Bytes - (Peek(wanted.Key)?.Bytes ?? 0));

    public StoredObject Shrink(ObjectInfo info) => new(info, names);

    /// <summary>Adds an object, or replaces the one with its key. The caller holds the gate.</summary>
    public void Set(StoredObject stored)
    {
        var objects = _objects;
        if (objects.TryGetValue(stored, out var old))
        {
            objects = objects.Remove(old);
            Count(-old.Bytes);
        }

        _objects = objects.Add(stored);
        Count(stored.Bytes);
        ClearDamage(stored.Key);
    }

    /// <summary>Removes an object, readable or not. The caller holds the gate.</summary>
    public void Remove(string key)
    {
        if (Peek(key) is { } old)
        {
            _objects = _objects.Remove(old);
            Count(-old.Bytes);
        }

        ClearDamage(key);
    }

    /// <summary>Adds an upload, unless there are too many. The caller holds the gate.</summary>
    public void Add(StoredUpload upload, int max)
    {
        if (_uploads.Count >= max)
        {
            throw new S3Exception(
                "InvalidRequest",
                $"The bucket has {_uploads.Count} unfinished uploads, and {ObjectOptions.Section}:{nameof(ObjectOptions.UploadsPerBucket)} allows {max}. "
                    + $"Complete or abort some (ListMultipartUploads shows them), or raise the setting.");
        }

        memory.Require(upload.Bytes);
        _uploads = _uploads.Add(upload);
        Count(upload.Bytes);
    }

    /// <summary>Removes an upload, readable or not. The caller holds the gate.</summary>
    public void Remove(string key, string id)
    {
        if (_uploads.TryGetValue(StoredUpload.Probe(key, id), out var old))
        {
            _uploads = _uploads.Remove(old);
            Count(-old.Bytes);
        }

        _damagedUploads = _damagedUploads.Remove(id);
    }

    /// <summary>Releases the memory counted for a deleted bucket.</summary>
    public void Forget() => memory.Add(-Interlocked.Exchange(ref _bytes, 0));

    /// <summary>Keys after <paramref name="after"/> in the order of their UTF-8 bytes.</summary>
    public ObjectPage List(string prefix, string? delimiter, string? after, int max)
    {
        var page = KeyPages.Of(_objects, o => o.Key, prefix, delimiter, after, o => after is null || Utf8Order.Keys.Compare(o.Key, after) > 0, max);
        return new([.. page.Items.Select(o => o.ToInfo())], page.Prefixes, page.Next);
    }

    /// <summary>Unfinished uploads after a key, or after one upload of that key.</summary>
    public KeyPage<StoredUpload> ListUploads(string prefix, string? delimiter, string afterKey, string afterId, int max) =>
        KeyPages.Of(_uploads, u => u.Key, prefix, delimiter, afterKey.Length == 0 || afterId.Length > 0 ? null : afterKey,
            u =>
                afterKey.Length == 0
                    || (Utf8Order.Keys.Compare(u.Key, afterKey) is var order
                        && (order > 0 || (order == 0 && afterId.Length > 0 && string.CompareOrdinal(u.Id, afterId) > 0))), max);

    /// <summary>Reads the bucket unless it has been read, without blocking a thread.</summary>
    public Task OpenAsync(CancellationToken cancel)
    {
        if (_loaded)
        {
            return Task.CompletedTask;
        }

        Task opening;
        lock (Gate)
        {
            opening = _opening is null or { IsFaulted: true } ? _opening = Task.Run(Load, CancellationToken.None) : _opening;
        }

        return opening.WaitAsync(cancel);
    }

    /// <summary>Reads the bucket unless it has been read. Callers wait for this bucket only.</summary>
    /// <exception cref="IOException">A folder cannot be read; the next request tries again.</exception>
    public void Load()
    {
        if (_loaded)
        {
            return;
        }

        lock (_reading)
        {
            if (_loaded)
            {
                return;
            }

            // Deleting leftovers is only safe here: nothing has been written to this bucket since the server started.
            var content = BucketReading.Read(Folder, names);
            foreach (var damage in content.Damages)
            {
                DamageFound?.Invoke(damage);
            }

            _objects = ImmutableSortedSet.CreateRange(StoredObject.ByKey, content.Objects);
            _uploads = ImmutableSortedSet.CreateRange(StoredUpload.ByKey, content.Uploads);
            _damagedObjects = [.. content.DamagedObjects];
            _damagedUploads = [.. content.DamagedUploads];
            Count(_objects.Sum(o => (long)o.Bytes) + _uploads.Sum(u => (long)u.Bytes));
            _loaded = true;
        }
    }

    private void ClearDamage(string key)
    {
        if (_damagedObjects is { IsEmpty: false } damaged)
        {
            _damagedObjects = damaged.Remove(ObjectFiles.Hash(key));
        }
    }

    private void Count(long bytes)
    {
        if (_deleted)
        {
            // All of its memory has been released.
            return;
        }

        Interlocked.Add(ref _bytes, bytes);
        memory.Add(bytes);
    }
}
