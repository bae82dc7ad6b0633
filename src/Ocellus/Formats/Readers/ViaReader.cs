using System.Text.Json;
using Ocellus.Encodings;

namespace Ocellus.Formats.Readers;

/// <summary>VGG Image Annotator: its project file, or its annotations alone. The label of a region is its attribute, whatever it is called.</summary>
internal sealed class ViaReader(ReadContext context) : IFormatReader
{
    private static readonly string[] _names = ["label", "class", "name", "type", "category", "object"];

    public IEnumerable<SourceEntry> Read(CancellationToken cancel)
    {
        foreach (var file in context.Files)
        {
            using var items = new JsonItems(file, context.Limits, "_via_img_metadata");
            while (items.Next(out var item))
            {
                cancel.ThrowIfCancellationRequested();
                if (item.Member.StartsWith("_via_", StringComparison.Ordinal) && item.Member != "_via_img_metadata")
                {
                    continue;
                }

                var place = new SourcePlace(file.Name, item.Line);
                using var image = JsonValues.Parse(item.Json, place);
                if (image.RootElement.Text("filename") is { } name)
                {
                    yield return Entry(image.RootElement, name, place, file);
                }
            }
        }
    }

    private SourceEntry Entry(JsonElement image, string name, SourcePlace place, SourceFile file)
    {
        List<ImageBox> boxes = [];
        foreach (var region in image.Items("regions"))
        {
            var labels = Labels(region.Member("region_attributes"));
            if (labels.Count == 0)
            {
                context.Findings.Error("no-label", place, $"A region of {Readable.Truncate(name)} has no attribute that could be its label.", "Give it one.");
            }
            else if (Box(region.Member("shape_attributes") ?? default) is { } box)
            {
                boxes.AddRange(labels.Select(l => box with { Label = l }));
            }
            else
            {
                context.Findings.Warn("no-area", place, $"A region of {Readable.Truncate(name)} has no area and was left out.", "Draw boxes or polygons.");
            }
        }

        var own = Labels(image.Member("file_attributes"));
        return new SourceEntry(name, place)
        {
            Folder = file.Folder,
            Split = SplitNames.OfPath(file.Name),
            Labels = own,
            Boxes = boxes,
            IsForBoxes = boxes.Count > 0 || own.Count == 0,
        };
    }

    /// <summary>A text, or the options that are ticked, of the attribute that is most likely the label.</summary>
    private static List<string> Labels(JsonElement? attributes)
    {
        if (attributes is not { ValueKind: JsonValueKind.Object } all)
        {
            return [];
        }

        var values = all.EnumerateObject()
            .Where(a => a.Value.ValueKind is JsonValueKind.Object || (a.Value.ValueKind == JsonValueKind.String && a.Value.GetString() != ""))
            .OrderBy(a => Array.IndexOf(_names, a.Name.ToLowerInvariant()) is >= 0 and var at ? at : _names.Length).Select(a => a.Value).ToList();
        return values switch
        {
            [] => [],
            [{ ValueKind: JsonValueKind.String } text, ..] => [text.GetString()!],
            [var ticked, ..] => [.. ticked.EnumerateObject().Where(t => t.Value.ValueKind == JsonValueKind.True).Select(t => t.Name)],
        };
    }

    private static ImageBox? Box(JsonElement shape)
    {
        if (shape.Number("x") is { } x && shape.Number("y") is { } y && shape.Number("width") is { } width && shape.Number("height") is { } height)
        {
            return new ImageBox("", x, y, width, height);
        }

        if (shape.Number("cx") is { } cx && shape.Number("cy") is { } cy)
        {
            var (rx, ry) = shape.Number("r") is { } r ? (r, r) : (shape.Number("rx") ?? 0, shape.Number("ry") ?? 0);
            var box = new ImageBox("", cx - rx, cy - ry, 2 * rx, 2 * ry);
            // VIA tells the angle of an ellipse in radians.
            return rx > 0 ? Shapes.Turned(box, (shape.Number("theta") ?? 0) * 180 / Math.PI, cx, cy) : null;
        }

        return Shapes.Around(
            "", shape.Items("all_points_x")
                .Zip(shape.Items("all_points_y"), (a, b) => (JsonValues.Number(a) ?? double.NaN, JsonValues.Number(b) ?? double.NaN)));
    }
}
