using System.Text.Json.Nodes;
using Ocellus.Training.Evaluation;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Inference;

namespace Ocellus.Tests.Training.Evaluation;

/// <summary>Whether an 8-bit model may take the place of its float model; the numbers are worked out by hand.</summary>
public sealed class PrecisionGateTests
{
    [Theory]
    [InlineData(.900, .895, 1, true)]
    [InlineData(.900, .894, 1, false)]
    [InlineData(.900, .950, .985, true)]
    [InlineData(.900, .950, .984, false)]
    public void The_metric_may_fall_by_half_a_point_and_few_best_labels_may_change(double real, double bytes, double same, bool passes) =>
        Assert.Equal(passes, new PrecisionGate("F1Score", real, bytes, same).IsPassed);

    [Fact]
    public void The_sentence_has_both_numbers_either_way()
    {
        Assert.Equal(
            "The 8-bit model may be served: F1 0.899, in float 0.900; 99.0 % of the best labels are the same.",
            new PrecisionGate("F1Score", .9, .899, .99).Sentence);
        Assert.Equal(
            "It stays in float: with 8 bits mAP@0.5 would be 0.890 instead of 0.900, and 98.4 % of the best labels would stay; at most 0.005 less and at least "
            + "98.5 % are needed.",
            new PrecisionGate("AveragePrecision", .9, .89, .9849).Sentence);
    }

    [Fact]
    public void The_best_label_of_an_image_is_the_one_with_the_highest_score()
    {
        var gate = PrecisionGate.OfClassifiers(
            Report(.9), Report(.9), new[,] { { .6f, .4f }, { .2f, .8f }, { .5f, .4f }, { .9f, .1f } },
            new[,] { { .9f, .1f }, { .4f, .6f }, { .4f, .5f }, { .6f, .4f } });

        Assert.Equal(.75, gate.SameBestLabel);
        Assert.Equal(("F1Score", false), (gate.Metric, gate.IsPassed));
    }

    [Fact]
    public void Of_boxes_those_above_the_float_models_thresholds_must_be_found_again_with_their_label()
    {
        Box left = new(0, 0, .4f, .4f), right = new(.5f, .5f, .4f, .4f), moved = new(.02f, 0, .4f, .4f);
        IReadOnlyList<Prediction> real = [new(0, .9f, left), new(1, .8f, right), new(1, .3f, left)];

        // Found again a little to the side, however low its score; the third one is below its threshold.
        Assert.Equal(1, Gate([new(0, .2f, moved), new(1, .7f, right)]).SameBestLabel);
        // The other label is the better one there now.
        Assert.Equal(.5, Gate([new(0, .2f, moved), new(1, .3f, left), new(1, .7f, right)]).SameBestLabel);
        Assert.Equal(.5, Gate([new(1, .7f, right)]).SameBestLabel);
        Assert.Equal(1, PrecisionGate.OfDetectors(Report(.9), Report(.9), [[]], [[]]).SameBestLabel);

        PrecisionGate Gate(IReadOnlyList<Prediction> bytes) => PrecisionGate.OfDetectors(Report(.9), Report(.9), [real], [bytes]);
    }

    [Fact]
    public void The_evaluation_summary_has_both_numbers()
    {
        var gate = new PrecisionGate("F1Score", .9, .898, .99);
        var summary = JsonNode.Parse(EvaluationSummaryWriter.Write(Report(.898), DateTimeOffset.UnixEpoch, 10, 4, "arn", gate))!;

        Assert.Equal(
            """{"Metric":"F1Score","Float":0.9,"Int8":0.898,"SameBestLabel":0.99,"Passed":true}""", summary["EvaluationDetails"]!["Int8Test"]!.ToJsonString());
        Assert.Null(JsonNode.Parse(EvaluationSummaryWriter.Write(Report(.898), DateTimeOffset.UnixEpoch, 10, 4, "arn"))!["EvaluationDetails"]!["Int8Test"]);
    }

    private static EvaluationReport Report(double metric) =>
        new([new("a", .5, 1, 1, metric, 2), new("b", .5, 1, 1, metric, 2)], 1, 1, metric, AveragePrecision: metric);
}
