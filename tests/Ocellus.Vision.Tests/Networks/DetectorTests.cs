using Ocellus.Vision.Inference;
using Ocellus.Vision.Networks;
using Ocellus.Vision.Onnx;
using Ocellus.Vision.Recipes;
using static TorchSharp.torch;

namespace Ocellus.Vision.Tests.Networks;

[Collection(nameof(Alone))]
public sealed class DetectorTests
{
    [Fact]
    public void Every_initializer_of_the_start_file_is_used_as_it_is()
    {
        using var scope = NewDisposeScope();
        OnnxFile start = OnnxFile.Load(new DetectorPlan().StartPath);
        using var network = new Detector(OnnxFile.Load(FeatureExtractor.DefaultBackbone), start, labels: 1, seed: 0);
        Dictionary<string, Tensor> own = network.Weights().Where(w => !Detector.IsBackbone(w.Name, out _)).Select(
            w => (w.Name, (Tensor)w.Value)).Concat(network.Statistics()).ToDictionary(w => w.Item1, w => w.Item2);

        Assert.Equal(132, start.InitializerNames.Count);
        Assert.Equal(start.InitializerNames.Order(), own.Keys.Order());
        foreach (string name in start.InitializerNames)
        {
            Assert.Equal(start.Shape(name), own[name].shape);
            Assert.Equal(start.Floats(name), own[name].detach().data<float>().ToArray());
        }
    }

    [Fact]
    public void Each_of_several_labels_starts_from_the_one_score_a_little_lower_and_a_little_apart()
    {
        using var scope = NewDisposeScope();
        OnnxFile start = OnnxFile.Load(new DetectorPlan().StartPath);
        using var network = new Detector(OnnxFile.Load(FeatureExtractor.DefaultBackbone), start, labels: 3, seed: 0);
        float[] one = start.Floats("heads.1.2.weight"), bias = start.Floats("heads.1.2.bias");
        float[] wide = Weight("heads.1.2.weight"), wideBias = Weight("heads.1.2.bias");

        Assert.Equal((3 + 4) * 96, wide.Length);
        Assert.Equal(one[96..], wide[(3 * 96)..]); // the four sides
        Assert.Equal([bias[0] - 1, bias[0] - 1, bias[0] - 1, .. bias[1..]], wideBias);
        for (int l = 0; l < 3; l++)
        {
            Assert.InRange(wide.Skip(l * 96).Take(96).Zip(one, (a, b) => Math.Abs(a - b)).Max(), .005f, .06f);
        }

        Assert.NotEqual(wide[..96], wide[96..192]);

        float[] Weight(string name) => network.Weights().First(w => w.Name == name).Value.detach().data<float>().ToArray();
    }

    [Fact]
    public void A_start_file_with_something_unknown_is_refused()
    {
        OnnxFile start = OnnxFile.Load(new DetectorPlan().StartPath);
        start.Set("heads.3.2.bias", [1f], 1);
        using var scope = NewDisposeScope();
        Assert.Contains("heads.3.2.bias", Assert.Throws<InvalidDataException>(
            () => new Detector(OnnxFile.Load(FeatureExtractor.DefaultBackbone), start, 1, 0)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Frozen_blocks_are_the_stem_and_the_first_ones()
    {
        using var scope = NewDisposeScope();
        using var network = new Detector(OnnxFile.Load(FeatureExtractor.DefaultBackbone), OnnxFile.Load(new DetectorPlan().StartPath), labels: 1, seed: 0);
        network.Freeze(0);
        Assert.All(network.Weights(), w => Assert.True(w.Value.requires_grad));
        network.Freeze(2);
        string[] frozen = [.. network.Weights().Where(w => !w.Value.requires_grad).Select(w => w.Name.Split('.')).Select(
            p => p[1] == "stem" ? "stem" : p[2]).Distinct().Order()];
        Assert.Equal(["0", "1", "stem"], frozen);
    }

    [Fact]
    public void Threads_do_not_change_the_answer()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var network = new Detector(OnnxFile.Load(FeatureExtractor.DefaultBackbone), OnnxFile.Load(new DetectorPlan().StartPath), labels: 3, seed: 0);
        (float[] points, _) = Detector.Points(64, 96);
        Tensor centres = tensor(points, [points.Length / 2, 2]), images = rand(3, 3, 64, 96) * 2 - 1;
        int before = get_num_threads();
        try
        {
            set_num_threads(1);
            (Tensor logits, Tensor boxes) = network.Forward(images, centres, training: false);
            Assert.Equal([3, points.Length / 2, 3], logits.shape);
            Assert.Equal([3, points.Length / 2, 4], boxes.shape);
            set_num_threads(2);
            (Tensor logits2, Tensor boxes2) = network.Forward(images, centres, training: false);
            Assert.True((logits - logits2).abs().max().item<float>() < 1e-3f);
            Assert.True((boxes - boxes2).abs().max().item<float>() < .05f);
        }
        finally
        {
            set_num_threads(before);
        }
    }
}
