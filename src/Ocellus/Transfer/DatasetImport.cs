using System.Buffers;
using System.Globalization;
using System.Text;
using Ocellus.Formats;
using Ocellus.Formats.Writers;
using Ocellus.Refusals;

namespace Ocellus.Transfer;

/// <summary>How a source is imported.</summary>
/// <param name="Project">Name of the project.</param>
/// <param name="Bucket">Bucket of the pictures; null for that of the project's images, or the one of the account.</param>
/// <param name="Prefix">What keys begin with; null for the name of the project.</param>
/// <param name="Update">Entries that are there with other labels are replaced.</param>
internal sealed record ImportOptions(string Project, string? Bucket, string? Prefix, bool Update);

/// <summary>
/// Brings labelled images of any format to a project: pictures are uploaded in parallel, their lines added to a TRAIN and a TEST dataset. Everything is
/// compared with what is there, so an interrupted run goes on where it was, and another run adds what is new.
/// </summary>
/// <param name="client">The server.</param>
/// <param name="options">How.</param>
/// <param name="now">For the <c>creation-date</c> of lines.</param>
/// <param name="report">Takes progress: what, how many, of how many.</param>
internal sealed class DatasetImport(ServiceClient client, ImportOptions options, DateTimeOffset now, Action<string, int, int> report)
{
    /// <summary>Bytes of a picture, as for images in a bucket that a training reads.</summary>
    private const long PictureBytesMax = PictureCopier.BytesMax;

    /// <summary>Images that are uploaded together, before their lines are added.</summary>
    private const int WindowImages = 256;

