using System.Globalization;
using System.Security.Cryptography;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Embeddings;
using Ocellus.Vision.Images;

namespace Ocellus.Formats.Checks;

/// <summary>A label that looks wrong.</summary>
/// <param name="Image">The image.</param>
/// <param name="Box">The box; null where the label is the image's.</param>
/// <param name="Label">The label it has.</param>
/// <param name="Score">How likely that label is, from 0 to 1, to a model that has not seen the image.</param>
/// <param name="Likelier">The label that fits best instead.</param>
/// <param name="LikelierScore">How likely that one is.</param>
internal sealed record Suspect(LabelledImage Image, ImageBox? Box, string Label, double Score, string Likelier, double LikelierScore);

/// <summary>Two pictures that show the same.</summary>
internal sealed record SamePicture(LabelledImage First, LabelledImage Other, bool IsExact, bool IsMirrored, double Similarity);

/// <summary>What a check has found.</summary>
internal sealed record CheckReport(LabelCounts Counts, Findings Findings, IReadOnlyList<SamePicture> Same, IReadOnlyList<Suspect> Suspects)
{
    /// <summary>Boxes that were judged, where there were more than are judged.</summary>
    public int? JudgedBoxes { get; init; }

    /// <summary>Pictures that were compared, where there were more than are compared.</summary>
    public int? ComparedPictures { get; init; }
}

/// <summary>Looks at labels and pictures for what spoils a model.</summary>
internal static class SourceCheck
{
    /// <summary>Pictures that are compared: their fingerprints are held in memory, 2.5 KB each.</summary>
    private const int ComparedMax = 20_000;

    /// <summary>Boxes that are judged, spread over all: each takes 30 ms.</summary>
    private const int JudgedMax = 600;

    /// <summary>Suspects that a report may show, and the score of a label below which one is a finding: more would hide the others.</summary>
    private const int SuspectsMax = 50;

    private const double FindingScore = 0.25;

    private const long ImageBytesMax = 64 << 20;

    /// <summary>What can be told within seconds: labels, boxes and equal files.</summary>
    public static LabelCounts Quick(IEnumerable<LabelledImage> source, SourcePlace place, Findings findings, CancellationToken cancel)
    {
        var counts = new LabelCounts(findings);
        var images = new List<LabelledImage>();
        foreach (var image in source)
        {
            counts.Add(image);
            images.Add(image);
        }

        counts.Conclude(place);
        foreach (var group in EqualFiles.Find(images, cancel))
        {
            EqualFiles.Report(group, findings);
        }

        return counts;
    }

    /// <summary>All of it: every picture is decoded, and compared with the others.</summary>
    /// <param name="source">The images.</param>
    /// <param name="place">The source as a whole.</param>
    /// <param name="findings">Takes what is wrong.</param>
    /// <param name="threads">Cores to use.</param>
    /// <param name="progress">Called with the pictures read and all of them; on several threads.</param>
    /// <param name="cancel">Ends it.</param>
    public static CheckReport Run(
        IEnumerable<LabelledImage> source, SourcePlace place, Findings findings, int threads, Action<int, int>? progress, CancellationToken cancel)
    {
        var counts = new LabelCounts(findings);
        var images = new List<LabelledImage>();
        foreach (var image in source)
        {
            counts.Add(image);
            images.Add(image);
        }

        counts.Conclude(place);
        List<LabelledImage> pictures = [.. images.Where(i => i.Picture is not null)];
        List<LabelledImage> compared = [.. pictures.Take(ComparedMax)];
        using var embedder = new ImageEmbedder();
        var judged = Judged(compared);
        var prints = new (ImageFingerprint? Print, string? Hash)[compared.Count];
        var crops = new Half[compared.Count][][];
        var done = 0;
        Parallel.For(0, compared.Count, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancel }, i =>
        {
            (prints[i], crops[i]) = Look(compared[i], judged.GetValueOrDefault(i) ?? [], embedder, findings, cancel);
            progress?.Invoke(Interlocked.Increment(ref done), compared.Count);
        });
        var same = Same(compared, prints, findings, cancel);
        var suspects = counts.Boxes > 0 ? BoxSuspects(compared, judged, crops, threads, cancel) : ImageSuspects(compared, prints, threads, cancel);
        foreach (var suspect in suspects.Where(s => s.Score < FindingScore))
        {
            findings.Warn("suspect", suspect.Image.Place, Words(suspect), "Look at it: not all of these are wrong, but wrong labels are found here first.");
        }

