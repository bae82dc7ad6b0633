using System.Diagnostics.CodeAnalysis;
using Ocellus.Storage;
using static Ocellus.Objects.Files.ObjectFiles;

namespace Ocellus.Objects.Files;

/// <summary>Reads the content of objects, without locks: data files are never modified, and if one disappears, its object was overwritten or deleted.</summary>
internal sealed class ObjectData(BucketFolders buckets, ILogger log)
{
    /// <inheritdoc cref="ObjectStore.OpenRead"/>
    public Stream? OpenRead(string bucket, string key, [NotNullWhen(true)] out ObjectInfo? info)
    {
        (var data, info) = WithData(
            bucket, key, path => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1, FileOptions.Asynchronous));
        if (data is null || data.Length == info!.Size)
        {
            return data;
        }

        var found = data.Length;
        data.Dispose();
        BucketFolders.DescriptionDamaged(log, PathOf(buckets.Index(bucket), info), $"it has {found} bytes, not the {info.Size} of its description");
        throw BucketIndex.DamagedObject();
    }

    /// <inheritdoc cref="ObjectStore.TryLink"/>
    public bool TryLink(string bucket, string key, string targetFile)
    {
        if (buckets.Find(bucket) is null)
        {
            return false;
        }

        bool? linked = null;
        FileStream? source;
        try
        {
            (source, _) = WithData(bucket, key, data =>
            {
                linked = FileSystem.TryHardLink(data, targetFile);
                // Opened now, because an open file survives its deletion.
                return linked.Value ? null : new FileStream(data, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1);
            });
        }
        catch (S3Exception refusal) when (refusal.Code == "NoSuchBucket")
        {
            // Deleted in between.
            return false;
        }

        if (source is null)
        {
            return linked == true;
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

    /// <summary>The file with an object's content in a store that another process may have open; null if there is none. Writes and locks nothing.</summary>
    public static string? FindFile(string root, string bucket, string key)
    {
        if (!ObjectNames.IsBucketName(bucket))
        {
            return null;
        }

        var metadata = MetadataPath(Path.Combine(root, bucket), key);
        return File.Exists(metadata) && Descriptions.Object(metadata, out _) is { } info ? Path.Combine(Path.GetDirectoryName(metadata)!, info.DataFile) : null;
    }

    /// <summary>Calls a function with an object's data file, without locks. If the object is overwritten meanwhile, tries again with the new file.</summary>
    private (T? Result, ObjectInfo? Info) WithData<T>(string bucket, string key, Func<string, T?> use)
        where T : class
    {
        var index = buckets.Index(bucket);
        while (index.Find(key) is { } found)
        {
            var info = found.ToInfo();
            var path = PathOf(index, info);
            try
            {
                return (use(path), info);
            }
            catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException && !File.Exists(path))
            {
                if (index.Deleted)
                {
                    throw new S3Exception("NoSuchBucket");
                }

                if (ReferenceEquals(index.Peek(key), found))
                {
                    BucketFolders.DescriptionDamaged(log, MetadataPath(index.Folder, key), $"its data file {info.DataFile} is missing");
                    throw BucketIndex.DamagedObject();
                }
            }
        }

        return default;
    }

    private static string PathOf(BucketIndex index, ObjectInfo info) => Path.Combine(index.Folder, info.DataFile[..2], info.DataFile);
}
