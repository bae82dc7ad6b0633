using Ocellus.Access;
using Ocellus.Datasets.Manifests;
using Ocellus.Objects;
using Ocellus.Storage;

namespace Ocellus.Training;

/// <summary>
/// Takes a training's own copy of every picture that its manifests name, so that what happens to the bucket meanwhile does not
/// matter. In the embedded store a copy is a hard link and costs nothing.
/// </summary>
internal sealed class PictureFetch(ObjectStore objects)
{
    /// <summary>Bytes of a manifest: 1 GB. AWS quota.</summary>
    private const long ManifestBytesMax = 1L << 30;

    public const string Unreadable = "The manifest file extension or contents are invalid.";
    public const string Empty = "The manifest file is empty.";
    public const string NotPermitted = "The S3 bucket permissions are incorrect.";
    public const string TooLarge = "The manifest file size exceeds the maximum supported size.";

    /// <summary>Fetches what the caller may read; null, or the terminal file error of a manifest.</summary>
    public async Task<string?> RunAsync(JobFolder folder, JobDescription job, string accountId, CallerRights rights, CancellationToken cancel)
    {
        if (job.ManifestDenied)
        {
            return NotPermitted;
        }

        if (folder.ReadPictures() is not null)
        {
            return null;
        }

        // What a crash left is fetched again: half a picture must not be taken for a whole one.
        FileSystem.RemoveFolder(folder.Pictures);
        Directory.CreateDirectory(folder.Pictures);
        var pictures = new Dictionary<string, JobPicture>(StringComparer.Ordinal);
        var owners = new Dictionary<string, string?>(StringComparer.Ordinal);
        foreach (var manifest in job.AutoSplit ? [folder.TrainingManifest] : new[] { folder.TrainingManifest, folder.TestingManifest })
        {
            var file = new FileInfo(manifest);
            if (!file.Exists)
            {
                return Unreadable;
            }

            if (file.Length > ManifestBytesMax)
            {
                return TooLarge;
            }

            long lines = 0, objectsFound = 0;
            await using var stream = file.OpenRead();
            await foreach (var text in ManifestReader.ReadAsync(stream, cancel))
            {
                lines++;
                var line = LineParser.Parse(text);
                objectsFound += line.Content is null ? 0 : 1;
                if (line.Bucket.Length > 0 && !pictures.ContainsKey(line.SourceRef))
                {
                    pictures.Add(line.SourceRef, Fetch(line, folder, pictures.Count, owners, accountId, rights));
                }
            }

            if (lines == 0)
            {
                return Empty;
            }

            if (objectsFound == 0)
            {
                return Unreadable;
            }
        }

        folder.Write([.. pictures.Values]);
        return null;
    }

    private JobPicture Fetch(ParsedLine line, JobFolder folder, int number, Dictionary<string, string?> owners, string accountId, CallerRights rights)
    {
        // First of all: who may not read is not told what is there.
        if (!rights.Allow(Permission.Read(line.Bucket, line.Key)))
        {
            return new JobPicture(line.SourceRef, null, JobPicture.Denied);
        }

        if (!owners.TryGetValue(line.Bucket, out var owner))
        {
            owners[line.Bucket] = owner = objects.FindBucket(line.Bucket)?.AccountId;
        }

        if (owner != accountId)
        {
            return new JobPicture(line.SourceRef, null, owner is null ? JobPicture.NoBucket : JobPicture.OtherOwner);
        }

        var name = $"{number:D6}";
        return objects.TryLink(line.Bucket, line.Key, Path.Combine(folder.Pictures, name)) ? new JobPicture(line.SourceRef, name, null) : new JobPicture(line.SourceRef, null, JobPicture.Missing);
    }
}