        return new CheckReport(counts, findings, same, suspects)
        {
            JudgedBoxes = counts.Boxes > JudgedMax ? judged.Values.Sum(b => b.Count) : null,
            ComparedPictures = pictures.Count > ComparedMax ? ComparedMax : null,
        };
    }

    private static string Words(Suspect s) => string.Create(
        CultureInfo.InvariantCulture,
        $"{s.Image.Name}{(s.Box is { } b ? $" at {b.Left:0}, {b.Top:0}" : "")} is labelled '{s.Label}' ({s.Score:0 %}) "
            + $"and looks like '{s.Likelier}' ({s.LikelierScore:0 %}).");

    private static ((ImageFingerprint?, string?), Half[][]) Look(
        LabelledImage image, List<int> boxes, ImageEmbedder embedder, Findings findings, CancellationToken cancel)
    {
        try
        {
            if (image.Picture!.Length > ImageBytesMax)
            {
                throw new InvalidDataException(string.Create(CultureInfo.InvariantCulture, $"The picture has {image.Picture.Length:N0} bytes."));
            }

            using var copy = new MemoryStream();
            using (var stream = image.OpenRead())
            {
                stream.CopyTo(copy);
            }

            var bytes = copy.ToArray();
            var header = ImageDecoder.ReadHeader(bytes);
            ImageDecoder.Check(header, ImageLimits.Default);
            var print = embedder.Fingerprint(bytes);
            var crops = boxes.Count == 0 ? [] : embedder.EmbedBoxes(bytes, [.. boxes.Select(b => Ratio(image.Boxes[b], header))], cancel);
            return ((print, Convert.ToHexStringLower(SHA256.HashData(bytes))), crops);
        }
        catch (Exception failure) when (failure is ImageRefusedException or IOException or InvalidDataException or UnauthorizedAccessException)
        {
            findings.Error("unusable-picture", new(image.Picture!.Name), failure.Message,
                "A training leaves it out. Save it again as JPEG or PNG within the limits, or remove it.");
            return ((null, null), []);
        }
    }

    private static Box Ratio(ImageBox b, ImageHeader header) => new(
        (float)(b.Left / header.UprightWidth), (float)(b.Top / header.UprightHeight), (float)(b.Width / header.UprightWidth),
        (float)(b.Height / header.UprightHeight));

    /// <summary>For each image the boxes that are judged; all, or every so many.</summary>
    private static Dictionary<int, List<int>> Judged(List<LabelledImage> images)
    {
        var step = Math.Max(1, images.Sum(i => (double)i.Boxes.Count) / JudgedMax);
        var (at, next) = (0, 0.0);
        var judged = new Dictionary<int, List<int>>();
        for (var i = 0; i < images.Count; i++)
        {
            for (var b = 0; b < images[i].Boxes.Count; b++)
            {
                if (at++ >= next)
                {
                    next += step;
                    (judged.TryGetValue(i, out var list) ? list : judged[i] = []).Add(b);
                }
            }
        }

        return judged;
    }

    private static List<SamePicture> Same(
        List<LabelledImage> images, (ImageFingerprint? Print, string? Hash)[] prints, Findings findings, CancellationToken cancel)
    {
        var same = new List<SamePicture>();
        foreach (var pair in NearDuplicates.Find([.. prints.Select(p => p.Print)], [.. prints.Select(p => p.Hash)], cancel))
        {
            var (first, other) = (images[pair.First], images[pair.Second]);
            same.Add(new(first, other, pair.Exact, pair.Mirrored, pair.Similarity));
            EqualFiles.Pair(
                first, other, pair.Exact ? "the same file as" : pair.Mirrored ? "a mirror image of" : "almost the same picture as", findings, pair.Exact);
        }

        // What spoils a test first.
        return [.. same.OrderByDescending(p => EqualFiles.IsTraining(p.First) != EqualFiles.IsTraining(p.Other)).ThenByDescending(p => p.IsExact)
            .ThenByDescending(p => p.Similarity)];
    }

    private static List<Suspect> ImageSuspects(
        List<LabelledImage> images, (ImageFingerprint? Print, string? Hash)[] prints, int threads, CancellationToken cancel)
    {
        var isMulti = images.Exists(i => i.Labels.Count > 1);
        List<int> rows = [.. Enumerable.Range(0, images.Count).Where(i => prints[i].Print is not null && images[i].Labels.Count > 0)];
        List<string> labels = [.. rows.SelectMany(i => images[i].Labels).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        var data = new LabelledEmbeddings(
            [.. rows.Select(i => prints[i].Print!.Embedding)], [.. rows.Select(i => (IReadOnlyList<int>)[.. images[i].Labels.Select(l => labels.IndexOf(l))])],
            labels.Count, isMulti);
        return [.. LabelSuspects.Find(data, SuspectsMax, threads, cancel)
            .Select(s => new Suspect(images[rows[s.Row]], null, labels[s.Label], s.Score, labels[s.Likelier], s.LikelierScore))];
    }

    private static List<Suspect> BoxSuspects(
        List<LabelledImage> images, Dictionary<int, List<int>> judged, Half[][][] crops, int threads, CancellationToken cancel)
    {
        List<(int Image, ImageBox Box, Half[] Crop)> rows =
        [
            .. judged.SelectMany(j => j.Value.Take(crops[j.Key].Length).Select((b, at) => (j.Key, images[j.Key].Boxes[b], crops[j.Key][at]))),
        ];
        List<string> labels = [.. rows.Select(r => r.Box.Label).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        var data = new LabelledEmbeddings(
            [.. rows.Select(r => r.Crop)], [.. rows.Select(r => (IReadOnlyList<int>)[labels.IndexOf(r.Box.Label)])], labels.Count, false);
        return [.. LabelSuspects.Find(data, SuspectsMax, threads, cancel)
            .Select(s => new Suspect(images[rows[s.Row].Image], rows[s.Row].Box, labels[s.Label], s.Score, labels[s.Likelier], s.LikelierScore))];
    }
}
