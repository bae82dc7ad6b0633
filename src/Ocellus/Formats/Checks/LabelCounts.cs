using System.Globalization;
using Ocellus.Vision.Boxes;

namespace Ocellus.Formats.Checks;

/// <summary>Images and boxes of one label in one split.</summary>
internal readonly record struct LabelCount(string Label, Split Split, int Images, long Boxes);

/// <summary>Counts labels and judges boxes, an image at a time, without looking at a picture.</summary>
/// <param name="findings">Takes what is wrong.</param>
internal sealed class LabelCounts(Findings findings)
{
    /// <summary>Images of a label below which a model hardly learns it.</summary>
    public const int FewImages = 10;

    /// <summary>Custom Labels: boxes of an image, and labels of a data set.</summary>
    private const int BoxesMax = 50, LabelsMax = 250;

    /// <summary>Pixels of a box's shorter side, in a picture whose longer side is scaled down to <see cref="ScaledSide"/>, as for training.</summary>
    private const double TinySide = 6, ScaledSide = 1280;

    /// <summary>Overlap from which two boxes are one thing.</summary>
    private const double SameOverlap = 0.9;

    /// <summary>Boxes of an image beyond which pairs are not compared.</summary>
    private const int ComparedMax = 1000;

    private readonly SortedDictionary<string, Dictionary<Split, (int Images, long Boxes)>> _labels = new(StringComparer.Ordinal);

    /// <summary>Images of each split.</summary>
    public SortedDictionary<Split, int> Images { get; } = [];

    /// <summary>Images that nobody has labelled.</summary>
    public int Unlabelled { get; private set; }

    public long Boxes { get; private set; }

    /// <summary>Labels in order, each with its splits.</summary>
    public IEnumerable<LabelCount> Labels =>
        _labels.SelectMany(l => l.Value.OrderBy(s => s.Key).Select(s => new LabelCount(l.Key, s.Key, s.Value.Images, s.Value.Boxes)));

    public void Add(LabelledImage image)
    {
        Images[image.Split] = Images.GetValueOrDefault(image.Split) + 1;
        Boxes += image.Boxes.Count;
        Unlabelled += image.IsLabelled ? 0 : 1;
        foreach (var label in image.Labels.Concat(image.Boxes.Select(b => b.Label)).Distinct(StringComparer.Ordinal))
        {
            if (!_labels.TryGetValue(label, out var splits))
            {
                _labels.Add(label, splits = []);
            }

            var (images, boxes) = splits.GetValueOrDefault(image.Split);
            splits[image.Split] = (images + 1, boxes + image.Boxes.LongCount(b => b.Label == label));
        }

        if (image.Boxes.Count > 0)
        {
            Judge(image);
        }
    }

    /// <summary>Judges the counts, when all images have been added.</summary>
    public void Conclude(SourcePlace source)
    {
        if (_labels.Count > LabelsMax)
        {
            findings.Error(
                "too-many-labels", source, string.Create(CultureInfo.InvariantCulture, $"There are {_labels.Count:N0} labels."),
                string.Create(CultureInfo.InvariantCulture, $"A model has at most {LabelsMax}. Merge labels, or make several models."));
        }

        if (Boxes == 0 && _labels.Count == 1)
        {
            findings.Error(
                "one-label", source, $"All images have the label '{_labels.Keys.First()}'.",
                "A model that tells images apart needs two labels; add images of something else.");
        }

        if (Unlabelled > 0)
        {
            findings.Warn(
                "unlabelled", source, string.Create(CultureInfo.InvariantCulture, $"{Unlabelled:N0} images have no label."),
                "A training leaves them out. Label them, or remove them.");
        }

        foreach (var (label, splits) in _labels)
        {
            var training = splits.Where(s => s.Key is Split.Train or Split.None).Sum(s => s.Value.Images);
            if (training == 0)
            {
                findings.Error("not-in-training", source, $"No training image has '{label}'.",
                    "A label that is only tested is never found; move some of its images.");
            }
            else if (training < FewImages)
            {
                findings.Warn(
                    "few-images", source, string.Create(CultureInfo.InvariantCulture, $"'{label}' has {training} training image{(training == 1 ? "" : "s")}."),
                    string.Create(CultureInfo.InvariantCulture, $"Add images until each label has {FewImages} or more."));
            }
        }

        foreach (var alike in _labels.Keys.GroupBy(l => string.Concat(l.Where(char.IsLetterOrDigit)).ToLowerInvariant())
            .Where(g => g.Key.Length > 0 && g.Count() > 1))
        {
            findings.Warn(
                "labels-alike", source, $"{string.Join(" and ", alike.Select(l => $"'{l}'"))} differ only in how they are written.",
                "Give the same thing the same label.");
        }
    }

    private void Judge(LabelledImage image)
    {
        if (image.Boxes.Count > BoxesMax)
        {
            findings.Error(
                "too-many-boxes", image.Place, string.Create(CultureInfo.InvariantCulture, $"{image.Name} has {image.Boxes.Count} boxes."),
                string.Create(CultureInfo.InvariantCulture, $"Custom Labels takes at most {BoxesMax} an image. Cut the image into parts."));
        }

        if (image is { Width: { } width, Height: { } height })
        {
            var scale = Math.Min(1, ScaledSide / Math.Max(width, height));
            foreach (var box in image.Boxes.Where(b => Math.Min(b.Width, b.Height) * scale < TinySide))
            {
                findings.Warn(
                    "tiny-box", image.Place,
                    string.Create(CultureInfo.InvariantCulture, $"A box of '{box.Label}' in {image.Name} has {box.Width:0.#}×{box.Height:0.#} pixels."),
                    "A model hardly sees so little. Was it drawn by accident? Otherwise cut the images into parts.");
            }
        }

        Compare(image);
    }

    private void Compare(LabelledImage image)
    {
        for (var i = 0; i < image.Boxes.Count && image.Boxes.Count <= ComparedMax; i++)
        {
            for (var j = i + 1; j < image.Boxes.Count; j++)
            {
                var (a, b) = (image.Boxes[i], image.Boxes[j]);
                if (BoxOverlap.Iou(Of(a), Of(b)) < SameOverlap)
                {
                    continue;
                }

                if (a.Label == b.Label)
                {
                    findings.Warn("doubled-box", image.Place, $"{image.Name} has the same box of '{a.Label}' twice.", "Remove one of them.");
                }
                else
                {
                    findings.Warn(
                        "two-labels-one-box", image.Place, $"{image.Name} has one box as '{a.Label}' and as '{b.Label}'.",
                        "Decide for one; a detector gives a thing one label.");
                }
            }
        }
    }

    private static Box Of(ImageBox b) => new((float)b.Left, (float)b.Top, (float)b.Width, (float)b.Height);
}
