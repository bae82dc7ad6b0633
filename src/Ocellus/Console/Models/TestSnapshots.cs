using System.Text.Json;
using Ocellus.Console.Images;
using Ocellus.Objects;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Training;
using Ocellus.Vision.Inference;

namespace Ocellus.Console.Models;

/// <summary>Reads the stored tests of versions: the snapshot that a training writes to the bucket of its results.</summary>
internal sealed class TestSnapshots(ProjectModels models, IObjects objects, ImageFacts facts) : IDisposable
{
    /// <summary>Maximum bytes of a snapshot: a test of 10,000 images and 100 labels has a third of it.</summary>
    private const long BytesMax = 512L << 20;

    /// <summary>Maximum images of which a page is told.</summary>
    private const int ImagesMax = 50_000;

    /// <summary>Names of the images of the last snapshots that were read, so that each thumbnail need not read the file again.</summary>
    private readonly RecentNames _names = new();

    private readonly SemaphoreSlim _reading = new(1);

    /// <summary>Tests that are read at a time: a large one takes hundreds of megabytes meanwhile.</summary>
    private readonly SemaphoreSlim _parsing = new(2);

    /// <summary>The results of a version's test.</summary>
    /// <exception cref="RefusedException">NotFound: it has no test, or its files are gone. Invalid: they are not as the product writes them.</exception>
    public async Task<TestResults> ReadAsync(ProjectModel model, CancellationToken cancel)
    {
        var description = models.Describe(model.Version)
            ?? throw Refused.NotFound($"{model.Version.Name} has no model: {ProjectVersionStates.Message(model.Version.Status)}");
        var labels = description.Labels.Index().ToDictionary(l => l.Item, l => l.Index, StringComparer.Ordinal);
        var isDetector = description.Kind == ModelKinds.Localization;
        var images = new List<TestedImage>();
        var isComplete = !isDetector;
        await _parsing.WaitAsync(cancel);
        try
        {
            await using var content = await OpenAsync(model.Version, cancel);
            // A part at a time: the whole text of a large test takes more memory than what is read from it.
            await foreach (var lines in SnapshotLines.ReadAsync(content.Stream, ImagesMax, cancel))
            {
                images.AddRange(await ParseAsync(lines, labels, isDetector, cancel));
                isComplete |= lines.Exists(SnapshotReader.HasRejected);
            }
        }
        finally
        {
            _parsing.Release();
        }

        if (images.Count == 0)
        {
            throw Refused.Invalid($"The stored test of {model.Version.Name} has no image that can be read; the file in its bucket may have been changed.");
        }

        _names.Put(model.Version.Arn, [.. images.Select(i => i.Name)]);
        return new(description.Kind, description.Labels, [.. description.Labels.Select((_, l) => (float)description.ThresholdOf(l))], isComplete, images);
    }

    /// <summary>Name of one image of the test.</summary>
    /// <exception cref="RefusedException">NotFound: the test has no such image.</exception>
    public async Task<string> NameAsync(ProjectModel model, int number, CancellationToken cancel)
    {
        var names = _names.Find(model.Version.Arn);
        if (names is null)
        {
            // After a restart sixty thumbnails ask at once, and one read answers all.
            await _reading.WaitAsync(cancel);
            try
            {
                if (_names.Find(model.Version.Arn) is null)
                {
                    _ = await ReadAsync(model, cancel);
                }

                names = _names.Find(model.Version.Arn)!;
            }
            finally
            {
                _reading.Release();
            }
        }

        return number >= 0 && number < names.Count ? names[number] : throw Refused.NotFound($"The test of {model.Version.Name} has no image {number}.");
    }

    public void Dispose()
    {
        _reading.Dispose();
        _parsing.Dispose();
    }

    private async Task<IReadOnlyList<TestedImage>> ParseAsync(
        List<string> lines, Dictionary<string, int> labels, bool isDetector, CancellationToken cancel)
    {
        var names = lines.ConvertAll(SnapshotReader.NameOf);
        var known = await facts.KnownAsync(names.OfType<string>().Distinct(StringComparer.Ordinal), cancel);
        return
        [
            .. lines.Zip(names).Select(l =>
            {
                var fact = l.Second is null ? null : known.GetValueOrDefault(l.Second);
                return isDetector
                    ? SnapshotReader.Detected(l.First, labels, fact?.Version ?? "", fact?.Header)
                    : SnapshotReader.Classified(
                        l.First, labels, (fact?.Version ?? "", fact is null ? 0 : Math.Round((double)fact.Header.UprightWidth / fact.Header.UprightHeight, 3)));
            }).OfType<TestedImage>(),
        ];
    }

    private async Task<ObjectContent> OpenAsync(VersionRow version, CancellationToken cancel)
    {
        var result = version.TestingResult is { } json ? JsonSerializer.Deserialize(json, TrainingJson.Default.TestingDataResult) : null;
        if (result?.Output?.Assets is not [{ GroundTruthManifest.S3Object: { Bucket: { } bucket, Name: { } key } }])
        {
            throw Refused.NotFound($"{version.Name} has no stored test.");
        }

        var arn = Arn.Parse(version.Arn);
        try
        {
            // The bucket may have been deleted since, and another account may have taken its name.
            if (await objects.FindBucketAsync(bucket, cancel) is { } found && found.IsOf(version.AccountId) && found.IsIn(arn.Region)
                && await objects.OpenReadAsync(bucket, key, cancel) is { } content)
            {
                if (content.Size <= BytesMax)
                {
                    return content;
                }

                await content.DisposeAsync();
                throw Refused.Limit($"The stored test of {version.Name} has {content.Size:N0} bytes; at most {BytesMax:N0} are shown.");
            }
        }
        catch (S3Exception)
        {
            // As if it were gone.
        }

        throw Refused.NotFound(
            $"The stored test of {version.Name}, s3://{bucket}/{key}, cannot be read. Whoever deleted it also deleted what this page shows.");
    }
}

/// <summary>Names of the images of a few snapshots. Thread-safe.</summary>
internal sealed class RecentNames
{
    private const int Max = 4;

    private readonly Lock _gate = new();
    private readonly List<(string Arn, IReadOnlyList<string> Names)> _recent = [];

    public void Put(string arn, IReadOnlyList<string> names)
    {
        lock (_gate)
        {
            _recent.RemoveAll(r => r.Arn == arn);
            _recent.Insert(0, (arn, names));
            if (_recent.Count > Max)
            {
                _recent.RemoveAt(Max);
            }
        }
    }

    /// <summary>The names as of the last read; null if it was long ago.</summary>
    public IReadOnlyList<string>? Find(string arn)
    {
        lock (_gate)
        {
            return _recent.Find(r => r.Arn == arn).Names;
        }
    }
}
