using Ocellus.Vision.Evaluation;

namespace Ocellus.Training.Evaluation;

/// <summary>Metrics of one label at its assumed threshold; all 0 to 1.</summary>
/// <param name="Label">The label.</param>
/// <param name="Threshold">Scores at or above it are predictions.</param>
/// <param name="Precision">TP / (TP + FP); 0 without predictions.</param>
/// <param name="Recall">TP / (TP + FN).</param>
/// <param name="F1">Harmonic mean of the two.</param>
/// <param name="TestImages">Test images with the label; a label with none is left out of the means.</param>
internal sealed record LabelMetrics(string Label, double Threshold, double Precision, double Recall, double F1, int TestImages);

/// <summary>Share of the images of one label whose best score went to another (or the same).</summary>
internal sealed record ConfusionCell(string GroundTruthLabel, string PredictedLabel, double Value);

/// <summary>Result of testing a model, of either kind.</summary>
/// <param name="Labels">One entry for each label of the model, in the model's order.</param>
/// <param name="Precision">Mean over the labels.</param>
/// <param name="Recall">Mean over the labels.</param>
/// <param name="F1">Mean of the labels' F1, not the harmonic mean of the two above.</param>
/// <param name="Confusion">Classification only: every ordered pair of labels.</param>
/// <param name="AveragePrecision">Localization only.</param>
/// <param name="AverageRecall">Localization only.</param>
internal sealed record EvaluationReport(IReadOnlyList<LabelMetrics> Labels, double Precision, double Recall, double F1,
    IReadOnlyList<ConfusionCell>? Confusion = null, double? AveragePrecision = null, double? AverageRecall = null)
{
    /// <summary>What the figures do not show, in words: see <see cref="ChanceCheck"/>. Null if there is nothing to say.</summary>
    public string? Remark { get; init; }
}

/// <summary>Tests a classifier, single- or multi-label: every label is judged on its own.</summary>
internal static class ClassificationMetrics
{
    /// <param name="labels">Labels of the model.</param>
    /// <param name="scores">Image × label, 0 to 1.</param>
    /// <param name="truth">Image × label.</param>
    /// <exception cref="ArgumentException">The sizes differ, or a score is outside 0 to 1.</exception>
    public static EvaluationReport Compute(IReadOnlyList<string> labels, float[,] scores, bool[,] truth)
    {
        var images = scores.GetLength(0);
        if (scores.GetLength(1) != labels.Count || truth.GetLength(0) != images || truth.GetLength(1) != labels.Count)
        {
            throw new ArgumentException("Scores and truth must both be images by labels.", nameof(scores));
        }

        foreach (var score in scores)
        {
            if (score is not (>= 0 and <= 1))
            {
                throw new ArgumentException("A score must be from 0 to 1.", nameof(scores));
            }
        }

        var metrics = new LabelMetrics[labels.Count];
        for (var label = 0; label < labels.Count; label++)
        {
            metrics[label] = OfLabel(labels[label], label, scores, truth);
        }

        return Summarize(metrics, Confusion(labels, scores, truth));
    }

    /// <summary>Unweighted means over the tested labels.</summary>
    public static EvaluationReport Summarize(IReadOnlyList<LabelMetrics> labels, IReadOnlyList<ConfusionCell>? confusion = null,
        double? averagePrecision = null, double? averageRecall = null)
    {
        var tested = labels.Where(label => label.TestImages > 0).ToArray();
        return tested.Length == 0
            ? new EvaluationReport(labels, 0, 0, 0, confusion, averagePrecision, averageRecall)
            : new EvaluationReport(labels, tested.Average(label => label.Precision), tested.Average(label => label.Recall), tested.Average(label => label.F1),
                confusion, averagePrecision, averageRecall);
    }

    private static LabelMetrics OfLabel(string name, int label, float[,] scores, bool[,] truth)
    {
        var examples = new (float Score, bool Present)[scores.GetLength(0)];
        var positives = 0;
        for (var image = 0; image < examples.Length; image++)
        {
            examples[image] = (scores[image, label], truth[image, label]);
            positives += truth[image, label] ? 1 : 0;
        }

        var best = PrecisionRecall.Best(examples, positives);
        return new LabelMetrics(name, best.Threshold, best.Precision, best.Recall, best.F1, positives);
    }

    private static List<ConfusionCell> Confusion(IReadOnlyList<string> labels, float[,] scores, bool[,] truth)
    {
        var counts = new int[labels.Count, labels.Count];
        var totals = new int[labels.Count];
        for (var image = 0; image < scores.GetLength(0); image++)
        {
            var top = 0;
            for (var label = 1; label < labels.Count; label++)
            {
                top = scores[image, label] > scores[image, top] ? label : top;
            }

            for (var label = 0; label < labels.Count; label++)
            {
                if (truth[image, label])
                {
                    totals[label]++;
                    counts[label, top]++;
                }
            }
        }

        var cells = new List<ConfusionCell>(labels.Count * labels.Count);
        for (var real = 0; real < labels.Count; real++)
        {
            for (var predicted = 0; predicted < labels.Count; predicted++)
            {
                cells.Add(new ConfusionCell(labels[real], labels[predicted], totals[real] == 0 ? 0 : counts[real, predicted] / (double)totals[real]));
            }
        }

        return cells;
    }
}
