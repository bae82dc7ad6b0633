using Ocellus.Vision.Boxes;
using Ocellus.Vision.Inference;

namespace Ocellus.Vision.Evaluation;

/// <summary>How well the boxes of one label were found; all ratios from 0 to 1.</summary>
/// <param name="Label">Index of the label.</param>
/// <param name="Best">The assumed threshold, with precision, recall and F1 at it, counting boxes.</param>
/// <param name="AveragePrecision">At IoU 0.5.</param>
/// <param name="RecallMax">Recall when every candidate counts, however low its score.</param>
/// <param name="TrueBoxes">Boxes in the ground truth; a label with none is left out of the means.</param>
/// <param name="Images">Images that hold at least one of them.</param>
public sealed record DetectionLabelMetrics(int Label, OperatingPoint Best, double AveragePrecision, double RecallMax, int TrueBoxes, int Images);

/// <summary>Result of testing a detector: unweighted means over the labels present in the test images.</summary>
/// <param name="Labels">One for each label of the model, in the model's order.</param>
/// <param name="Precision">Mean of the labels' precision at their thresholds.</param>
/// <param name="Recall">Mean of the labels' recall at their thresholds.</param>
/// <param name="F1">Mean of the labels' F1, not the harmonic mean of the two above.</param>
/// <param name="AveragePrecision">mAP@0.5.</param>
/// <param name="AverageRecall">Mean of the labels' maximum recall.</param>
/// <param name="Matches">For each image and candidate the index of the true box that it matches, or -1.</param>
public sealed record DetectionReport(
    IReadOnlyList<DetectionLabelMetrics> Labels, double Precision, double Recall, double F1, double AveragePrecision, double AverageRecall,
    IReadOnlyList<IReadOnlyList<int>> Matches);

/// <summary>Tests a detector.</summary>
public static class DetectionMetrics
{
    /// <param name="labels">Number of labels of the model.</param>
    /// <param name="truth">For each image its true boxes. Boxes of labels that the model does not have must be left out.</param>
    /// <param name="found">For each image the model's candidates, at any score.</param>
    /// <exception cref="ArgumentException">The numbers of images differ, or a label is not one of the model's.</exception>
    public static DetectionReport Compute(int labels, IReadOnlyList<IReadOnlyList<LabelledBox>> truth, IReadOnlyList<IReadOnlyList<Prediction>> found)
    {
        ArgumentNullException.ThrowIfNull(truth);
        ArgumentNullException.ThrowIfNull(found);
        if (truth.Count != found.Count)
        {
            throw new ArgumentException($"There are {truth.Count} images with truth but {found.Count} with candidates.", nameof(found));
        }

        var candidates = new List<(float Score, bool Hit)>[labels];
        var boxes = new int[labels];
        var images = new int[labels];
        for (int l = 0; l < labels; l++)
        {
            candidates[l] = [];
        }

        var matches = new int[truth.Count][];
        for (int p = 0; p < truth.Count; p++)
        {
            matches[p] = BoxMatching.Match(truth[p], found[p]);
            for (int i = 0; i < found[p].Count; i++)
            {
                candidates[Checked(found[p][i].Label)].Add((found[p][i].Score, matches[p][i] >= 0));
            }

            foreach (IGrouping<int, LabelledBox> group in truth[p].GroupBy(b => b.Label))
            {
                boxes[Checked(group.Key)] += group.Count();
                images[group.Key]++;
            }
        }

        DetectionLabelMetrics[] metrics = [.. Enumerable.Range(0, labels).Select(l => new DetectionLabelMetrics(
            l,
            PrecisionRecall.Best(candidates[l], boxes[l]),
            PrecisionRecall.AveragePrecision(candidates[l], boxes[l]),
            boxes[l] == 0 ? 0 : candidates[l].Count(c => c.Hit) / (double)boxes[l],
            boxes[l],
            images[l]))];
        DetectionLabelMetrics[] tested = [.. metrics.Where(m => m.TrueBoxes > 0)];
        return new DetectionReport(
            metrics, Mean(m => m.Best.Precision), Mean(m => m.Best.Recall), Mean(m => m.Best.F1),
            Mean(m => m.AveragePrecision), Mean(m => m.RecallMax), matches);

        double Mean(Func<DetectionLabelMetrics, double> of) => tested.Length == 0 ? 0 : tested.Average(of);

        int Checked(int label) => label >= 0 && label < labels ? label
            : throw new ArgumentException($"A box has label {label}; the model's labels are 0 to {labels - 1}.");
    }
}
