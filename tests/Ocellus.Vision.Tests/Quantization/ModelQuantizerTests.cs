using System.Text;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Quantization;
using Ocellus.Vision.Recipes;
using Ocellus.Vision.Tests.Recipes;

namespace Ocellus.Vision.Tests.Quantization;

public sealed class ModelQuantizerTests(OverfittedDetector overfitted) : IClassFixture<OverfittedDetector>
{
    [Fact]
    public void A_detector_of_bytes_finds_the_boxes_of_the_float_one()
    {
        DetectorResult result = overfitted.Result;
        int reports = 0;
        QuantizedModel quantized = ModelQuantizer.Quantize(
            result.Model, result.Description, overfitted.Task.Images, new QuantizationOptions { WeightBits = 7 }, (_, _) => reports++,
            TestContext.Current.CancellationToken);
        Assert.True(reports > 0);
        Assert.True(quantized.Model.Length < result.Model.Length / 2);
        var own = new Int8Description("", [], quantized.Temperature, quantized.ScoreShift, 7);
        ModelDescription description = (result.Description with { EightBit = own }).OfInt8();

        using var real = new TrainedModel(result.Model, result.Description);
        using var small = new TrainedModel(quantized.Model, description);
        int seen = 0;
        for (int i = 0; i < overfitted.Task.Images.Count; i++)
        {
            PreparedImage image = real.Prepare(overfitted.Task.Images.Read(i), new ImageLimits(SideMin: 1));
            IReadOnlyList<Prediction> found = small.Predict([image])[0];
            foreach (Prediction one in real.Predict([image])[0].Where(p => p.Score > .5f))
            {
                seen++;
                Assert.Contains(
                    found, f => f.Label == one.Label && Math.Abs(f.Score - one.Score) < .2f && BoxOverlap.Iou(f.Box!.Value, one.Box!.Value) > .8f);
            }
        }

        Assert.True(seen >= overfitted.Task.Images.Count, $"{seen} boxes say little");
    }

    [Fact]
    public void A_training_does_not_go_on_from_bytes()
    {
        ModelDescription bytes = overfitted.Result.Description with
        {
            Precision = ModelPrecisions.EightBit,
            ModelSha256 = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(overfitted.Result.Model)),
        };

        Assert.Contains(
            "computes with 8 bits", Assert.Throws<StartException>(() => StartModel.Read(overfitted.Result.Model, bytes)).Message, StringComparison.Ordinal);
        Assert.Equal(ModelPrecisions.EightBit, ModelDescription.FromJson(Encoding.UTF8.GetBytes(bytes.ToJson())).Precision);
    }
}
