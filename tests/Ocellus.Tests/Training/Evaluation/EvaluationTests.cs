using System.Text.Json.Nodes;
using Ocellus.Datasets.Manifests;
using Ocellus.Tests.Datasets.Manifests;
using Ocellus.Training.Evaluation;
using Xunit;

namespace Ocellus.Tests.Training.Evaluation;

public sealed class EvaluationTests
{
    private static readonly DateTimeOffset Ended = new DateTimeOffset(2024, 5, 1, 13, 2, 3, TimeSpan.FromHours(2)).AddTicks(4567890);

    // a: scores .875 .5 .75 .25, present on images 0 and 1. Cuts: .875 gives F1 2/3, .75 1/2, .5 4/5, .25 2/3.
    // b: scores .25 .5 .25 .75, present on 2 and 3. Cuts: .75 gives 2/3, .5 2/4, .25 4/6: a tie, so .75.
    private static readonly float[,] Scores = { { 0.875f, 0.25f }, { 0.5f, 0.5f }, { 0.75f, 0.25f }, { 0.25f, 0.75f } };
    private static readonly bool[,] Truth = { { true, false }, { true, false }, { false, true }, { false, true } };

    [Fact]
    public void Each_label_gets_the_cut_with_its_best_F1_and_a_tie_the_higher_one()
    {
        var report = ClassificationMetrics.Compute(["a", "b"], Scores, Truth);

        Assert.Equal(new LabelMetrics("a", 0.5, 2 / 3.0, 1, 0.8, 2), report.Labels[0]);
        Assert.Equal(new LabelMetrics("b", 0.75, 1, 0.5, 2 / 3.0, 2), report.Labels[1]);
    }

    [Fact]
    public void Overall_metrics_are_plain_means()
    {
        var report = ClassificationMetrics.Compute(["a", "b"], Scores, Truth);

        Assert.Equal(5 / 6.0, report.Precision, 15);
        Assert.Equal(0.75, report.Recall, 15);
        Assert.Equal(11 / 15.0, report.F1, 15);
    }

    [Fact]
    public void The_confusion_matrix_lists_every_pair_as_share_of_the_true_label() =>
        // Image 1 is a draw, which goes to the first label; image 2 is a b taken for an a.
        Assert.Equal([new("a", "a", 1), new("a", "b", 0), new("b", "a", 0.5), new("b", "b", 0.5)],
            ClassificationMetrics.Compute(["a", "b"], Scores, Truth).Confusion!);

    [Fact]
    public void A_label_without_test_images_is_left_out_of_the_means()
    {
        var report = ClassificationMetrics.Compute(["a", "z"], new[,] { { 0.75f, 0.25f }, { 0.5f, 0.875f } }, new[,] { { true, false }, { true, false } });

        Assert.Equal(new LabelMetrics("z", 0.5, 0, 0, 0, 0), report.Labels[1]);
        Assert.Equal((1, 1, 1), (report.Precision, report.Recall, report.F1));
    }

    [Fact]
    public void Scores_outside_0_to_1_are_refused() =>
        Assert.Throws<ArgumentException>(() => ClassificationMetrics.Compute(["a"], new[,] { { float.NaN } }, new[,] { { true } }));

    [Fact]
    public void The_summary_of_a_classifier_has_its_exact_shape()
    {
        var report = new EvaluationReport(
            [new("a", 0.5, 0.25, 1, 0.4, 2), new("b", 0.75, 1, 0.5, 2 / 3.0, 3)], 0.625, 0.75, 0.1 + 0.2, [new("a", "b", 1 / 3.0)]);

        Assert.Equal("""{"Version":1,"AggregatedEvaluationResults":{"ConfusionMatrix":[{"GroundTruthLabel":"a","PredictedLabel":"b","Value":0.3333333333333333}],"F1Score":0.30000000000000004,"Precision":0.625,"Recall":0.75},"EvaluationDetails":{"EvaluationEndTimestamp":"2024-05-01T11:02:03.456789","Labels":["a","b"],"NumberOfTestingImages":5,"NumberOfTrainingImages":20,"ProjectVersionArn":"arn:x"},"LabelEvaluationResults":[{"Label":"b","Metrics":{"F1Score":0.6666666666666666,"Precision":1,"Recall":0.5,"Threshold":0.75},"NumberOfTestingImages":3},{"Label":"a","Metrics":{"F1Score":0.4,"Precision":0.25,"Recall":1,"Threshold":0.5},"NumberOfTestingImages":2}]}""",
            EvaluationSummaryWriter.Write(report, Ended, 20, 5, "arn:x"));
    }