    private readonly LabelNumbers _numbers = new([]);
    private readonly Dictionary<string, DatasetFeed> _feeds = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ImportedDataset> _results = new(StringComparer.Ordinal);
    private readonly string _date = now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture);
    private FoundProject _project = null!;
    private PictureUpload _upload = null!;
    private ImportSummary _summary = null!;
    private string _prefix = "";
    private int _done;
    private int _total;

    /// <summary>Imports a source.</summary>
    /// <exception cref="CommandRefusedException">The project holds what does not go with the source, or the source has nothing to import.</exception>
    /// <exception cref="ServiceException">The server refused, or does not answer.</exception>
    public async Task<ImportSummary> RunAsync(SourceReader source, CancellationToken cancel)
    {
        using var images = source.Read(cancel).GetEnumerator();
        // Before anything is made: is there an image at all?
        var first = await Task.Run(() => Next(images), cancel)
            ?? throw new CommandRefusedException($"There is nothing to import: no picture with what is known about it was found ({source.Description}).");
        await PrepareAsync(cancel);
        report("Counting pictures", 0, 0);
        _total = await Task.Run(() => source.CountPictures(cancel), cancel);
        var window = new List<LabelledImage>(WindowImages) { first };
        var later = new List<LabelledImage>();
        var hasTest = false;
        while (await FillAsync(window, images, cancel))
        {
            hasTest |= window.Exists(i => i.Split == Split.Test);
            later.AddRange(window.Where(i => i.Split == Split.Validation));
            window.RemoveAll(i => i.Split == Split.Validation);
            await WindowAsync(window, cancel);
            window.Clear();
        }

        // Custom Labels knows training and test only. Images for validation are the test of a source that has no other.
        _summary.ValidationToTrain = hasTest ? later.Count : 0;
        foreach (var chunk in later.Select(i => i with { Split = hasTest ? Split.Train : Split.Test }).Chunk(WindowImages))
        {
            await WindowAsync([.. chunk], cancel);
        }

        foreach (var (type, feed) in _feeds.OrderByDescending(f => f.Key))
        {
            var stats = await feed.CompleteAsync(cancel);
            var result = _results[type];
            result.Written = feed.Written;
            (result.Total, result.Labelled) = ((int?)stats["TotalEntries"] ?? 0, (int?)stats["LabeledEntries"] ?? 0);
            (result.Labels, result.Errors) = ((int?)stats["TotalLabels"] ?? 0, (int?)stats["ErrorEntries"] ?? 0);
            _summary.Datasets.Add(result);
        }

        return _summary;
    }

    private static LabelledImage? Next(IEnumerator<LabelledImage> images)
    {
        while (images.MoveNext())
        {
            // What lacks a picture is among the findings.
            if (images.Current.Picture is not null)
            {
                return images.Current;
            }
        }

        return null;
    }

    private static string TypeOf(LabelledImage image) => image.Split == Split.Test ? "TEST" : "TRAIN";

    private static Task<bool> FillAsync(List<LabelledImage> window, IEnumerator<LabelledImage> images, CancellationToken cancel) =>
        Task.Run(
            () =>
            {
                while (window.Count < WindowImages && Next(images) is { } image)
                {
                    window.Add(image);
                }

                return window.Count > 0;
            },
            cancel);

    /// <summary>Finds or creates the project and the bucket, and reads what is there.</summary>
    private async Task PrepareAsync(CancellationToken cancel)
    {
        report("Reading what is there", 0, 0);
        (_project, _) = await ProjectFinder.RequireAsync(client, options.Project, null, cancel);
        foreach (var type in (string[])["TRAIN", "TEST"])
        {
            if (_project.Dataset(type) is not null)
            {
                await FeedAsync(type, cancel);
            }
        }

        var arn = _project.Arn.Split(':');
        var known = _feeds.Values.Select(f => f.Bucket).FirstOrDefault(b => b is not null);
        if (options.Bucket is { } wanted && known is not null && wanted != known)
        {
            throw new CommandRefusedException(
                $"The images of {options.Project} are in the bucket {known}, and a training takes images of one bucket; leave out --bucket {wanted}, or import "
                    + "to another project.");
        }

        var bucket = options.Bucket ?? known ?? $"ocellus-images-{arn[4]}-{arn[3]}";
        _prefix = options.Prefix ?? options.Project;
        await new BucketKeeper(client.Objects).RequireAsync(bucket, cancel);
        _upload = await PictureUpload.OpenAsync(client.Objects, bucket, _prefix, cancel);
        _summary = new(_project.Arn, bucket);
    }

    private async Task<DatasetFeed> FeedAsync(string type, CancellationToken cancel)
    {
        if (!_feeds.TryGetValue(type, out var feed))
        {
            _feeds[type] = feed = await DatasetFeed.OpenAsync(client, _project.Arn, type, _project.Dataset(type), null, cancel);
            _results[type] = new(type, feed.Arn);
        }

        return feed;
    }

    private async Task WindowAsync(List<LabelledImage> window, CancellationToken cancel)
    {
        CheckKind(window);
        var isThere = new bool[window.Count];
        await Parallel.ForEachAsync(
            Enumerable.Range(0, window.Count), new ParallelOptions { MaxDegreeOfParallelism = PictureUpload.Parallel, CancellationToken = cancel },
            async (i, token) => isThere[i] = await UploadAsync(window[i], token));
        for (var i = 0; i < window.Count; i++)
        {
            if (isThere[i])
            {
                await AddAsync(window[i], cancel);
            }
        }
    }

    /// <summary>A project learns either labels of images or boxes; both together would end in a training that leaves one kind out.</summary>
    private void CheckKind(List<LabelledImage> window)
    {
        if (_feeds.Values.Select(f => f.HasBoxes).FirstOrDefault(b => b is not null) is { } boxes
            && window.Find(i => i.IsForBoxes || i.Boxes.Count > 0 ? !boxes : boxes && i.Labels.Count > 0) is { } other)
        {
            throw new CommandRefusedException(
                boxes
                    ? $"The project {options.Project} has boxes, and the source has labels of whole images ({other.Name}); import it to another project."
                    : $"The project {options.Project} has labels of whole images, and the source has boxes ({other.Name}); import it to another project.");
        }
    }

    private async Task<bool> UploadAsync(LabelledImage image, CancellationToken cancel)
    {
        byte[] content;
        report("Pictures", Math.Min(Interlocked.Increment(ref _done), _total), _total);
        try
        {
            content = await ReadAsync(image, cancel);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            lock (_summary)
            {
                _summary.Unreadable++;
            }

            Unreadable?.Invoke(image, failure.Message);
            return false;
        }

        var uploaded = await _upload.PutAsync(KeyOf(image), content, cancel);
        lock (_summary)
        {
            (_summary.Uploaded, _summary.Kept) = uploaded ? (_summary.Uploaded + 1, _summary.Kept) : (_summary.Uploaded, _summary.Kept + 1);
            _summary.Bytes += uploaded ? content.Length : 0;
        }

        return true;
    }

    /// <summary>Told of pictures that cannot be read; null for nobody.</summary>
    public Action<LabelledImage, string>? Unreadable { get; init; }

    private static async Task<byte[]> ReadAsync(LabelledImage image, CancellationToken cancel)
    {
        if (image.Picture!.Length > PictureBytesMax)
        {
            throw new InvalidDataException(
                string.Create(CultureInfo.InvariantCulture, $"it has {image.Picture.Length:N0} bytes; the maximum is {PictureBytesMax:N0}."));
        }

        await using var stream = image.OpenRead();
        using var content = new MemoryStream((int)image.Picture.Length);
        await stream.CopyToAsync(content, cancel);
        return content.ToArray();
    }

    private string KeyOf(LabelledImage image) => ObjectKeys.Of(_prefix, image.Name);

    private async Task AddAsync(LabelledImage image, CancellationToken cancel)
    {
        var feed = await FeedAsync(TypeOf(image), cancel);
        var result = _results[feed.Type];
        var text = new ArrayBufferWriter<byte>();
        ManifestWriter.Write(text, image, $"s3://{_summary.Bucket}/{KeyOf(image)}", _numbers, _date);
        var line = EntryLine.Read(Encoding.UTF8.GetString(text.WrittenSpan))
            ?? throw new InvalidDataException($"{image.Place}: the line of {image.Name} is too long for a dataset.");
        switch (feed.Compare(line))
        {
            case EntryNews.Known:
                result.Known++;
                break;
            case EntryNews.Differs when !options.Update:
                result.Differing++;
                break;
            default:
                await feed.AddAsync(line, cancel);
                break;
        }
    }
}
