using System.Globalization;
using System.Text.Json.Nodes;
using Ocellus.Datasets.Manifests;
using Ocellus.Refusals;
using Ocellus.Vision.Images;

namespace Ocellus.Console.Images;

/// <summary>The value and metadata of a label attribute with boxes, in a line that is being changed.</summary>
internal sealed class BoxValue
{
    private readonly JsonObject _value;
    private readonly JsonObject _metadata;

    /// <param name="line">The line; gets an empty attribute if it has none of the name.</param>
    /// <param name="name">Of the attribute.</param>
    public BoxValue(JsonObject line, string name)
    {
        _value = (JsonObject)(line[name] ??= new JsonObject { ["image_size"] = new JsonArray(), ["annotations"] = new JsonArray() });
        _metadata = (JsonObject)(line[name + LineParser.MetadataSuffix] ??= new JsonObject
        {
            ["objects"] = new JsonArray(),
            ["class-map"] = new JsonObject(),
            ["type"] = "groundtruth/object-detection",
        });
    }

    /// <summary>Drops and adds boxes.</summary>
    /// <param name="kept">For each box that the line has, its place in the upright image; null drops it.</param>
    /// <param name="added">Further boxes.</param>
    /// <param name="header">Of the image.</param>
    /// <param name="turned">Whether the line's boxes are in another frame than the upright image: all are then written anew in that.</param>
    /// <param name="stamp">When and how.</param>
    /// <exception cref="RefusedException">InvalidImage: there is no header, so the size is not known.</exception>
    public void Change(
        IReadOnlyList<LabelledRect?> kept, IReadOnlyList<LabelledRect> added, ImageHeader? header, bool turned, LineLabels.Stamp stamp)
    {
        var boxes = _value["annotations"] as JsonArray ?? (JsonArray)(_value["annotations"] = new JsonArray())!;
        var objects = (JsonArray)_metadata["objects"]!;
        for (var i = kept.Count - 1; i >= 0; i--)
        {
            if (kept[i] is null)
            {
                boxes.RemoveAt(i);
                objects.RemoveAt(i);
            }
        }

        if (turned || boxes.Count == 0)
        {
            var image = header
                ?? throw new RefusedException(RefusalKind.InvalidImage, "The image cannot be read, so its size is not known; boxes need a readable image.");
            _value["image_size"] = new JsonArray(new JsonObject { ["width"] = image.UprightWidth, ["height"] = image.UprightHeight, ["depth"] = 3 });
            foreach (var (box, rect) in boxes.Zip(kept.OfType<LabelledRect>()))
            {
                Place((JsonObject)box!, rect);
            }
        }

        foreach (var rect in added)
        {
            var box = new JsonObject { ["class_id"] = ClassOf(rect.Label) };
            Place(box, rect);
            boxes.Add((JsonNode)box);
            objects.Insert(boxes.Count - 1, new JsonObject { ["confidence"] = 1 });
        }

        DropUnusedClasses(boxes);
        _metadata["human-annotated"] = stamp.Human;
        _metadata["creation-date"] = stamp.Date;
    }

    private static void Place(JsonObject box, LabelledRect rect)
    {
        box["left"] = rect.Left;
        box["top"] = rect.Top;
        box["width"] = rect.Width;
        box["height"] = rect.Height;
    }

    private int ClassOf(string label)
    {
        var map = (JsonObject)_metadata["class-map"]!;
        var ids = map.Select(p => (Id: int.TryParse(p.Key, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : -1, Label: (string?)p.Value))
            .ToList();
        if (ids.Find(i => i.Id >= 0 && i.Label == label) is { Label: not null } known)
        {
            return known.Id;
        }

        var next = ids.Select(i => i.Id).DefaultIfEmpty(-1).Max() + 1;
        map[next.ToString(CultureInfo.InvariantCulture)] = label;
        return next;
    }

    private void DropUnusedClasses(JsonArray boxes)
    {
        var map = (JsonObject)_metadata["class-map"]!;
        var used = boxes.Select(b => IdOf(b!["class_id"]!)).ToHashSet(StringComparer.Ordinal);
        foreach (var id in map.Select(p => p.Key).Where(k => !used.Contains(k)).ToList())
        {
            map.Remove(id);
        }
    }

    /// <summary>Exporters also write 1.0.</summary>
    private static string IdOf(JsonNode node) =>
        ((long)double.Parse(node.ToJsonString(), CultureInfo.InvariantCulture)).ToString(CultureInfo.InvariantCulture);
}
