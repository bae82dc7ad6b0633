using Ocellus.Commands;
using Ocellus.Datasets.Manifests;
using Ocellus.Training;
using Ocellus.Training.Evaluation;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;

namespace Ocellus.Tests.Commands;

public sealed class BoxEvaluationTests
{
    private static readonly Box _left = new(0, 0, .4f, .4f), _right = new(.5f, .5f, .4f, .4f), _nowhere = new(.05f, .6f, .2f, .2f);

    [Fact]
    public void Numbers_at_the_models_thresholds_are_those_worked_by_hand()
    {
        IReadOnlyList<LabelledBox>[] truth = [[new(0, _left), new(0, _right)], [new(0, _left)]];
        IReadOnlyList<Prediction>[] found = [[new(0, .9f, _left), new(0, .6f, _nowhere), new(0, .3f, _right)], [new(0, .7f, _left)]];
        var (own, best) = BoxEvaluation.Compute(["cell", "none"], [.5, .5], truth, found);
        // At .5: three boxes are taken, two of them are right, three are true.
        Assert.Equal(("cell", .5, 2), (own.Labels[0].Label, own.Labels[0].Threshold, own.Labels[0].TestImages));
        Assert.Equal(2 / 3.0, own.Labels[0].Precision, 12);
        Assert.Equal(2 / 3.0, own.Labels[0].Recall, 12);
        Assert.Equal(2 / 3.0, own.F1, 12);
        Assert.Equal(new LabelMetrics("none", .5, 0, 0, 0, 0), own.Labels[1]);
        // Best is all four at .3 (6/7), not the two best at .7 (4/5).
        Assert.Equal(6 / 7.0, best.F1, 12);
        Assert.NotNull(best.AveragePrecision);
    }

    [Fact]
    public void Truth_is_the_lines_boxes_as_ratios_without_labels_that_the_model_does_not_have()
    {
        var line = LineParser.Parse(new ManifestLine(1, """
            {"source-ref":"s3://b/a.jpg","x":{"image_size":[{"width":200,"height":100,"depth":3}],"annotations":[{"class_id":0,"left":20,"top":10,"width":100,"height":50},{"class_id":1,"left":0,"top":0,"width":10,"height":10}]},"x-metadata":{"objects":[{"confidence":1},{"confidence":1}],"class-map":{"0":"cell","1":"dust"},"type":"groundtruth/object-detection","human-annotated":"yes","creation-date":"2026-01-01T00:00:00","job-name":"j"}}
            """.Trim()));
        var truth = Assert.Single(TruthBoxes.Of(line, new ImageHeader(ImageFormat.Jpeg, 200, 100, 1), new Dictionary<string, int> { ["cell"] = 0 }));
        Assert.Equal(new LabelledBox(0, new Box(.1f, .1f, .5f, .5f)), truth);
    }
}
