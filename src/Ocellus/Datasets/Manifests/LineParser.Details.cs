using System.Globalization;
using System.Text.Json.Nodes;
using Ocellus.Encodings;

namespace Ocellus.Datasets.Manifests;

/// <summary>What exactly is wrong with a member, in words: AWS's own texts name neither the member nor what it should be.</summary>
internal static partial class LineParser
{
    private static readonly string[] _edges = ["left", "top", "width", "height"];

    private static readonly string[] _sides = ["width", "height", "depth"];

    private const string DateExample = "2021-03-04T10:20:30";

    /// <summary>What is wrong with the members that every label attribute's metadata has; null if nothing is.</summary>
    private static string? CommonFault(string name, JsonObject metadata)
    {
        if (Text(metadata["human-annotated"]) is not ("yes" or "no"))
        {
            return Wrong(name, metadata, "human-annotated", "\"yes\" or \"no\"");
        }

        return !IsDate(Text(metadata["creation-date"]) ?? "") ? Wrong(name, metadata, "creation-date", $"a date such as \"{DateExample}\"")
            : metadata.ContainsKey("job-name") && Text(metadata["job-name"]) is null ? Wrong(name, metadata, "job-name", "a text")
            : null;
    }

    /// <summary>What is wrong with the metadata of an image-level label; null if nothing is.</summary>
    private static string? LabelFault(string name, JsonObject metadata) =>
        CommonFault(name, metadata)
            ?? (string.IsNullOrEmpty(Text(metadata["class-name"])) ? Wrong(name, metadata, "class-name", "the name of a label") : null)
            ?? (IsConfidence(metadata["confidence"]) ? null : Wrong(name, metadata, "confidence", "a number from 0 to 1"));

    /// <summary>What is wrong with the metadata of boxes; null if nothing is.</summary>
    private static string? BoxesFault(string name, JsonObject metadata)
    {
        if (CommonFault(name, metadata) is { } fault)
        {
            return fault;
        }

        if (metadata["objects"] is not JsonArray)
        {
            return Wrong(name, metadata, "objects", "an array with a confidence for each box");
        }

        return metadata["class-map"] is not JsonObject map ? Wrong(name, metadata, "class-map", "an object such as {\"0\": \"ripe\"}")
            : map.FirstOrDefault(pair => string.IsNullOrEmpty(Text(pair.Value))).Key is { } empty
                ? $"The class-map of `{Name(name)}{MetadataSuffix}` has no name for class {Readable.Truncate(empty)}."
            : null;
    }

    /// <summary>What is wrong with the value of a box attribute; null if nothing is.</summary>
    private static string? ValueFault(string name, JsonObject? value)
    {
        if (value is null)
        {
            return $"`{Name(name)}` must be an object with image_size and annotations.";
        }

        var size = value["image_size"] is JsonArray { Count: 1 } sizes ? sizes[0] : value["image_size"];
        if (size is not JsonObject sides)
        {
            return Wrong(name, value, "image_size", "an array of one object with width, height and depth", suffix: "");
        }

        foreach (var side in _sides)
        {
            if (!IsInteger(sides[side], out _))
            {
                return $"image_size of `{Name(name)}` {Has(sides, side)}; {side} must be a whole number.";
            }
        }

        if (value["annotations"] is not JsonArray annotations)
        {
            return value.ContainsKey("annotations") ? $"annotations of `{Name(name)}` must be an array." : null;
        }

        for (var index = 0; index < annotations.Count; index++)
        {
            if (annotations[index] is not JsonObject box)
            {
                return $"Box {index + 1} of `{Name(name)}` must be an object.";
            }

            if (!IsInteger(box["class_id"], out _))
            {
                return $"Box {index + 1} of `{Name(name)}` {Has(box, "class_id")}; class_id must be a whole number.";
            }

            if (_edges.FirstOrDefault(edge => Number(box[edge]) is null) is { } edge)
            {
                return $"Box {index + 1} of `{Name(name)}` {Has(box, edge)}; {edge} must be a number of pixels.";
            }
        }

        return null;
    }

    private static string Off(long imageWidth, long imageHeight, double left, double top, double width, double height) =>
        string.Create(
            CultureInfo.InvariantCulture, $"It has left {left}, top {top}, width {width} and height {height} in an image of {imageWidth}×{imageHeight}.");

    private static string Wrong(string name, JsonObject holder, string member, string right, string suffix = MetadataSuffix) =>
        $"`{Name(name)}{suffix}` {Has(holder, member)}{(holder.ContainsKey(member) ? $"; it must be {right}" : $", {right}")}.";

    private static string Has(JsonObject holder, string member) =>
        holder.TryGetPropertyValue(member, out var value)
            ? $"has {member} {Readable.Truncate(value?.ToJsonString(ParsedLine.Compact) ?? "null")}"
            : $"lacks {member}";

    private static string Name(string name) => Readable.Truncate(name);

    /// <summary>Adds the issues of one label attribute: AWS's text first, then what exactly is wrong.</summary>
    private sealed record Report(ParsedLine Line, string Attribute)
    {
        public void Fail(string code, string message, IssueLevel level, string? detail = null) =>
            Line.Add(new LineIssue(code, message, level, Attribute) { Detail = detail });

        public void Metadata(string detail) =>
            Fail(
                "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", "The format of the label attribute metadata is invalid.", IssueLevel.Metadata, detail);

        public void Value(string detail) =>
            Fail("ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", $"The format of the label attribute {Attribute} is invalid.", IssueLevel.Attribute, detail);
    }
}
