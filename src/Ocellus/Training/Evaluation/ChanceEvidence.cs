using System.Globalization;
using System.Security.Cryptography;
using Ocellus.Encodings;
using Ocellus.Vision.Boxes;

namespace Ocellus.Training.Evaluation;

/// <summary>What may be the reasons of a result that is no better than chance.</summary>
/// <param name="Width">Median width of the images in pixels.</param>
/// <param name="Height">Median height.</param>
/// <param name="NetworkWidth">Width at which the model sees them, in pixels.</param>
/// <param name="NetworkHeight">Height at which the model sees them.</param>
internal sealed record ChanceEvidence(int Width, int Height, int NetworkWidth, int NetworkHeight)
{
    /// <summary>From this many images of each label on, their number is hardly the reason.</summary>
    private const int ImagesEnough = 100;

    /// <summary>The label with the fewest training images, and their number; null if unknown.</summary>
    public (string Label, int Images)? Fewest { get; init; }

    /// <summary>Images that are there more than once, with other labels each time.</summary>
    public int Contradictions { get; init; }

    /// <summary>Median box, in pixels of the network; null if there is none.</summary>
    public (double Width, double Height)? Box { get; init; }

    public string ForClassifier
    {
        get
        {
            var small = "what tells the labels apart is too small to be seen"
                + (Math.Max(Width, Height) > Math.Max(NetworkWidth, NetworkHeight)
                    ? Text($" (images of {Width} × {Height} pixels are looked at as {NetworkWidth} × {NetworkHeight})") : "");
            var contradicting = "labels that contradict each other"
                + (Contradictions > 0 ? Text($" ({Contradictions} images are in the data again with other labels)") : "");
            return Contradictions > 0 ? $"Likely reasons: {contradicting}; {small}; {Few}." : $"Likely reasons: {small}; {Few}; {contradicting}.";
        }
    }

    public string ForDetector
    {
        get
        {
            var small = "objects too small to be seen"
                + (Box is { } box ? Text($" (half of the boxes are under {box.Width:0} × {box.Height:0} pixels where the model looks)") : "");
            return $"Likely reasons: {small}; {Few}; boxes that do not fit the objects, or objects without a box.";
        }
    }

    private string Few => "too few images"
        + (Fewest is { Images: < ImagesEnough } fewest ? Text($" ({fewest.Images} to learn '{Readable.Truncate(fewest.Label)}' from)") : "");

    /// <summary>Gathers the evidence.</summary>
    /// <param name="sizes">Upright size of each image in pixels; at least one.</param>
    /// <param name="network">Size at which the model sees them.</param>
    /// <param name="training">Labels of each training image; none if unknown.</param>
    public static ChanceEvidence Of(
        IReadOnlyCollection<(int Width, int Height)> sizes, (int Width, int Height) network, IEnumerable<IEnumerable<string>> training) =>
        new(Median(sizes.Select(s => s.Width)), Median(sizes.Select(s => s.Height)), network.Width, network.Height)
        {
            Fewest = training.SelectMany(labels => labels.Distinct(StringComparer.Ordinal)).CountBy(label => label, StringComparer.Ordinal)
                .OrderBy(count => count.Value).ThenBy(count => count.Key, StringComparer.Ordinal)
                .Select(count => ((string, int)?)(count.Key, count.Value)).FirstOrDefault(),
        };

    /// <summary>Median width and height of boxes in pixels of the network, whose input an image just fits.</summary>
    public ChanceEvidence WithBoxes(IEnumerable<((int Width, int Height) Image, Box Box)> boxes)
    {
        List<(double Width, double Height)> sides =
        [
            .. boxes.Select(b =>
            {
                var scale = Math.Min((double)NetworkWidth / b.Image.Width, (double)NetworkHeight / b.Image.Height);
                return (b.Box.Width * b.Image.Width * scale, b.Box.Height * b.Image.Height * scale);
            }),
        ];
        return sides.Count == 0 ? this : this with { Box = (Median(sides.Select(s => s.Width)), Median(sides.Select(s => s.Height))) };
    }

    /// <summary>Counts images whose every byte is there again with other labels.</summary>
    /// <param name="images">Bytes and labels of each image.</param>
    public static int Contradicting(IEnumerable<(byte[] Bytes, IEnumerable<string> Labels)> images) =>
        images.Select(i => (Hash: Convert.ToHexString(SHA256.HashData(i.Bytes)), Labels: string.Join('\n', i.Labels.Order(StringComparer.Ordinal))))
            .GroupBy(i => i.Hash, StringComparer.Ordinal).Where(same => same.Select(i => i.Labels).Distinct(StringComparer.Ordinal).Count() > 1)
            .Sum(same => same.Count());

    private static T Median<T>(IEnumerable<T> values)
    {
        List<T> sorted = [.. values.Order()];
        return sorted[sorted.Count / 2];
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
