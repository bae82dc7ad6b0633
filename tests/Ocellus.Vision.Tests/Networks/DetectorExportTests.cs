using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Networks;
using Ocellus.Vision.Onnx;
using Ocellus.Vision.Recipes;
using Ocellus.Vision.Tests.Boxes;
using Ocellus.Vision.Tests.Recipes;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace Ocellus.Vision.Tests.Networks;

public sealed class DetectorExportTests
{
    private const int Width = 160, Height = 128, Labels = 3;

    [Fact]
    public void The_exported_model_answers_as_torch_does_with_suppression_and_limit()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        OnnxFile backbone = OnnxFile.Load(FeatureExtractor.DefaultBackbone);
        using var network = new Detector(backbone, OnnxFile.Load(new DetectorPlan().StartPath), Labels, seed: 1);
        byte[] rgb = Scenes();
        (float[] points, _) = Detector.Points(Height, Width);
        Tensor images = ((tensor(rgb, [2, Height, Width, 3]).to(ScalarType.Float32) - 127) / 128).permute(0, 3, 1, 2);
        (Tensor logits, Tensor boxes) = network.Forward(images, tensor(points, [points.Length / 2, 2]), training: false);
        float[] scores = logits.sigmoid().contiguous().data<float>().ToArray(), sides = boxes.contiguous().data<float>().ToArray();

        Found[] answered = Run(Compose(backbone, network), rgb, 2);

        int total = 0;
        for (int p = 0; p < 2; p++)
        {
            Found[] expected = [.. Enumerable.Range(0, Labels).SelectMany(l => Expected(p, l)).OrderByDescending(f => f.Score).Take(DetectorExport.BoxesMax)];
            Found[] actual = [.. answered.Where(a => a.Image == p)];
            total += actual.Length;
            Assert.Equal(expected.Length, actual.Length);
            Assert.True(actual.Zip(actual.Skip(1)).All(x => x.First.Score >= x.Second.Score));
            for (int i = 0; i < expected.Length; i++)
            {
                Assert.Equal(expected[i].Score, actual[i].Score, 1e-3f);
            }

            // The sure ones, whose order rounding does not change.
            foreach (Found e in expected.Take(5))
            {
                Assert.Contains(actual, a => a.Label == e.Label && Math.Abs(a.Score - e.Score) < 1e-3 && BoxOverlap.Iou(a.Box, e.Box) > .99);
            }
        }

        Assert.True(total > 10, $"{total} boxes say little");

