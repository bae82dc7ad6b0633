using System.Collections.Immutable;

namespace Ocellus.Objects.Files;

/// <summary>
/// What is in one bucket, in memory: read from disk when it is first asked for. The sets never change, a change makes another: who reads or lists has one
/// moment of the bucket and holds nobody up. The gate is held for as long as a file takes to be renamed or unlinked, never for more.
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
    // Hashes of keys and ids of uploads whose descriptions cannot be read.
    private volatile ImmutableHashSet<string> _damagedObjects = [];
    private volatile ImmutableHashSet<string> _damagedUploads = [];
    private long _bytes;

    public Bucket Bucket
    {
        get => _bucket;
        set => _bucket = value;
    }

    public string Folder { get; } = folder;

    /// <summary>Held while a change of the bucket's content is made and seen.</summary>
    public Lock Gate { get; } = new();

    public bool Deleted
    {
        get => _deleted;
        set => _deleted = value;
    }

    /// <summary>Whether it was read from disk.</summary>
    public bool IsLoaded => _loaded;

    public ImmutableSortedSet<StoredObject> Objects => _objects;

    public ImmutableSortedSet<StoredUpload> Uploads => _uploads;

    /// <summary>Ids of the uploads whose description cannot be read.</summary>
    public IReadOnlyCollection<string> DamagedUploads => _damagedUploads;

    /// <summary>Objects whose description or data cannot be read.</summary>
    public int DamagedObjects => _damagedObjects.Count;

    /// <summary>Told of each damaged file when the bucket is read.</summary>
    public Action<DamagedFile>? Found { get; init; }

    /// <summary>The object of a key; null if there is none, or none that can be read.</summary>
    public StoredObject? Peek(string key) => _objects.TryGetValue(StoredObject.Probe(key), out var found) ? found : null;

    /// <summary>The object of a key; null if there is none.</summary>
    /// <exception cref="S3Exception">There is one that cannot be read.</exception>
    public StoredObject? Find(string key) => Peek(key) ?? (IsDamaged(key) ? throw DamagedObject() : null);

    public bool IsDamaged(string key) => _damagedObjects is { IsEmpty: false } damaged && damaged.Contains(ObjectFiles.Hash(key));

    public static S3Exception DamagedObject() => Descriptions.Refusal("this object", "Storing the object anew heals it.");

    /// <summary>The unfinished upload of a key; null if there is none.</summary>
    /// <exception cref="S3Exception">There is one that cannot be read.</exception>
    public StoredUpload? FindUpload(string key, string id) =>
        _uploads.TryGetValue(StoredUpload.Probe(key, id), out var found) ? found
        : _damagedUploads.Contains(id) ? throw Descriptions.Refusal("this upload", "Abort it and begin again.")
        : null;

    /// <summary>Refuses an object that the index has no room for. The caller holds the gate.</summary>
    public void Require(StoredObject wanted) => memory.Require(wanted.Bytes - (Peek(wanted.Key)?.Bytes ?? 0));

    public StoredObject Shrink(ObjectInfo info) => new(info, names);

    /// <summary>Puts an object in the place of one of its key. The caller holds the gate.</summary>
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
        Heal(stored.Key);
    }

    /// <summary>Takes an object out, readable or not. The caller holds the gate.</summary>
    public void Remove(string key)
    {
        if (Peek(key) is { } old)
        {
            _objects = _objects.Remove(old);
            Count(-old.Bytes);
        }

        Heal(key);
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

    /// <summary>Takes an upload out, readable or not. The caller holds the gate.</summary>
    public void Remove(string key, string id)
    {
        if (_uploads.TryGetValue(StoredUpload.Probe(key, id), out var old))
        {
            _uploads = _uploads.Remove(old);
            Count(-old.Bytes);
        }

        _damagedUploads = _damagedUploads.Remove(id);
    }

    /// <summary>Gives back what the index of a deleted bucket took.</summary>
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

    /// <summary>Reads the bucket, if it is not yet; no thread waits for it.</summary>
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

    /// <summary>Reads the bucket, if it is not yet. Who asks for a bucket not yet read waits for that bucket only.</summary>
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

            // A sweep is safe here only: nothing has been written to this bucket since the server started.
            var content = BucketReading.Read(Folder, names);
            foreach (var damage in content.Damages)
            {
                Found?.Invoke(damage);
            }

            _objects = ImmutableSortedSet.CreateRange(StoredObject.ByKey, content.Objects);
            _uploads = ImmutableSortedSet.CreateRange(StoredUpload.ByKey, content.Uploads);
            _damagedObjects = [.. content.DamagedObjects];
            _damagedUploads = [.. content.DamagedUploads];
            Count(_objects.Sum(o => (long)o.Bytes) + _uploads.Sum(u => (long)u.Bytes));
            _loaded = true;
        }
    }

    private void Heal(string key)
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
            // All of it was given back.
            return;
        }

        Interlocked.Add(ref _bytes, bytes);
        memory.Add(bytes);
    }
}
