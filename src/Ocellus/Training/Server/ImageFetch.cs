using Ocellus.Datasets.Manifests;
using Ocellus.Identity;
using Ocellus.Objects;
using Ocellus.Projects;
using Ocellus.Storage;
using Ocellus.Training.Job;

namespace Ocellus.Training.Server;

/// <summary>
/// Gives a training its own copy of every image in its manifests, so that later changes of the bucket do not matter. In the embedded
/// store a copy is a hard link and costs nothing; from an external store it is a download.
/// </summary>
internal sealed class ImageFetch(IObjects objects)
{
    /// <summary>Bytes of a manifest: 1 GB. AWS quota.</summary>
    private const long ManifestBytesMax = 1L << 30;

    /// <summary>Parallel downloads: each mostly waits.</summary>
    private const int ParallelFetches = 8;

    public const string Unreadable = "The manifest file extension or contents are invalid.";
    public const string Empty = "The manifest file is empty.";
    public const string NotPermitted = "The S3 bucket permissions are incorrect.";
    public const string TooLarge = "The manifest file size exceeds the maximum supported size.";

    /// <summary>Fetches what the caller may read. Returns null, or the terminal file error of a manifest.</summary>
    public async Task<string?> RunAsync(JobFolder folder, JobDescription job, string accountId, CallerRights rights, CancellationToken cancel)
    {
        if (job.ManifestDenied)
        {
            return NotPermitted;
        }

        if (folder.ReadImages() is not null)
        {
            return null;
        }

        // What a crash left is fetched again: half an image must not pass for a whole one.
        FileSystem.RemoveFolder(folder.Images);
        Directory.CreateDirectory(folder.Images);
        var places = new Dictionary<string, Place>(StringComparer.Ordinal);
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

            long read = 0, objectsFound = 0;
            await using var stream = file.OpenRead();
            await foreach (var line in ManifestReader.ParseAsync(stream, cancel))
            {
                read++;
                if (line.EncodingFault is { } fault)
                {
                    return $"{Unreadable} {fault}";
                }

                objectsFound += line.IsObject ? 1 : 0;
                if (line.Bucket.Length > 0)
                {
                    places.TryAdd(line.SourceRef, new(line.SourceRef, line.Bucket, line.Key));
                }
            }

            if (read == 0)
            {
                return Empty;
            }

            if (objectsFound == 0)
            {
                return Unreadable;
            }
        }

        folder.Write(await FetchAsync([.. places.Values], folder, accountId, Arn.Parse(job.ProjectVersionArn).Region, rights, cancel));
        return null;
    }

    private async Task<JobImage[]> FetchAsync(
        IReadOnlyList<Place> places, JobFolder folder, string accountId, string region, CallerRights rights, CancellationToken cancel)
    {
        var buckets = new Dictionary<string, FoundBucket?>(StringComparer.Ordinal);
        foreach (var bucket in places.Select(p => p.Bucket).Distinct())
        {
            // A bucket of another region does not exist for this region's service.
            buckets[bucket] = await objects.FindBucketAsync(bucket, cancel) is { } found && found.IsIn(region) ? found : null;
        }

        var images = new JobImage[places.Count];
        await Parallel.ForEachAsync(
            Enumerable.Range(0, places.Count), new ParallelOptions { MaxDegreeOfParallelism = ParallelFetches, CancellationToken = cancel },
            async (i, token) => images[i] = await FetchAsync(places[i], folder, i, buckets[places[i].Bucket], accountId, rights, token));
        return images;
    }

    private async Task<JobImage> FetchAsync(
        Place place, JobFolder folder, int number, FoundBucket? bucket, string accountId, CallerRights rights, CancellationToken cancel)
    {
        // First of all: a caller without the right to read must not learn what exists.
        if (!rights.Allow(Permission.Read(place.Bucket, place.Key)))
        {
            return new JobImage(place.SourceRef, null, JobImage.Denied);
        }

        if (bucket is null || !bucket.IsOf(accountId))
        {
            return new JobImage(place.SourceRef, null, bucket is null ? JobImage.NoBucket : JobImage.OtherOwner);
        }

        var name = $"{number:D6}";
        return await objects.FetchAsync(place.Bucket, place.Key, Path.Combine(folder.Images, name), cancel)
            ? new JobImage(place.SourceRef, name, null)
            : new JobImage(place.SourceRef, null, JobImage.Missing);
    }

    /// <summary>Where an image is: all that is kept of its line.</summary>
    private readonly record struct Place(string SourceRef, string Bucket, string Key);
}
