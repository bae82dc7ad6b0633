using System.Security.Cryptography;
using System.Text.Json;
using System.Text.RegularExpressions;
using Ocellus.Storage;
using static Ocellus.Objects.Files.ObjectFiles;

namespace Ocellus.Objects.Files;

internal enum StoreDamageKind
{
    Bucket,
    Object,
    Upload,
    Part,
}

/// <summary>A damaged file of the object store, and what it describes.</summary>
/// <param name="File">The file, and what is wrong.</param>
/// <param name="Kind">What it describes.</param>
/// <param name="Bucket">Its bucket.</param>
/// <param name="Key">The object's key, if it can still be read.</param>
internal sealed record StoreDamage(DamagedFile File, StoreDamageKind Kind, string Bucket, string? Key);

/// <summary>Finds damage in a store, and repairs it or moves the damaged files aside. Nothing is ever deleted.</summary>
internal static partial class StoreCheck
{
    /// <summary>Finds all damage in a store. With a running server, a file may change while it is read, so damage is checked twice.</summary>
    public static IEnumerable<StoreDamage> Find(string root, CancellationToken cancel)
    {
        foreach (var folder in Directory.Exists(root) ? Directory.EnumerateDirectories(root).Where(f => ObjectNames.IsBucketName(Path.GetFileName(f))) : [])
        {
            var bucket = Path.GetFileName(folder);
            if (Descriptions.Bucket(folder, out var damage) is null && (File.Exists(damage!.Path) || Descriptions.HasObjects(folder)))
            {
                yield return new(damage, StoreDamageKind.Bucket, bucket, null);
            }

            foreach (var file in Descriptions.ShardsOf(folder).SelectMany(s => Directory.EnumerateFiles(s, "*.json")))
            {
                cancel.ThrowIfCancellationRequested();
                if (Descriptions.Object(file, out _) is null && Descriptions.Object(file, out damage) is null && File.Exists(file))
                {
                    yield return new(damage!, StoreDamageKind.Object, bucket, KeyOf(file));
                }
            }

            var uploads = Path.Combine(folder, MultipartUploads.FolderName);
            foreach (var upload in Directory.Exists(uploads) ? Directory.EnumerateDirectories(uploads) : [])
            {
                cancel.ThrowIfCancellationRequested();
                foreach (var found in FindInUpload(upload, bucket))
                {
                    yield return found;
                }
            }
        }
    }

    /// <summary>Repairs a damaged file, or moves it aside with its data. No server may have the store open.</summary>
    /// <param name="root">The store.</param>
    /// <param name="aside">The folder for files that cannot be repaired.</param>
    /// <param name="damage">Damage returned by <see cref="Find"/>.</param>
    /// <param name="account">The account of a bucket whose description no longer names it; null if unknown.</param>
    /// <returns>What was done, in sentences.</returns>
    public static string Repair(string root, string aside, StoreDamage damage, string? account)
    {
        var file = damage.File.Path;
        var folder = Path.GetDirectoryName(file)!;
        var target = Path.Combine(aside, Path.GetRelativePath(Path.GetDirectoryName(Path.GetFullPath(root))!, folder));
        switch (damage.Kind)
        {
            case StoreDamageKind.Bucket:
                return RepairBucket(folder, target, damage.Bucket, account);
            case StoreDamageKind.Upload:
                MoveFolder(folder, target);
                return $"The unfinished upload is in {target} with its parts; its client has to start again.";
            case StoreDamageKind.Part:
                Move([file, .. Directory.EnumerateFiles(folder, Path.GetFileNameWithoutExtension(file) + ".*.data")], target);
                return $"The part is in {target}; its client has to upload it again.";
            default:
                var data = Directory.GetFiles(folder, Path.GetFileNameWithoutExtension(file) + ".*.data");
                if (Rebuild(file, data) is { } info)
                {
                    Move([file], target);
                    WriteJson(file, info, ObjectJson.Default.ObjectInfo);
                    FileSystem.SyncFolder(folder);
                    return $"The object '{info.Key}' is restored: its content matches its ETag. Its content type, metadata and tags are lost unless "
                        + $"{Path.Combine(target, Path.GetFileName(file))} still contains them.";
                }

                Move([file, .. data], target);
                var name = damage.Key is { } key ? $"'{key}'" : "its key, which the description no longer contains";
                return data.Length == 0 ? $"The object's content is lost. Its description is in {target}. Store {name} again from "
                    + $"its source."
                    : $"The description and the content ({string.Join(", ", data.Select(Path.GetFileName))}) are in {target}. Check the content, and store "
                        + $"it again under {name}.";
        }
    }

