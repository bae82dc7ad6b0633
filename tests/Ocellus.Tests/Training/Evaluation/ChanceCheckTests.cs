using System.Text;
using Ocellus.Commands;
using Ocellus.Training.Evaluation;
using Ocellus.Vision.Boxes;

namespace Ocellus.Tests.Training.Evaluation;

public sealed class ChanceCheckTests
{
    private static readonly ChanceEvidence _evidence = new(1280, 960, 224, 224) { Fewest = ("scratch", 60) };

    [Fact]
    public void A_classifier_that_cannot_see_what_matters_is_said_to_guess_and_why()
    {
        // 60 plates of each kind; one threshold below all scores makes F1 0.67.
        var (scores, truth) = TwoLabels(120, i => i % 2 == 0, i => .5f + i * 7919 % 1000 / 10_000f);
        var report = ClassificationMetrics.Compute(["ok", "scratch"], scores, truth);
        Assert.InRange(report.F1, .66, .72);
        var remark = ChanceCheck.OfClassifier(report, scores, truth, () => _evidence)!;
        Assert.Contains("no better than chance", remark, StringComparison.Ordinal);
        Assert.Contains("of 120 the right label, and always answering 'ok' would do so for 60", remark, StringComparison.Ordinal);
        Assert.Contains("images of 1280 × 960 pixels are looked at as 224 × 224", remark, StringComparison.Ordinal);
        Assert.Contains("60 to learn 'scratch' from", remark, StringComparison.Ordinal);
        Assert.Contains("labels that contradict each other", remark, StringComparison.Ordinal);

        // Whoever reads the summary reads the sentence.
        var summary = EvaluationSummaryWriter.Write(report with { Remark = remark }, DateTimeOffset.UnixEpoch, 120, 120, "arn");
        Assert.Equal(remark, EvaluationTables.Read(Encoding.UTF8.GetBytes(summary)).Remark);
    }

    [Fact]
    public void A_good_classifier_gets_no_remark()
    {
        var (scores, truth) = TwoLabels(20, i => i % 2 == 0, i => i % 2 == 0 || i == 1 ? .9f : .1f);
        Assert.Null(ChanceCheck.OfClassifier(ClassificationMetrics.Compute(["a", "b"], scores, truth), scores, truth, Unused));
        // Neither does one without a mistake on very few images.
        (scores, truth) = TwoLabels(4, i => i % 2 == 0, i => i % 2 == 0 ? .9f : .1f);
        Assert.Null(ChanceCheck.OfClassifier(ClassificationMetrics.Compute(["a", "b"], scores, truth), scores, truth, Unused));
    }

    [Fact]
    public void A_threshold_that_admits_every_image_is_named()
    {
        // Label a is found without a mistake; the scores of b and c are equal for all images.
        const int images = 40;
        var scores = new float[images, 3];
        var truth = new bool[images, 3];
        for (var i = 0; i < images; i++)
        {
            truth[i, i % 2 == 0 ? 0 : i % 4 == 1 ? 1 : 2] = true;
            (scores[i, 0], scores[i, 1], scores[i, 2]) = (i % 2 == 0 ? .9f : .1f, .4f, i % 4 == 3 ? .6f : .1f);
        }

        var report = ClassificationMetrics.Compute(["a", "b", "c"], scores, truth);
        var remark = ChanceCheck.OfClassifier(report, scores, truth, () => _evidence)!;
        Assert.StartsWith("At the threshold of 'b' (F1 0.40), every test image counts as found", remark, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_labels_an_image_are_compared_with_giving_all_of_them()
    {
        const int images = 30;
        var scores = new float[images, 2];
        var truth = new bool[images, 2];
        for (var i = 0; i < images; i++)
        {
            (truth[i, 0], truth[i, 1], scores[i, 0], scores[i, 1]) = (i % 2 == 0, true, .5f, .5f);
        }

        var report = ClassificationMetrics.Compute(["a", "b"], scores, truth);
        Assert.Contains(
            "F1 is 0.667, and a model that gives every image every label has 0.667.", ChanceCheck.OfClassifier(report, scores, truth, () => _evidence),
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_detector_that_finds_next_to_nothing_says_so()
    {
        var evidence = _evidence.WithBoxes([((1280, 960), new Box(.1f, .1f, .05f, .01f))]);
        var nothing = new EvaluationReport([new("hole", .5, 0, 0, 0, 9)], 0, 0, 0, AveragePrecision: .012);
        var remark = ChanceCheck.OfDetector(nothing, () => evidence)!;
        Assert.Contains("finds next to nothing on the test images: mAP@0.5 is 0.012.", remark, StringComparison.Ordinal);
        Assert.Contains("under 11 × 2 pixels", remark, StringComparison.Ordinal); // 1280 · 0.05 · 224 / 1280, 960 · 0.01 · 224 / 1280

        var half = new EvaluationReport([new("hole", .5, 1, 1, 1, 9), new("crack", .5, .01, .01, .01, 9)], .5, .5, .5, AveragePrecision: .5);
        Assert.StartsWith("Of 'crack' the model finds next to nothing", ChanceCheck.OfDetector(half, () => evidence), StringComparison.Ordinal);
        Assert.Null(ChanceCheck.OfDetector(half with { Labels = [half.Labels[0]] }, Unused));
        Assert.Null(ChanceCheck.OfDetector(new EvaluationReport([new("hole", .5, 0, 0, 0, 0)], 0, 0, 0, AveragePrecision: 0), Unused));
    }

    [Fact]
    public void The_same_image_with_other_labels_is_a_contradiction()
    {
        (byte[], IEnumerable<string>)[] images = [([1], ["a"]), ([1], ["b"]), ([2], ["a"]), ([2], ["a"]), ([3], ["a", "b"]), ([3], ["b", "a"])];
        Assert.Equal(2, ChanceEvidence.Contradicting(images));
        Assert.StartsWith(
            "Likely reasons: labels that contradict each other (2 images are in the data again with other labels); ",
            (_evidence with { Contradictions = 2 }).ForClassifier, StringComparison.Ordinal);
    }

    private static ChanceEvidence Unused() => throw new InvalidOperationException("There is nothing to say.");

    private static (float[,] Scores, bool[,] Truth) TwoLabels(int images, Func<int, bool> first, Func<int, float> score)
    {
        var scores = new float[images, 2];
        var truth = new bool[images, 2];
        for (var i = 0; i < images; i++)
        {
            (truth[i, 0], truth[i, 1]) = (first(i), !first(i));
            (scores[i, 0], scores[i, 1]) = (score(i), 1 - score(i));
        }

        return (scores, truth);
    }
}
