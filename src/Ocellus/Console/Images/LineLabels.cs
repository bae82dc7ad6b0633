using System.Globalization;
using System.Text.Json.Nodes;
using Ocellus.Datasets.Manifests;
using Ocellus.Training.Child;
using Ocellus.Vision.Images;

namespace Ocellus.Console.Images;

/// <summary>Reads labels from a manifest line, and writes them into it. All else that the line holds stays.</summary>
internal static class LineLabels
{
    private static readonly string[] _reserved =
        ["source-ref", "cl-metadata", "cl-errors", "errors", "warnings", "rekognition-custom-labels-object-id", "line-idx"];

    /// <summary>The labels of a line.</summary>
    /// <param name="line">The line.</param>
    /// <param name="header">Of its image; null if the image cannot be read. Boxes are then as the line has them.</param>
    public static ImageLabels Read(ParsedLine line, ImageHeader? header) => new(
        [.. Images(line).Select(a => a.ClassName).Distinct(StringComparer.Ordinal)],
        [.. Boxes(line).SelectMany(a => a.Boxes.Select(b => Rect(a, b, header)))]);

    /// <summary>A stored entry with other labels.</summary>
    /// <param name="entry">The entry.</param>
    /// <param name="now">Its new labels.</param>
    /// <param name="header">Of its image; needed for boxes.</param>
    /// <param name="byEye">Whether a person looked at this image: what changes is then <c>human-annotated</c>.</param>
    /// <param name="time">When.</param>
    /// <returns>The line as a client of the API would send it.</returns>
    public static string Write(string entry, ImageLabels now, ImageHeader? header, bool byEye, DateTimeOffset time)
    {
        var line = Content(entry);
        var parsed = Parse(entry);
        var stamp = new Stamp(byEye ? "yes" : "no", time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture));
        WriteLabels(line, parsed, now.Labels, stamp);
        WriteBoxes(line, parsed, now.Boxes, header, stamp);
        return line.ToJsonString(ParsedLine.Compact);
    }

    /// <summary>A stored entry whose labels a person has confirmed.</summary>
    public static string Approve(string entry)
    {
        var line = Content(entry);
        foreach (var attribute in Parse(entry).Attributes)
        {
            if (line[attribute.Name + LineParser.MetadataSuffix] is JsonObject metadata && attribute.HumanAnnotated == "no")
            {
                metadata["human-annotated"] = "yes";
            }
        }

        return line.ToJsonString(ParsedLine.Compact);
    }

    /// <summary>A stored entry with another name for one of its labels. Where it then has a label twice, one is dropped.</summary>
    public static string Rename(string entry, string from, string to)
    {
        var line = Content(entry);
        var parsed = Parse(entry);
        var has = Images(parsed).Any(a => a.ClassName == to);
        foreach (var attribute in Images(parsed).Where(a => a.ClassName == from))
        {
            if (has)
            {
                Remove(line, attribute.Name);
            }
            else
            {
                line[attribute.Name + LineParser.MetadataSuffix]!["class-name"] = to;
                has = true;
            }
        }

        foreach (var map in Boxes(parsed).Select(a => line[a.Name + LineParser.MetadataSuffix]?["class-map"]).OfType<JsonObject>())
        {
            foreach (var id in map.Where(p => (string?)p.Value == from).Select(p => p.Key).ToList())
            {
                map[id] = to;
            }
        }

        return line.ToJsonString(ParsedLine.Compact);
    }

    public static ParsedLine Parse(string entry) => LineParser.Parse(new ManifestLine(1, entry));

    private static IEnumerable<LabelAttribute> Images(ParsedLine line) => line.Attributes.Where(a => a.Kind == AttributeKind.ImageLevel && a.IsValid);

    private static IEnumerable<LabelAttribute> Boxes(ParsedLine line) =>
        line.Attributes.Where(a => a.Kind == AttributeKind.Boxes && (a.IsEmpty || a.Boxes.Count > 0));

    private static JsonObject Content(string entry)
    {
        var line = JsonNode.Parse(entry)!.AsObject();
        LineParser.Strip(line);
        return line;
    }

    private static LabelledRect Rect(LabelAttribute attribute, ManifestBox box, ImageHeader? header)
    {
        var (left, top, right, bottom) = (box.Left, box.Top, box.Left + box.Width, box.Top + box.Height);
        if (header is { } image && !IsUpright(attribute, image))
        {
            var upright = new BoxFrame(attribute.ImageWidth, attribute.ImageHeight, image).ToUpright(box.Left, box.Top, box.Width, box.Height);
            (left, right) = ((double)upright.Left * image.UprightWidth, (double)(upright.Left + upright.Width) * image.UprightWidth);
            (top, bottom) = ((double)upright.Top * image.UprightHeight, (double)(upright.Top + upright.Height) * image.UprightHeight);
        }

        // Edges are rounded, not sizes, so that neighbours that touch still do.
        int x = Round(left), y = Round(top);
        return new(box.Label, x, y, Round(right) - x, Round(bottom) - y);

        static int Round(double value) => (int)Math.Round(value, MidpointRounding.AwayFromZero);
    }

    private static bool IsUpright(LabelAttribute attribute, ImageHeader header) =>
        attribute.ImageWidth == header.UprightWidth && attribute.ImageHeight == header.UprightHeight;

    private static void WriteLabels(JsonObject line, ParsedLine parsed, IReadOnlyList<string> labels, Stamp stamp)
    {
        var missing = new List<string>(labels.Distinct(StringComparer.Ordinal));
        foreach (var attribute in Images(parsed))
        {
            if (!missing.Remove(attribute.ClassName))
            {
                Remove(line, attribute.Name);
            }
        }

        foreach (var label in missing)
        {
            var name = Name(line, label);
            line[name] = 1;
            line[name + LineParser.MetadataSuffix] = new JsonObject
            {
                ["class-name"] = label,
                ["confidence"] = 1,
                ["type"] = "groundtruth/image-classification",
                ["human-annotated"] = stamp.Human,
                ["creation-date"] = stamp.Date,
            };
        }
    }

    /// <summary>A free name for a label's attribute: the label itself where it can be one.</summary>
    private static string Name(JsonObject line, string label)
    {
        var stem = _reserved.Contains(label) || label.EndsWith(LineParser.MetadataSuffix, StringComparison.Ordinal) ? "label" : label;
        return Enumerable.Range(1, int.MaxValue - 1).Select(n => n == 1 ? stem : string.Create(CultureInfo.InvariantCulture, $"{stem}-{n}"))
            .First(n => !line.ContainsKey(n) && !line.ContainsKey(n + LineParser.MetadataSuffix));
    }

    private static void WriteBoxes(JsonObject line, ParsedLine parsed, IReadOnlyList<LabelledRect> boxes, ImageHeader? header, Stamp stamp)
    {
        var attributes = Boxes(parsed).ToList();
        var missing = new List<LabelledRect>(boxes);
        var kept = attributes.ConvertAll(a => a.Boxes.Select(b => Rect(a, b, header)).Select(r => missing.Remove(r) ? r : null).ToList());
        for (var i = 0; i < attributes.Count; i++)
        {
            var more = i == 0 ? missing : [];
            if (more.Count == 0 && kept[i].TrueForAll(r => r is not null))
            {
                continue;
            }

            if (more.Count == 0 && kept[i].TrueForAll(r => r is null))
            {
                Remove(line, attributes[i].Name);
                continue;
            }

            new BoxValue(line, attributes[i].Name).Change(kept[i], more, header, header is { } image && !IsUpright(attributes[i], image), stamp);
        }

        if (attributes.Count == 0 && missing.Count > 0)
        {
            var name = Name(line, "boxes");
            new BoxValue(line, name).Change([], missing, header, true, stamp);
        }
    }

    private static void Remove(JsonObject line, string attribute)
    {
        line.Remove(attribute);
        line.Remove(attribute + LineParser.MetadataSuffix);
    }

    /// <summary>What a changed attribute says of its making.</summary>
    /// <param name="Human"><c>yes</c> or <c>no</c>.</param>
    /// <param name="Date">ISO 8601, UTC.</param>
    internal sealed record Stamp(string Human, string Date);
}