    private static IEnumerable<StoreDamage> FindInUpload(string folder, string bucket)
    {
        // Without a description, the upload was aborted.
        if (!File.Exists(Path.Combine(folder, Descriptions.UploadFile)))
        {
            yield break;
        }

        if (Descriptions.Upload(folder, out var damage) is null && File.Exists(damage!.Path))
        {
            yield return new(damage, StoreDamageKind.Upload, bucket, null);
            yield break;
        }

        foreach (var file in Directory.Exists(folder)
            ? Directory.EnumerateFiles(folder, "*.json").Where(f => Path.GetFileName(f) != Descriptions.UploadFile)
            : [])
        {
            if (Descriptions.Part(file, out damage) is { } part)
            {
                damage = Descriptions.DataProblem(folder, part) is { } why ? new(file, why) : null;
            }

            if (damage is not null && File.Exists(file))
            {
                yield return new(damage, StoreDamageKind.Part, bucket, null);
            }
        }
    }

    /// <summary>Rebuilds a description if it is certain: the key matches the file's name, and the content the ETag.</summary>
    private static ObjectInfo? Rebuild(string file, string[] data)
    {
        if (KeyOf(file) is not { } key || ETag().Match(File.ReadAllText(file)) is not { Success: true } etag)
        {
            return null;
        }

        foreach (var candidate in data)
        {
            using var content = File.OpenRead(candidate);
#pragma warning disable CA5351 // The ETag is defined this way.
            if (Convert.ToHexStringLower(MD5.HashData(content)) == etag.Groups["md5"].Value)
#pragma warning restore CA5351
            {
                var seconds = new DateTimeOffset(File.GetLastWriteTimeUtc(candidate)).ToUnixTimeSeconds();
                return new()
                {
                    Key = key,
                    Size = content.Length,
                    ETag = etag.Groups["md5"].Value,
                    LastModified = DateTimeOffset.FromUnixTimeSeconds(seconds),
                    DataFile = Path.GetFileName(candidate),
                };
            }
        }

        return null;
    }

    private static string RepairBucket(string folder, string target, string bucket, string? account)
    {
        var file = Path.Combine(folder, Descriptions.BucketFile);
        var text = File.Exists(file) ? File.ReadAllText(file) : "";
        if ((AccountForm().Match(text) is { Success: true } match ? match.Groups["account"].Value : account) is not { } owner)
        {
            return "Left unchanged: its account is unknown. Name it with --account.";
        }

        var region = RegionForm().Match(text) is { Success: true } named ? named.Groups["region"].Value : Bucket.FirstRegion;
        if (File.Exists(file))
        {
            Move([file], target);
        }

        WriteJson(file, new Bucket(bucket, owner, region, new DateTimeOffset(Directory.GetCreationTimeUtc(folder))), ObjectJson.Default.Bucket);
        FileSystem.SyncFolder(folder);
        return $"The bucket is restored with all its objects, for account {owner} in {region}. Its CORS rules and its tags are lost; "
            + $"the rest of its description is in {target}.";
    }

    /// <summary>The key in a description, which may be damaged, if it matches the file's name.</summary>
    private static string? KeyOf(string file)
    {
        try
        {
            return KeyForm().Match(File.ReadAllText(file)) is { Success: true } found
                && JsonSerializer.Deserialize(found.Groups["key"].Value, ObjectJson.Default.String) is { } key
                && Hash(key) == Path.GetFileNameWithoutExtension(file)
                ? key
                : null;
        }
        catch (Exception failure) when (failure is JsonException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static void Move(IEnumerable<string> files, string target)
    {
        FileSystem.CreateFolder(target);
        foreach (var file in files.ToList())
        {
            File.Move(file, Unused(Path.Combine(target, Path.GetFileName(file))));
            FileSystem.SyncFolder(Path.GetDirectoryName(file)!);
        }

        FileSystem.SyncFolder(target);
    }

    private static void MoveFolder(string folder, string target)
    {
        FileSystem.CreateFolder(Path.GetDirectoryName(target)!);
        Directory.Move(folder, Unused(target));
        FileSystem.SyncFolder(Path.GetDirectoryName(target)!);
        FileSystem.SyncFolder(Path.GetDirectoryName(folder)!);
    }

    /// <summary>A path that does not replace files moved aside before.</summary>
    private static string Unused(string path) => Path.Exists(path) ? $"{path}.{Guid.NewGuid():N}" : path;

    [GeneratedRegex("""
        "Key":(?<key>"(?:[^"\\]|\\.)*")
        """)]
    private static partial Regex KeyForm();

    [GeneratedRegex("""
        "ETag":"(?<md5>[0-9a-f]{32})"
        """)]
    private static partial Regex ETag();

    [GeneratedRegex("""
        "AccountId":"(?<account>[0-9]{12})"
        """)]
    private static partial Regex AccountForm();

    [GeneratedRegex("""
        "Region":"(?<region>[a-z0-9-]{1,64})"
        """)]
    private static partial Regex RegionForm();
}
