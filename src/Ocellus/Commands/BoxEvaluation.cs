using Ocellus.Training.Evaluation;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Evaluation;
using Ocellus.Vision.Inference;

namespace Ocellus.Commands;

/// <summary>Tests a model that finds boxes.</summary>
internal static class BoxEvaluation
{
    /// <summary>Metrics of each label, by counting boxes, at given thresholds and at the best ones.</summary>
    /// <param name="labels">Labels of the model.</param>
    /// <param name="thresholds">For each label, 0 to 1.</param>
    /// <param name="truth">For each image, its true boxes.</param>
    /// <param name="found">For each image, the model's candidates at any score.</param>
    public static (EvaluationReport Own, EvaluationReport Best) Compute(
        IReadOnlyList<string> labels, IReadOnlyList<double> thresholds, IReadOnlyList<IReadOnlyList<LabelledBox>> truth,
        IReadOnlyList<IReadOnlyList<Prediction>> found)
    {
        var report = DetectionMetrics.Compute(labels.Count, truth, found);
        var best = ClassificationMetrics.Summarize(
            [
                .. report.Labels.Select(
                    l =>
                        new LabelMetrics(
                            labels[l.Label], l.Best.Threshold, l.Best.Precision, l.Best.Recall, l.Best.F1,
                            l.Images)),
            ], null, report.AveragePrecision, report.AverageRecall);
        // What matches above a threshold does not depend on what was found below it.
        List<(Prediction Box, bool Hit)> boxes = [.. found.SelectMany((list, p) => list.Select((box, i) => (box, report.Matches[p][i] >= 0)))];
        var own = ClassificationMetrics.Summarize([.. report.Labels.Select(l =>
        {
            var taken = boxes.Where(b => b.Box.Label == l.Label && b.Box.Score >= thresholds[l.Label]).ToList();
            var hits = taken.Count(b => b.Hit);
            return l.TrueBoxes == 0
                ? new LabelMetrics(labels[l.Label], thresholds[l.Label], 0, 0, 0, 0)
                : new LabelMetrics(
                    labels[l.Label], thresholds[l.Label], taken.Count == 0 ? 0 : hits / (double)taken.Count, hits / (double)l.TrueBoxes,
                    2.0 * hits / (taken.Count + l.TrueBoxes), l.Images);
        })]);
        return (own, best);
    }
}
