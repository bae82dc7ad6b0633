using Ocellus.Vision.Boxes;
using Ocellus.Vision.Evaluation;
using Ocellus.Vision.Inference;

namespace Ocellus.Vision.Tests.Evaluation;

public sealed class DetectionMetricsTests
{
    [Fact]
    public void Means_are_over_the_labels_that_the_test_holds_and_counting_the_matches_gives_them()
    {
        // Label 0: two boxes, one found at 0.9, a false one at 0.8. Label 1: one box, found. Label 2: no box, one false answer.
        LabelledBox[][] truth = [[Truth(0, 0), Truth(0, 20), Truth(1, 40)], []];
        Prediction[][] found = [[Found(0, .9f, 0), Found(0, .8f, 60), Found(1, .7f, 40)], [Found(2, .95f, 0)]];

        DetectionReport report = DetectionMetrics.Compute(3, truth, found);

        Assert.Equal([[0, -1, 2], [-1]], report.Matches.Select(m => m.ToArray()));
        Assert.Equal(new OperatingPoint(.9f, 1, .5, 2 / 3.0), report.Labels[0].Best);
        Assert.Equal(
            (51 / 101.0, .5, 2, 1), (report.Labels[0].AveragePrecision, report.Labels[0].RecallMax, report.Labels[0].TrueBoxes, report.Labels[0].Images));
        Assert.Equal(new OperatingPoint(.7f, 1, 1, 1), report.Labels[1].Best);
        Assert.Equal(new DetectionLabelMetrics(2, new OperatingPoint(.5, 0, 0, 0), 0, 0, 0, 0), report.Labels[2]);
        Assert.Equal((1, .75, (2 / 3.0 + 1) / 2), (report.Precision, report.Recall, report.F1));
        Assert.Equal((51 / 101.0 + 1) / 2, report.AveragePrecision, 1e-12);
        Assert.Equal(.75, report.AverageRecall);
        foreach (DetectionLabelMetrics label in report.Labels.Where(l => l.TrueBoxes > 0))
        {
            var counted = found.SelectMany((f, p) => f.Select((x, i) => (x, Hit: report.Matches[p][i] >= 0))).Where(
                c => c.x.Label == label.Label && c.x.Score >= label.Best.Threshold).ToList();
            int hits = counted.Count(c => c.Hit);
            Assert.Equal(label.Best.Precision, hits / (double)counted.Count);
            Assert.Equal(label.Best.Recall, hits / (double)label.TrueBoxes);
        }
    }

    [Fact]
    public void Nothing_to_find_gives_zeros_and_a_foreign_label_is_refused()
    {
        DetectionReport report = DetectionMetrics.Compute(1, [[]], [[]]);
        Assert.Equal((0.0, 0.0, 0.0), (report.F1, report.AveragePrecision, report.AverageRecall));
        Assert.Throws<ArgumentException>(() => DetectionMetrics.Compute(1, [[Truth(1, 0)]], [[]]));
        Assert.Throws<ArgumentException>(() => DetectionMetrics.Compute(1, [[]], [[], []]));
    }

    private static LabelledBox Truth(int label, float left) => new(label, new Box(left, 0, 10, 10));

    private static Prediction Found(int label, float score, float left) => new(label, score, new Box(left, 0, 10, 10));
}
