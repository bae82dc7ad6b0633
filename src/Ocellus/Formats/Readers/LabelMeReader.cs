using System.Text.Json;
using Ocellus.Encodings;

namespace Ocellus.Formats.Readers;

/// <summary>LabelMe: a JSON file for each picture. Flags that are set are labels of the picture.</summary>
internal sealed class LabelMeReader(ReadContext context) : IFormatReader
{
    public IEnumerable<SourceEntry> Read(CancellationToken cancel)
    {
        foreach (var file in context.Files)
        {
            cancel.ThrowIfCancellationRequested();
            SourceEntry? entry = null;
            try
            {
                using var document = JsonValues.Parse(file, context.Limits);
                entry = document.RootElement.Member("shapes") is null ? null : Entry(document.RootElement, file);
            }
            catch (InvalidDataException failure)
            {
                context.Findings.Error("bad-json", new(file.Name), failure.Message, "Export it again.");
            }

            if (entry is not null)
            {
                yield return entry;
            }
        }
    }

    private SourceEntry Entry(JsonElement root, SourceFile file)
    {
        List<ImageBox> boxes = [];
        foreach (var shape in root.Items("shapes"))
        {
            var label = shape.Text("label") ?? "";
            if (Box(shape, label) is { } box)
            {
                boxes.Add(box);
            }
            else
            {
                context.Findings.Warn(
                    "no-area", new(file.Name), $"A shape of kind {Readable.Truncate(shape.Text("shape_type") ?? "unknown")} has no area and was left out.",
                    "Draw boxes or polygons.");
            }
        }

        var split = SplitNames.OfPath(file.Name);
        List<string> labels = [.. root.Member("flags") is { ValueKind: JsonValueKind.Object } flags
            ? flags.EnumerateObject().Where(f => f.Value.ValueKind == JsonValueKind.True).Select(f => f.Name) : []];
        var stem = Path.GetFileNameWithoutExtension(file.BaseName);
        var name = root.Text("imagePath") ?? stem;
        var picture = context.Pictures.Find(name, file.Folder, split).Found ?? context.Pictures.Find(stem, file.Folder, split).Found;
        return new SourceEntry(picture?.Name ?? name, new(file.Name))
        {
            Picture = picture,
            Folder = file.Folder,
            Split = split,
            Labels = labels,
            Boxes = boxes,
            IsForBoxes = boxes.Count > 0 || labels.Count == 0,
            DeclaredWidth = root.Number("imageWidth") ?? 0,
            DeclaredHeight = root.Number("imageHeight") ?? 0,
        };
    }

    private static ImageBox? Box(JsonElement shape, string label)
    {
        var points = shape.Items("points").Select(p => JsonValues.Items(p).Select(n => JsonValues.Number(n) ?? double.NaN).ToArray())
            .Where(p => p.Length >= 2).Select(p => (X: p[0], Y: p[1])).ToList();
        if (shape.Text("shape_type") == "circle" && points.Count == 2)
        {
            var radius = Math.Sqrt(Math.Pow(points[1].X - points[0].X, 2) + Math.Pow(points[1].Y - points[0].Y, 2));
            return new ImageBox(label, points[0].X - radius, points[0].Y - radius, 2 * radius, 2 * radius);
        }

        return shape.Text("shape_type") is "point" or "points" or "line" or "linestrip" ? null : Shapes.Around(label, points);
    }
}