    [Fact]
    public void The_summary_of_a_localization_model_has_averages_and_no_matrix()
    {
        var json = JsonNode.Parse(
            EvaluationSummaryWriter.Write(
                new EvaluationReport([], 0, 0, 0, null, 0.5, 0.75), Ended, 1, 1, "arn:x"))!["AggregatedEvaluationResults"]!.AsObject();

        Assert.Equal(["F1Score", "Precision", "Recall", "AveragePrecision", "AverageRecall"], json.Select(member => member.Key));
    }

    [Fact]
    public void A_training_line_has_renamed_keys_and_counts_a_label_once()
    {
        const string metadata = """{"class-name":"ripe","confidence":1,"type":"groundtruth/image-classification","human-annotated":"yes","creation-date":"2024-05-01T10:20:30"}""";
        var line = LineParser.Parse(
            new ManifestLine(9, "{\"source-ref\":\"s3://p/a.png\",\"x\":3,\"x-metadata\":" + metadata + ",\"y\":4,\"y-metadata\":" + metadata + "}"));

        Assert.Equal("""{"source-ref":"s3://p/a.png","rekognition-custom-labels-training-0":3,"rekognition-custom-labels-training-0-metadata":{"class-name":"ripe","confidence":1,"type":"groundtruth/image-classification","human-annotated":"yes","creation-date":"2024-05-01T10:20:30","job-name":"rekognition-custom-labels-training-job"},"rekognition-custom-labels-object-id":2,"line-idx":9}""",
            SnapshotWriter.TrainingLine(line, AttributeKind.ImageLevel, 2));
    }

    [Theory]
    [InlineData(0.5, true, "is-true-positive")]
    [InlineData(0.5, false, "is-false-positive")]
    [InlineData(0.49, true, "is-false-negative")]
    [InlineData(0.49, false, "is-true-negative")]
    public void A_test_line_says_of_each_label_which_of_the_four_it_is(double confidence, bool present, string expected)
    {
        var line = LineParser.Parse(new ManifestLine(1, Datasets.Manifests.LineParserTests.Image));

        var json = JsonNode.Parse(SnapshotWriter.TestingLine(line, [new LabelPrediction("ripe", confidence, 0.5, present)], Ended, 1))!;

        var metadata = json["rekognition-custom-labels-evaluation-0-metadata"]!;
        Assert.Equal("2024-05-01T11:02:03.456789", (string?)metadata["creation-date"]);
        var details = metadata["rekognition-custom-labels-evaluation-details"]!.AsObject();
        Assert.Equal(
            [expected], details.Where(member => member.Key.EndsWith("tive", StringComparison.Ordinal) && (bool)member.Value!).Select(member => member.Key));
        Assert.Equal(present, (bool)details["is-present-in-ground-truth"]!);
    }

    [Fact]
    public void A_test_line_of_boxes_keeps_used_boxes_in_whole_pixels_and_adds_the_predicted_ones()
    {
        // The first box leaves the frame and is dropped; 85.6 to 305.6 becomes 86 to 306.
        var text = Datasets.Manifests.LineParserTests.Boxes.Replace("\"left\":399", "\"left\":600", StringComparison.Ordinal)
            .Replace("\"left\":86", "\"left\":85.6", StringComparison.Ordinal);
        var line = LineParser.Parse(new ManifestLine(1, text));

        var json = JsonNode.Parse(
            SnapshotWriter.TestingLine(line, [new BoxPrediction("coil", 0.875, 80, 60, 220, 330, Outcome.TruePositive, true)], Ended, 1))!;

        Assert.Equal(
            """[{"class_id":0,"left":86,"top":65,"width":220,"height":334}]""", json["rekognition-custom-labels-training-0"]!["annotations"]!.ToJsonString());
        Assert.Single(json["rekognition-custom-labels-training-0-metadata"]!["objects"]!.AsArray());
        Assert.Equal(
            """{"image_size":[{"width":640,"height":480,"depth":3}],"annotations":[{"class_id":0,"left":80,"top":60,"width":220,"height":330}]}""",
            json["rekognition-custom-labels-evaluation"]!.ToJsonString());
        Assert.True(
            (bool)json["rekognition-custom-labels-evaluation-metadata"]!["objects"]![0]!["rekognition-custom-labels-evaluation-details"]!["is-true-positive"]!);
    }
}
