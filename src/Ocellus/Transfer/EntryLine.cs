using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Ocellus.Datasets.Manifests;

namespace Ocellus.Transfer;

/// <summary>A line of a dataset, as one server lists it and another takes it.</summary>
/// <param name="Text">The line, compact, without what a service has written into it.</param>
/// <param name="SourceRef">Its <c>source-ref</c>.</param>
/// <param name="Bucket">Bucket of its image.</param>
/// <param name="Key">Key of its image.</param>
/// <param name="Meaning">Labels and boxes as one text, the same for lines that mean the same; empty for none.</param>
/// <param name="HasBoxes">It has a valid box.</param>
/// <param name="HasLabels">It has a valid label of the image as a whole.</param>
internal sealed record EntryLine(string Text, string SourceRef, string Bucket, string Key, string Meaning, bool HasBoxes, bool HasLabels)
{
    /// <summary>Reads a line; null if it is no JSON object with a <c>source-ref</c> in S3.</summary>
    public static EntryLine? Read(string line)
    {
        var parsed = LineParser.Parse(new ManifestLine(1, line));
        if (parsed.Content is not { } content || parsed.Bucket.Length == 0)
        {
            return null;
        }

        return new(
            content.ToJsonString(ParsedLine.Compact), parsed.SourceRef, parsed.Bucket, parsed.Key, MeaningOf(parsed), parsed.HasBoxes, parsed.HasImageLevel);
    }

    /// <summary>The same line for an image elsewhere.</summary>
    public EntryLine At(string bucket, string key)
    {
        var content = JsonNode.Parse(Text)!.AsObject();
        var place = $"s3://{bucket}/{key}";
        content["source-ref"] = place;
        return this with { Text = content.ToJsonString(ParsedLine.Compact), SourceRef = place, Bucket = bucket, Key = key };
    }

    /// <summary>A fixed number of bytes that stands for a text.</summary>
    public static ulong Digest(string text) => BitConverter.ToUInt64(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private static string MeaningOf(ParsedLine line)
    {
        // Dates, confidences and the names of attributes differ between tools that mean the same.
        var labels = line.ImageLabels.Order(StringComparer.Ordinal).Select(l => $"label {l}");
        var boxes = line.ValidBoxes
            .Select(b => string.Create(CultureInfo.InvariantCulture, $"box {b.Label} {b.Left:F2} {b.Top:F2} {b.Width:F2} {b.Height:F2}"))
            .Order(StringComparer.Ordinal);
        return string.Join('\n', labels.Concat(boxes));
    }
}
