using System.Globalization;
using System.Text.Json.Nodes;

namespace Ocellus.Datasets.Manifests;

internal static partial class LineParser
{
    private static void CheckBoxes(ParsedLine parsed, LabelAttribute attribute, JsonObject? value, JsonObject metadata, bool common,
        Action<string, string, IssueLevel> fail, Action failValue, Action failMetadata)
    {
        var sizeNode = value?["image_size"] is JsonArray { Count: 1 } sizes ? sizes[0] : value?["image_size"];
        if (value is null || sizeNode is not JsonObject size
            || !IsInteger(size["width"], out var imageWidth) || !IsInteger(size["height"], out var imageHeight) || !IsInteger(size["depth"], out var depth)
            || (value["annotations"] is not JsonArray && value.ContainsKey("annotations")))
        {
            failValue();
            return;
        }

        attribute.ImageWidth = imageWidth;
        attribute.ImageHeight = imageHeight;
        attribute.ImageDepth = (int)Math.Clamp(depth, 0, int.MaxValue);
        var annotations = value["annotations"] as JsonArray ?? [];
        var raw = new List<(long Class, double Left, double Top, double Width, double Height)>(annotations.Count);
        foreach (var node in annotations)
        {
            if (node is not JsonObject box || !IsInteger(box["class_id"], out var id)
                || Number(box["left"]) is not { } left || Number(box["top"]) is not { } top
                || Number(box["width"]) is not { } width || Number(box["height"]) is not { } height)
            {
                failValue();
                return;
            }

            raw.Add((id, left, top, width, height));
        }

        if (!common || metadata["objects"] is not JsonArray objects || metadata["class-map"] is not JsonObject map
            || map.Any(pair => string.IsNullOrEmpty(Text(pair.Value))))
        {
            failMetadata();
            return;
        }

        if (objects.Count < raw.Count || objects.Take(raw.Count).Any(item => item is not JsonObject inner || Number(inner["confidence"]) is null))
        {
            fail("ERROR_MISSING_BOUNDING_BOX_CONFIDENCE", "One or more bounding boxes has a missing confidence value.", IssueLevel.Metadata);
            return;
        }

        var labels = raw.ConvertAll(box => Text(map[box.Class.ToString(CultureInfo.InvariantCulture)]));
        if (labels.Contains(null))
        {
            fail("ERROR_MISSING_CLASS_MAP_ID", "One of more class ids is missing from the class map.", IssueLevel.Metadata);
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
            fail("ERROR_INVALID_LABEL_NAME_LENGTH", "The label name is too long.", IssueLevel.Metadata);
            sound = false;
        }

        if (imageWidth is < (long)SideMin or > (long)SideMax || imageHeight is < (long)SideMin or > (long)SideMax)
        {
            fail("ERROR_INVALID_IMAGE_DIMENSION", "The image dimension(s) do not conform to allowed dimensions.", IssueLevel.Attribute);
            sound = false;
        }

        if (raw.Count > BoxesMax)
        {
            fail("ERROR_TOO_MANY_BOUNDING_BOXES", "There are more bounding boxes than the allowed maximum.", IssueLevel.Attribute);
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
                parsed.Add(new LineIssue("ERROR_INVALID_BOUNDING_BOX", "The bounding box has off frame values.", IssueLevel.Box, attribute.Name, index));
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
            fail("ERROR_NO_VALID_ANNOTATIONS", "No valid annotations found.", IssueLevel.Attribute);
            sound = false;
        }

        attribute.IsValid = sound;
    }
}
