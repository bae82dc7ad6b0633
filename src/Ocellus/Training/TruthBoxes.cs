using Ocellus.Datasets.Manifests;
using Ocellus.Training.Child;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Images;

namespace Ocellus.Training;

/// <summary>The true boxes of a manifest's lines, from which a detector learns and with which it is tested.</summary>
internal static class TruthBoxes
{
    private static readonly Box _wholeImage = new(0, 0, 1, 1);

    /// <summary>The valid boxes of a line whose labels the model has.</summary>
    /// <param name="line">The line.</param>
    /// <param name="header">Of its image.</param>
    /// <param name="labels">Index of each label of the model.</param>
    public static IReadOnlyList<LabelledBox> Of(ParsedLine line, ImageHeader header, IReadOnlyDictionary<string, int> labels) =>
    [
        .. line.Attributes.SelectMany(attribute =>
        {
            var frame = new BoxFrame(attribute.ImageWidth, attribute.ImageHeight, header);
            return attribute.ValidBoxes.Where(box => labels.ContainsKey(box.Label))
                .Select(box => new LabelledBox(labels[box.Label], frame.ToUpright(box.Left, box.Top, box.Width, box.Height)));
        }),
    ];

    /// <summary>A box of the whole image for each of the line's labels: a brand's bare logo.</summary>
    public static IReadOnlyList<LabelledBox> OfWholeImage(ParsedLine line, IReadOnlyDictionary<string, int> labels) =>
        [.. line.ImageLabels.Select(label => new LabelledBox(labels[label], _wholeImage))];
}
