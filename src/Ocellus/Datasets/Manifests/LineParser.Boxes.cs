using System.Globalization;
using System.Text.Json.Nodes;

namespace Ocellus.Datasets.Manifests;

internal static partial class LineParser
{
    private static void CheckBoxes(ParsedLine parsed, LabelAttribute attribute, JsonObject? value, JsonObject metadata, Report report)
    {
        if (ValueFault(attribute.Name, value) is { } valueFault)
        {
            report.Value(valueFault);
            return;
        }

        var size = (value!["image_size"] is JsonArray sizes ? sizes[0] : value["image_size"])!;
        IsInteger(size["width"], out var imageWidth);
        IsInteger(size["height"], out var imageHeight);
        IsInteger(size["depth"], out var depth);
        attribute.ImageWidth = imageWidth;
        attribute.ImageHeight = imageHeight;
        attribute.ImageDepth = (int)Math.Clamp(depth, 0, int.MaxValue);
        var annotations = value["annotations"] as JsonArray ?? [];
        var raw = new List<(long Class, double Left, double Top, double Width, double Height)>(annotations.Count);
        foreach (var box in annotations)
        {
            IsInteger(box!["class_id"], out var id);
            raw.Add((id, Edge("left"), Edge("top"), Edge("width"), Edge("height")));

            double Edge(string name) => Number(box[name])!.Value;
        }

        if (BoxesFault(attribute.Name, metadata) is { } metadataFault)
        {
            report.Metadata(metadataFault);
            return;
        }

        var (objects, map) = ((JsonArray)metadata["objects"]!, (JsonObject)metadata["class-map"]!);
        if (objects.Count < raw.Count || objects.Take(raw.Count).Any(item => item is not JsonObject inner || Number(inner["confidence"]) is null))
        {
            report.Fail(
                "ERROR_MISSING_BOUNDING_BOX_CONFIDENCE", "One or more bounding boxes has a missing confidence value.", IssueLevel.Metadata,
                $"`{Name(attribute.Name)}{MetadataSuffix}` needs in objects a confidence for each of the {raw.Count} boxes.");
            return;
        }

        var labels = raw.ConvertAll(box => Text(map[box.Class.ToString(CultureInfo.InvariantCulture)]));
        if (labels.Contains(null))
        {
            report.Fail(
                "ERROR_MISSING_CLASS_MAP_ID", "One of more class ids is missing from the class map.", IssueLevel.Metadata,
                $"The class-map of `{Name(attribute.Name)}{MetadataSuffix}` lacks class {raw[labels.IndexOf(null)].Class}.");
            return;
        }

        if (raw.Count == 0)
        {
            attribute.IsEmpty = true;
            parsed.Add(
                new LineIssue(
                    "WARNING_NO_ATTRIBUTE_ANNOTATIONS", "No attribute annotations were found.", IssueLevel.Attribute, attribute.Name, IsWarning: true));
            return;
        }

        var sound = true;
        if (labels.Exists(label => label!.Length > LabelLengthMax))
        {
            report.Fail("ERROR_INVALID_LABEL_NAME_LENGTH", "The label name is too long.", IssueLevel.Metadata);
            sound = false;
        }

        if (imageWidth is < (long)SideMin or > (long)SideMax || imageHeight is < (long)SideMin or > (long)SideMax)
        {
            report.Fail(
                "ERROR_INVALID_IMAGE_DIMENSION", "The image dimension(s) do not conform to allowed dimensions.", IssueLevel.Attribute,
                $"image_size is {imageWidth}×{imageHeight}; each side must be from {SideMin} to {SideMax}.");
            sound = false;
        }

        if (raw.Count > BoxesMax)
        {
            report.Fail(
                "ERROR_TOO_MANY_BOUNDING_BOXES", "There are more bounding boxes than the allowed maximum.", IssueLevel.Attribute,
                $"It has {raw.Count} boxes; the maximum is {BoxesMax}.");
            sound = false;
        }

        var scale = Math.Min(1, ScaledSideMax / Math.Max(1, Math.Max(imageWidth, imageHeight)));
        var boxes = new List<ManifestBox>(raw.Count);
        for (var index = 0; index < raw.Count; index++)
        {
            var (_, left, top, width, height) = raw[index];
            var inside = left >= 0 && top >= 0 && width >= 0 && height >= 0 && left + width <= imageWidth && top + height <= imageHeight;
            var large = width * scale > 1 && height * scale > 1;
            if (!inside)
            {
                parsed.Add(
                    new LineIssue("ERROR_INVALID_BOUNDING_BOX", "The bounding box has off frame values.", IssueLevel.Box, attribute.Name, index)
                    {
                        Detail = Off(imageWidth, imageHeight, left, top, width, height),
                    });
            }
            else if (!large)
            {
                parsed.Add(
                    new LineIssue(
                        "ERROR_BOUNDING_BOX_TOO_SMALL", "The height and width of the bounding box is too small.", IssueLevel.Box, attribute.Name, index));
            }

            boxes.Add(new ManifestBox(index, labels[index]!, left, top, width, height, inside && large));
        }

        attribute.Boxes = boxes;
        if (!boxes.Exists(box => box.IsValid))
        {
            report.Fail("ERROR_NO_VALID_ANNOTATIONS", "No valid annotations found.", IssueLevel.Attribute);
            sound = false;
        }

        attribute.IsValid = sound;
    }
}
