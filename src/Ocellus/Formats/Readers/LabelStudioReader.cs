using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Ocellus.Encodings;

namespace Ocellus.Formats.Readers;

/// <summary>Label Studio's JSON and JSON-MIN: an array of tasks. Of several annotations of a task the first that was not cancelled counts.</summary>
/// <remarks>https://labelstud.io/guide/task_format: numbers are percents of the picture's sides.</remarks>
internal sealed partial class LabelStudioReader(ReadContext context) : IFormatReader
{
    private static readonly string[] _labelMembers = ["rectanglelabels", "polygonlabels", "ellipselabels", "labels", "choices"];

    public IEnumerable<SourceEntry> Read(CancellationToken cancel)
    {
        foreach (var file in context.Files)
        {
            using var items = new JsonItems(file, context.Limits);
            while (items.Next(out var item))
            {
                cancel.ThrowIfCancellationRequested();
                var place = new SourcePlace(file.Name, item.Line);
                using var task = JsonValues.Parse(item.Json, place);
                if (task.RootElement.ValueKind == JsonValueKind.Object)
                {
                    yield return Entry(task.RootElement, place, file);
                }
            }
        }
    }

    private SourceEntry Entry(JsonElement task, SourcePlace place, SourceFile file)
    {
        var found = new Found();
        var data = task.Member("data") ?? task;
        var isAnnotated = task.Member("data") is null;
        if (task.Member("data") is not null)
        {
            var annotations = task.Items("annotations").Concat(task.Items("completions"))
                .Where(a => a.Member("was_cancelled") is not { ValueKind: JsonValueKind.True }).ToList();
            isAnnotated = annotations.Count > 0;
            if (annotations.Count > 1)
            {
                context.Findings.Warn(
                    "several-annotations", place,
                    string.Create(CultureInfo.InvariantCulture, $"A task has {annotations.Count} annotations; the first was taken."),
                    "Delete the others, or cancel them.");
            }

            foreach (var result in annotations.Take(1).SelectMany(a => a.Items("result")))
            {
                Take(result.Member("value") ?? default, result, place, found);
            }
        }
        else
        {
            foreach (var member in task.EnumerateObject())
            {
                Min(member, place, found);
            }
        }

        var named = data.Text("image", "img", "url", "image_url", "photo", "picture")
            ?? (data.ValueKind == JsonValueKind.Object
                ? data.EnumerateObject().Where(m => m.Value.ValueKind == JsonValueKind.String).Select(m => m.Value.GetString()!)
                    .FirstOrDefault(SourceTree.IsImage)
                : null) ?? "";
        var split = SplitNames.OfPath(named);
        // An uploaded picture has got eight characters before its name, which the person's own files do not have.
        var picture = context.Pictures.Find(named, file.Folder, split).Found
            ?? context.Pictures.Find(Uploaded().Replace(named, "$1"), file.Folder, split).Found;
        return new SourceEntry(picture?.Name ?? Uploaded().Replace(named, "$1"), place)
        {
            Address = named,
            Picture = picture,
            Folder = file.Folder,
            Split = split,
            Labels = found.Labels,
            Boxes = found.Boxes,
            IsRatio = true,
            IsForBoxes = found.Boxes.Count > 0 || (isAnnotated && found.Labels.Count == 0),
            DeclaredWidth = found.Width,
            DeclaredHeight = found.Height,
        };
    }

    /// <summary>A member of JSON-MIN: an array of regions, a choice, or several.</summary>
    private void Min(JsonProperty member, SourcePlace place, Found found)
    {
        if (member.Name is "image" or "id" or "annotator" or "annotation_id" or "created_at" or "updated_at" or "lead_time")
        {
            return;
        }

        if (member.Value.ValueKind == JsonValueKind.Array && JsonValues.Items(member.Value).All(v => v.ValueKind == JsonValueKind.Object))
        {
            foreach (var region in JsonValues.Items(member.Value))
            {
                Take(region, region, place, found);
            }
        }
        else if (member.Value.ValueKind == JsonValueKind.Object)
        {
            found.Labels.AddRange(member.Value.Texts("choices"));
        }
        else if (member.Name is "choice" or "label" or "class" or "choices" && member.Value.ValueKind == JsonValueKind.String)
        {
            found.Labels.Add(member.Value.GetString()!);
        }
    }

    private void Take(JsonElement value, JsonElement result, SourcePlace place, Found found)
    {
        if (result.Number("original_width") is { } width && result.Number("original_height") is { } height)
        {
            (found.Width, found.Height) = (width, height);
        }

        var labels = _labelMembers.SelectMany(m => value.Texts(m)).Distinct(StringComparer.Ordinal).ToList();
        if (value.Member("choices") is not null)
        {
            found.Labels.AddRange(labels);
        }
        else if (labels.Count > 0 && Box(value, labels[0], found) is { } box)
        {
            found.Boxes.AddRange(labels.Select(l => box with { Label = l }));
        }
        else
        {
            context.Findings.Warn(
                "no-area", place, $"A region of kind {Readable.Truncate(result.Text("type") ?? "unknown")} is no labelled box or choice and was left out.",
                "Export boxes, polygons, ellipses or choices.");
        }
    }

    private static ImageBox? Box(JsonElement value, string label, Found found)
    {
        // Turning needs pixels; where the size is not told, a square does for what is not turned.
        var (w, h) = found.Width > 0 && found.Height > 0 ? (found.Width, found.Height) : (1, 1);
        ImageBox? pixels =
            value.Number("x") is { } x && value.Number("y") is { } y
                ? value.Number("width") is { } width && value.Number("height") is { } height
                    ? Shapes.Turned(new(label, x * w, y * h, width * w, height * h), value.Number("rotation") ?? 0, x * w, y * h)
                : value.Number("radiusX") is { } rx && value.Number("radiusY") is { } ry
                    ? Shapes.Turned(new(label, (x - rx) * w, (y - ry) * h, 2 * rx * w, 2 * ry * h), value.Number("rotation") ?? 0, x * w, y * h)
                : null
            : Shapes.Around(
                label, value.Items("points").Select(p => JsonValues.Items(p).Select(n => JsonValues.Number(n) ?? double.NaN).ToArray())
                    .Where(p => p.Length >= 2).Select(p => (p[0] * w, p[1] * h)));
        return pixels is { } b ? new ImageBox(label, b.Left / w / 100, b.Top / h / 100, b.Width / w / 100, b.Height / h / 100) : null;
    }

    [GeneratedRegex(@"(^|/)[0-9a-f]{8}-(?=[^/]+$)")]
    private static partial Regex Uploaded();

    private sealed class Found
    {
        public List<string> Labels { get; } = [];

        public List<ImageBox> Boxes { get; } = [];

        public double Width { get; set; }

        public double Height { get; set; }
    }
}
