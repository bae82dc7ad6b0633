using System.Text;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Evaluation;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Networks;
using Ocellus.Vision.Recipes;

namespace Ocellus.Vision.Tests.Recipes;

public sealed class OverfittedDetectorTests(OverfittedDetector overfitted) : IClassFixture<OverfittedDetector>
{
    [Fact]
    public void Eight_images_are_learnt_by_heart()
    {
        using var model = new TrainedModel(overfitted.Result.Model, overfitted.Result.Description);
        DetectorResult result = overfitted.Result;
        Assert.Equal((128, 96, "fit", ModelKinds.Localization), (
            result.Description.Width, result.Description.Height, result.Description.Resize, result.Description.Kind));
        IReadOnlyList<Prediction>[] found = [.. Enumerable.Range(0, 8).Select(
            i => model.Predict([model.Prepare(overfitted.Task.Images.Read(i), ImageLimits.Default)])[0])];

        DetectionReport report = DetectionMetrics.Compute(2, overfitted.Task.Boxes, found);

        Assert.True(report.AveragePrecision > .9, $"mAP@0.5 {report.AveragePrecision}");
        Assert.True(report.F1 > .9, $"F1 {report.F1}");
    }

    [Fact]
    public void Images_of_one_batch_answer_as_they_do_alone()
    {
        using var model = new TrainedModel(overfitted.Result.Model, overfitted.Result.Description);
        PreparedImage[] images = [.. Enumerable.Range(0, 3).Select(i => model.Prepare(overfitted.Task.Images.Read(i), ImageLimits.Default))];
        IReadOnlyList<Prediction>[] together = model.Predict(images);
        for (int i = 0; i < images.Length; i++)
        {
            IReadOnlyList<Prediction> alone = model.Predict([images[i]])[0];
            Assert.Equal(alone.Count, together[i].Count);
            Assert.InRange(alone.Count, 2, DetectorExport.BoxesMax);
            Assert.Equal(alone[0].Label, together[i][0].Label);
            Assert.Equal(alone[0].Score, together[i][0].Score, 1e-4f);
            Assert.Equal(alone[0].Box!.Value.Left, together[i][0].Box!.Value.Left, 1e-4f);
            Assert.True(together[i].Zip(together[i].Skip(1)).All(p => p.First.Score >= p.Second.Score));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public void Answered_boxes_are_in_the_image_as_shown(int orientation)
    {
        using var model = new TrainedModel(overfitted.Result.Model, overfitted.Result.Description);
        LabelledBox[] placed = [new(0, new Box(.05f, .1f, .3f, .35f)), new(1, new Box(.6f, .5f, .25f, .4f))];
        byte[] rgb = DrawnScenes.Draw(placed, new Random(6));
        byte[] bytes = DrawnScenes.Encode(rgb, DrawnScenes.Width, DrawnScenes.Height, orientation);
        Assert.Equal(orientation, ImageDecoder.ReadHeader(bytes).Orientation);

        IReadOnlyList<Prediction> found = model.Predict([model.Prepare(bytes, ImageLimits.Default)])[0];

        // Both are found where they are shown, whichever way they lie in the file.
        Assert.Equal([0, 1], BoxMatching.Match(placed, [found.First(f => f.Label == 0), found.First(f => f.Label == 1)]));
        IReadOnlyList<Prediction> upright = model.Predict(
            [model.Prepare(DrawnScenes.Encode(rgb, DrawnScenes.Width, DrawnScenes.Height), ImageLimits.Default)])[0];
        Assert.True(BoxOverlap.Iou(upright[0].Box!.Value, found.First(f => f.Label == upright[0].Label).Box!.Value) > .9);
    }

    [Fact]
    public void The_description_tells_readers_of_the_exported_file_what_comes_out()
    {
        ModelDescription read = ModelDescription.FromJson(Encoding.UTF8.GetBytes(overfitted.Result.Description.ToJson()));
        Assert.Contains("boxes: float32 [K, 4]", read.Output, StringComparison.Ordinal);
        Assert.Equal("fine-tuned: 90 steps of 8 images", read.Recipe);
        Assert.Equal(["brick", "ball"], read.Labels);
    }
}
