using System.Globalization;

namespace Ocellus.Objects.Files;

/// <summary>Reads the folders of unfinished uploads.</summary>
internal static class UploadFolders
{
    public static string FolderOf(BucketIndex index, string id) => Path.Combine(index.Folder, MultipartUploads.FolderName, id);

    /// <exception cref="S3Exception">NoSuchUpload, or the upload cannot be read.</exception>
    public static StoredUpload Find(BucketIndex index, string key, string id) => index.FindUpload(key, id) ?? throw new S3Exception("NoSuchUpload");

    /// <summary>Reads the description of an upload.</summary>
    /// <exception cref="S3Exception">NoSuchUpload, or the upload cannot be read.</exception>
    public static UploadInfo Read(BucketIndex index, string key, string id)
    {
        var stored = Find(index, key, id);
        if (Descriptions.Upload(FolderOf(index, id), out var damage) is { } upload)
        {
            return upload;
        }

        throw stored.Ended || !File.Exists(damage!.Path) ? new S3Exception("NoSuchUpload") : Descriptions.Refusal("this upload", "Abort it and begin again.");
    }

    /// <summary>One page of parts after a number, and whether more follow. Reads only these parts.</summary>
    public static (IReadOnlyList<PartInfo> Parts, bool More) Parts(string folder, long after, int max)
    {
        var parts = new List<PartInfo>();
        try
        {
            foreach (var number in Directory.EnumerateFiles(folder, "*.json")
                .Select(f => int.TryParse(Path.GetFileNameWithoutExtension(f), NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : 0)
                .Where(n => n > 0 && n > after).Order().ToList())
            {
                // An unreadable part cannot be completed. `ocellus doctor` reports it.
                if (Descriptions.Part(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{number}.json")), out _) is not { } part)
                {
                    continue;
                }

                if (parts.Count >= max)
                {
                    return (parts, true);
                }

                parts.Add(part);
            }
        }
        catch (DirectoryNotFoundException)
        {
            throw new S3Exception("NoSuchUpload");
        }

        return (parts, false);
    }
}
