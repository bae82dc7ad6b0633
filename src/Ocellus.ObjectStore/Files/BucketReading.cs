using static Ocellus.Objects.Files.ObjectFiles;

namespace Ocellus.Objects.Files;

/// <summary>The content of a bucket's folder.</summary>
internal sealed class BucketContent
{
    public List<StoredObject> Objects { get; } = [];

    public List<StoredUpload> Uploads { get; } = [];

    public HashSet<string> DamagedObjects { get; } = new(StringComparer.Ordinal);

    public HashSet<string> DamagedUploads { get; } = new(StringComparer.Ordinal);

    public List<DamagedFile> Damages { get; } = [];
}

/// <summary>
/// Reads a bucket's folder, and deletes what interrupted writes left: files that no description refers to. Files that an unreadable description may refer to
/// are kept.
/// </summary>
internal static class BucketReading
{
    public static BucketContent Read(string folder, SharedNames names)
    {
        var content = new BucketContent();
        foreach (var shard in Descriptions.ShardsOf(folder))
        {
            ReadShard(shard, content, names);
        }

        var uploads = Path.Combine(folder, MultipartUploads.FolderName);
        foreach (var upload in Directory.Exists(uploads) ? Directory.EnumerateDirectories(uploads) : [])
        {
            ReadUpload(upload, content, names);
        }

        return content;
    }

    private static void ReadShard(string shard, BucketContent content, SharedNames names)
    {
        var files = NamesIn(shard);
        // Names of data files in use, and name prefixes of files that an unreadable description may use.
        HashSet<string> named = new(StringComparer.Ordinal), unknown = new(StringComparer.Ordinal);
        foreach (var file in files.Where(IsDescription))
        {
            if (Descriptions.Object(Path.Combine(shard, file), out var damage) is { } info)
            {
                content.Objects.Add(new StoredObject(info, names));
                named.Add(info.DataFile);
                continue;
            }

            content.Damages.Add(damage!);
            content.DamagedObjects.Add(Path.GetFileNameWithoutExtension(file));
            unknown.Add(Path.GetFileNameWithoutExtension(file));
        }

        Sweep(shard, files, named, unknown);
    }

    private static void ReadUpload(string folder, BucketContent content, SharedNames names)
    {
        if (!File.Exists(Path.Combine(folder, Descriptions.UploadFile)))
        {
            // Its removal was interrupted.
            Directory.Delete(folder, recursive: true);
            return;
        }

        if (Descriptions.Upload(folder, out var damage) is { } upload)
        {
            content.Uploads.Add(new StoredUpload(upload.Key, upload.Id, upload.Initiated, upload.Algorithm is null ? null : names.Of(upload.Algorithm)));
        }
        else
        {
            content.Damages.Add(damage!);
            content.DamagedUploads.Add(Path.GetFileName(folder));
        }

        var files = NamesIn(folder);
        HashSet<string> named = new(StringComparer.Ordinal), unknown = new(StringComparer.Ordinal);
        foreach (var file in files.Where(f => IsDescription(f) && f != Descriptions.UploadFile))
        {
            var path = Path.Combine(folder, file);
            if (Descriptions.Part(path, out damage) is not { } part)
            {
                content.Damages.Add(damage!);
                unknown.Add(Path.GetFileNameWithoutExtension(file));
                continue;
            }

            if (!files.Contains(part.DataFile))
            {
                // Never acknowledged: the power failed between the renames of the part's description and its data.
                TryDelete(path);
            }

            named.Add(part.DataFile);
        }

        Sweep(folder, files, named, unknown);
    }

    private static HashSet<string> NamesIn(string folder) =>
        Directory.EnumerateFiles(folder).Select(f => Path.GetFileName(f)).ToHashSet(StringComparer.Ordinal);

    private static bool IsDescription(string file) => file.EndsWith(".json", StringComparison.Ordinal);

    private static void Sweep(string folder, IEnumerable<string> files, HashSet<string> named, HashSet<string> unknown)
    {
        foreach (var file in files.Where(
            f =>
                f.EndsWith(".tmp", StringComparison.Ordinal)
                    || (f.EndsWith(".data", StringComparison.Ordinal) && !named.Contains(f) && !unknown.Contains(f.Split('.')[0]))))
        {
            TryDelete(Path.Combine(folder, file));
        }
    }
}