        IEnumerable<Found> Expected(int image, int label)
        {
            int count = points.Length / 2;
            int[] candidates = [.. Enumerable.Range(0, count).Where(i => scores[(image * count + i) * Labels + label] > DetectorExport.ScoreMin)];
            Box[] rects = [.. candidates.Select(i => Rect(sides.AsSpan((image * count + i) * 4, 4)))];
            float[] values = [.. candidates.Select(i => scores[(image * count + i) * Labels + label])];
            return Suppression.Suppress(
                rects, values, DetectorExport.IouMax).Take(DetectorExport.BoxesMax).Select(k => new Found(image, label, values[k], rects[k]));
        }
    }

    [Fact]
    public void Calibration_changes_the_scores_and_neither_the_boxes_nor_their_order()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        OnnxFile backbone = OnnxFile.Load(FeatureExtractor.DefaultBackbone);
        using var network = new Detector(backbone, OnnxFile.Load(new DetectorPlan().StartPath), Labels, seed: 1);

        Found[] raw = Run(Compose(backbone, network), Scenes(), 2), calibrated = Run(Compose(backbone, network, new LogitScale(1.5f, .5f)), Scenes(), 2);

        Assert.InRange(raw.Length, 11, 200);
        Assert.Equal(raw.Select(f => (f.Image, f.Label, f.Box)), calibrated.Select(f => (f.Image, f.Label, f.Box)));
        foreach ((Found before, Found after) in raw.Zip(calibrated))
        {
            // score / (1 - score) to the power of 1.5, times the root of e.
            double odds = Math.Pow(before.Score / (1 - before.Score), 1.5) * Math.Exp(.5);
            Assert.Equal(odds / (1 + odds), after.Score, 1e-4);
        }
    }

    [Fact]
    public void At_most_a_hundred_boxes_an_image_and_none_is_no_error()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        OnnxFile backbone = OnnxFile.Load(FeatureExtractor.DefaultBackbone);
        using var network = new Detector(backbone, OnnxFile.Load(new DetectorPlan().StartPath), Labels, seed: 1);
        // Every point answers a tiny box of every label: more than a thousand, none of which covers another.
        Answer(network, 3, -8);
        Found[] many = Run(Compose(backbone, network), Scenes(), 2);
        Assert.Equal([100, 100], Enumerable.Range(0, 2).Select(p => many.Count(m => m.Image == p)));
        // No point answers.
        Answer(network, -20, 0);
        Assert.Empty(Run(Compose(backbone, network), Scenes(), 2));
    }

    [Fact]
    public void The_server_answers_as_a_bare_session_over_the_exported_file_does()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        OnnxFile backbone = OnnxFile.Load(FeatureExtractor.DefaultBackbone);
        using var network = new Detector(backbone, OnnxFile.Load(new DetectorPlan().StartPath), Labels, seed: 1);
        byte[] model = Compose(backbone, network), bytes = DrawnScenes.Task(1, seed: 9).Images.Read(0); // 160 × 120: eight rows of grey below
        using var server = new TrainedModel(
            model, new ModelDescription(ModelKinds.Localization, ["a", "b", "c"], Width, Height, "fit", "", new Dictionary<string, string>()));

        IReadOnlyList<Prediction> answer = server.Predict([server.Prepare(bytes, ImageLimits.Default)])[0];

        DecodedImage image = ImageDecoder.DecodeFitted(bytes, Width, Height);
        Assert.Equal((160, 120), (image.Width, image.Height));
        var canvas = new byte[Width * Height * 3];
        Array.Fill(canvas, (byte)127);
        image.Rgb.CopyTo(canvas, 0);
        Found[] bare = Run(model, canvas, 1);
        Assert.True(bare.Length > 5, $"{bare.Length} boxes say little");
        Assert.Equal(bare.Length, answer.Count);
        for (int i = 0; i < bare.Length; i++)
        {
            Assert.Equal((bare[i].Label, bare[i].Score), (answer[i].Label, answer[i].Score));
            Box b = bare[i].Box, a = answer[i].Box!.Value;
            Assert.Equal(Math.Clamp(b.Left, 0, 160), a.Left * 160, .5f);
            Assert.Equal(Math.Clamp(b.Top, 0, 120), a.Top * 120, .5f);
            Assert.Equal(Math.Clamp(b.Left + b.Width, 0, 160), (a.Left + a.Width) * 160, .5f);
            Assert.Equal(Math.Clamp(b.Top + b.Height, 0, 120), (a.Top + a.Height) * 120, .5f);
        }
    }

    private static byte[] Scenes()
    {
        var task = DrawnScenes.Task(2, seed: 8);
        var rgb = new byte[2 * Width * Height * 3];
        for (int i = 0; i < 2; i++)
        {
            ImageDecoder.DecodeSquashed(task.Images.Read(i), Width, Height).Rgb.CopyTo(rgb, i * Width * Height * 3);
        }

        return rgb;
    }

    private static void Answer(Detector network, float logit, float side)
    {
        foreach ((string name, var value) in network.Weights())
        {
            if (name is "heads.0.2.weight" or "heads.1.2.weight" or "heads.2.2.weight")
            {
                value.zero_();
            }
            else if (name is "heads.0.2.bias" or "heads.1.2.bias" or "heads.2.2.bias")
            {
                value.copy_(tensor((float[])[.. Enumerable.Repeat(logit, Labels), side, side, side, side]));
            }
        }
    }

    private static byte[] Compose(OnnxFile backbone, Detector network, LogitScale? scale = null) => DetectorExport.Compose(
        backbone,
        network.Weights().Select(w => (w.Name, (Tensor)w.Value)).Concat(network.Statistics()).ToDictionary(
            w => w.Item1, w => (w.Item2.contiguous().data<float>().ToArray(), w.Item2.shape)),
        Labels, Width, Height, scale ?? LogitScale.None);

    private static Found[] Run(byte[] model, byte[] rgb, int images)
    {
        using var session = new InferenceSession(model);
        using var results = session.Run([NamedOnnxValue.CreateFromTensor("image", new DenseTensor<byte>(rgb, [images, Height, Width, 3]))]);
        Assert.Equal(["boxes", "scores", "labels", "pictures"], results.Select(r => r.Name));
        float[] boxes = [.. results[0].AsEnumerable<float>()], scores = [.. results[1].AsEnumerable<float>()];
        long[] labels = [.. results[2].AsEnumerable<long>()], owners = [.. results[3].AsEnumerable<long>()];
        return [.. scores.Select((s, i) => new Found((int)owners[i], (int)labels[i], s, Rect(boxes.AsSpan(4 * i, 4))))];
    }

    private static Box Rect(ReadOnlySpan<float> sides) => new(sides[0], sides[1], sides[2] - sides[0], sides[3] - sides[1]);

    private sealed record Found(int Image, int Label, float Score, Box Box);
}
