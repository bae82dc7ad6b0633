using System.Text.Json;
using Ocellus.Encodings;
using Ocellus.Training.Child;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Images;

namespace Ocellus.Console.Models;

/// <summary>
/// Reads lines of a test's snapshot, which is in a bucket: its owner may have changed it. What is not as the product writes it is left out.
/// </summary>
internal static class SnapshotReader
{
    private const string Training = "rekognition-custom-labels-training", Evaluation = "rekognition-custom-labels-evaluation";
    private const string Metadata = "-metadata", Details = Evaluation + "-details";

    private static readonly JsonDocumentOptions _bounds = new() { MaxDepth = JsonDepth.LineMax };

    /// <summary>Name of the image of a line; null if the line is not one of a snapshot.</summary>
    public static string? NameOf(string line)
    {
        using var json = Parse(line);
        return json is not null && Text(json.RootElement, "source-ref") is { } name ? name : null;
    }

    /// <summary>What a classifier said of an image; null if the line is not one of a classifier's snapshot.</summary>
    /// <param name="line">A line.</param>
    /// <param name="labels">Index of each label of the model.</param>
    /// <param name="fact">Version and aspect of the image.</param>
    public static TestedImage? Classified(string line, IReadOnlyDictionary<string, int> labels, (string Version, double Aspect) fact)
    {
        using var json = Parse(line);
        if (json is null || Text(json.RootElement, "source-ref") is not { } name)
        {
            return null;
        }

        var scores = new float[labels.Count];
        var truth = new List<int>();
        for (var i = 0; Find(json.RootElement, $"{Evaluation}-{i}{Metadata}") is { } said; i++)
        {
            if (Text(said, "class-name") is { } label && labels.TryGetValue(label, out var at))
            {
                scores[at] = (float)Math.Clamp(Number(said, "confidence"), 0, 1);
                if (IsPresent(said))
                {
                    truth.Add(at);
                }
            }
        }

        return new(name, fact.Version, fact.Aspect, truth, scores, null, null);
    }

    /// <summary>What a detector found in an image; null if the line is not one of a detector's snapshot.</summary>
    /// <param name="line">A line.</param>
    /// <param name="labels">Index of each label of the model.</param>
    /// <param name="version">Names the image's content.</param>
    /// <param name="header">Of the image; null if it has not been read: its boxes are then taken as those of the upright image.</param>
    public static TestedImage? Detected(string line, IReadOnlyDictionary<string, int> labels, string version, ImageHeader? header)
    {
        using var json = Parse(line);
        if (json is null || Text(json.RootElement, "source-ref") is not { } name || Find(json.RootElement, Evaluation) is not { } said
            || Find(json.RootElement, Evaluation + Metadata) is not { } about)
        {
            return null;
        }

        var truth = new List<(int Label, Box Box)>();
        for (var i = 0; Find(json.RootElement, $"{Training}-{i}") is { } value; i++)
        {
            truth.AddRange(Boxes(value, Find(json.RootElement, $"{Training}-{i}{Metadata}"), labels, header).Select(b => (b.Label, b.Box)));
        }

        var objects = Items(about, "objects");
        var taken = new HashSet<int>();
        var found = new List<FoundBox>();
        // Best first, as the test matched them: each takes the true box of its label that it overlaps most.
        foreach (var (label, box, place) in Boxes(said, about, labels, header)
            .Where(b => b.Place < objects.Count).OrderByDescending(b => Number(objects[b.Place], "confidence")))
        {
            var score = (float)Math.Clamp(Number(objects[place], "confidence"), 0, 1);
            if (score <= 0)
            {
                // A true box for which nothing was found.
                continue;
            }

            int? match = null;
            if (IsPresent(objects[place]))
            {
                match = truth.Index().Where(t => t.Item.Label == label && !taken.Contains(t.Index))
                    .OrderByDescending(t => BoxOverlap.Iou(box, t.Item.Box)).Select(t => (int?)t.Index).FirstOrDefault();
                if (match is { } one)
                {
                    taken.Add(one);
                }
            }

            found.Add(new(label, score, Share(box.Left), Share(box.Top), Share(box.Width), Share(box.Height), match));
        }

        var (width, height) = SizeOf(said);
        return new(
            name, version, header is { } known ? Math.Round((double)known.UprightWidth / known.UprightHeight, 3) : Math.Round(width / height, 3), null, null,
            [.. truth.Select(t => new ShownBox(t.Label, Share(t.Box.Left), Share(t.Box.Top), Share(t.Box.Width), Share(t.Box.Height)))], found);
    }

    /// <summary>Whether a line has a box below its threshold that matches nothing: then the snapshot has all of them.</summary>
    public static bool HasRejected(string line) => line.Contains("\"is-true-negative\":true", StringComparison.Ordinal);

    private static IEnumerable<(int Label, Box Box, int Place)> Boxes(
        JsonElement value, JsonElement? about, IReadOnlyDictionary<string, int> labels, ImageHeader? header)
    {
        var (width, height) = SizeOf(value);
        if (about is not { } metadata || Find(metadata, "class-map") is not { } map)
        {
            yield break;
        }

        var frame = new BoxFrame(width, height, header ?? new ImageHeader(ImageFormat.Jpeg, (int)width, (int)height, 1));
        foreach (var (place, item) in Items(value, "annotations").Index())
        {
            if (Text(map, ((int)Number(item, "class_id")).ToString(System.Globalization.CultureInfo.InvariantCulture)) is { } name
                && labels.TryGetValue(name, out var label)
                && frame.ToUpright(Number(item, "left"), Number(item, "top"), Number(item, "width"), Number(item, "height")) is var box
                && float.IsFinite(box.Left) && float.IsFinite(box.Top) && float.IsFinite(box.Width) && float.IsFinite(box.Height))
            {
                yield return (label, box, place);
            }
        }
    }

    private static (double Width, double Height) SizeOf(JsonElement value) =>
        Items(value, "image_size").Take(1).Select(s => (Number(s, "width"), Number(s, "height"))).FirstOrDefault()
            is ( >= 1 and <= int.MaxValue, >= 1 and <= int.MaxValue) and var size ? size : (1, 1);

    private static bool IsPresent(JsonElement said) =>
        Find(said, Details) is { } details && Find(details, "is-present-in-ground-truth") is { ValueKind: JsonValueKind.True };

    private static double Share(float share) => Math.Round(share, 5);

    private static JsonDocument? Parse(string line)
    {
        try
        {
            return JsonDocument.Parse(line, _bounds);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static JsonElement? Find(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var found) ? found : null;

    private static List<JsonElement> Items(JsonElement parent, string name) =>
        Find(parent, name) is { ValueKind: JsonValueKind.Array } list ? [.. list.EnumerateArray()] : [];

    private static string? Text(JsonElement parent, string name) =>
        Find(parent, name) is { ValueKind: JsonValueKind.String } found ? found.GetString() : null;

    private static double Number(JsonElement parent, string name) =>
        Find(parent, name) is { ValueKind: JsonValueKind.Number } found && found.TryGetDouble(out var number) && double.IsFinite(number) ? number : 0;
}
