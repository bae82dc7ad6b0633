using static Ocellus.Objects.ObjectFiles;

namespace Ocellus.Objects;

/// <summary>What is in one bucket, in memory: read from disk when it is first asked for.</summary>
internal sealed class BucketIndex(Bucket bucket, string folder)
{
    private bool _loaded;

    public Bucket Bucket { get; set; } = bucket;
    public string Folder { get; } = folder;
    public Lock Gate { get; } = new();
    public bool Deleted { get; set; }
    public SortedSet<string> Keys { get; } = new(Utf8Order.Keys);
    public Dictionary<string, ObjectInfo> Objects { get; } = new(StringComparer.Ordinal);

    public void Set(ObjectInfo info)
    {
        Objects[info.Key] = info;
        Keys.Add(info.Key);
    }

    /// <summary>Keys after <paramref name="after"/> in the order of their UTF-8 bytes. The caller holds the gate.</summary>
    public ObjectPage List(string prefix, string? delimiter, string? after, int max)
    {
        var objects = new List<ObjectInfo>();
        var prefixes = new List<string>();
        if (max <= 0 || Keys.Count == 0)
        {
            return new ObjectPage(objects, prefixes, null);
        }

        var last = Keys.Max!;
        var from = after is not null && Utf8Order.Keys.Compare(after, prefix) > 0 ? after : prefix;
        if (Utf8Order.Keys.Compare(from, last) > 0)
        {
            return new ObjectPage(objects, prefixes, null);
        }

        string? common = null;
        string? given = null;
        foreach (var key in Keys.GetViewBetween(from, last))
        {
            if (!key.StartsWith(prefix, StringComparison.Ordinal))
            {
                break;
            }

            if (after is not null && Utf8Order.Keys.Compare(key, after) <= 0)
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
                objects.Add(Objects[key]);
            }
            else
            {
                prefixes.Add(common = group);
            }
        }

        return new ObjectPage(objects, prefixes, null);
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

        var uploads = Path.Combine(Folder, MultipartUploads.FolderName);
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
