using Ocellus.Vision.Inference;
using Ocellus.Vision.Kernels;
using Ocellus.Vision.Networks;
using Ocellus.Vision.Onnx;
using Ocellus.Vision.Recipes;
using TorchSharp;
using static TorchSharp.torch;

namespace Ocellus.Vision.Tests.Recipes;

[Collection(nameof(Alone))]
public sealed class HeadFitTests
{
    private const int Rows = 90, Places = 100;

    [Fact]
    public void One_place_among_a_hundred_decides_and_the_average_does_not_see_it()
    {
        using var scope = NewDisposeScope();
        (HeadFeatures features, float[] targets) = Marked();
        int[] folds = [.. Enumerable.Range(0, Rows).Select(i => i / 2 % 3)];
        HeadGroup[] groups =
        [
            .. new[] { ClassifierHeadKind.Average, ClassifierHeadKind.Evidence }.SelectMany(k => Enumerable.Range(0, 3).Select(f => new HeadGroup(k, f))),
        ];
        var fit = new HeadFit(features, targets, folds, groups, 2, multiLabel: false, (1e-4, 1e-3));

        fit.Run(200, 24, seed: 0, _ => true);

        Assert.InRange(Tested(0), 0, .8);
        Assert.InRange(Tested(3), .85, 1);

        // The share of images whose label has the higher logit in the head that has not learnt from them.
        double Tested(int first) => Enumerable.Range(0, 3).Average(f => Enumerable.Range(0, Rows).Where(i => folds[i] == f)
            .Average(i => fit.Logits([i], first + f)[0] is var z && (z[1] > z[0]) == (i % 2 == 1) ? 1.0 : 0));
    }

    [Fact]
    public void An_image_of_the_fold_left_out_changes_nothing()
    {
        using var scope = NewDisposeScope();
        (HeadFeatures features, float[] targets) = Marked();
        int[] folds = [.. Enumerable.Range(0, Rows).Select(i => i < 10 ? 1 : 0)];
        float[] swapped = [.. targets];
        (swapped[0], swapped[1]) = (swapped[1], swapped[0]);

        float[] Fitted(float[] with)
        {
            var fit = new HeadFit(features, with, folds, [new HeadGroup(ClassifierHeadKind.Both, 1)], 2, multiLabel: false, (1e-4, 1e-3));
            fit.Run(30, 24, seed: 0, _ => true);
            return fit.Logits([30], 0)[0];
        }

        Assert.Equal(Fitted(targets), Fitted(swapped));
    }

    [Theory]
    [InlineData(ClassifierHeadKind.Average, 32)]
    [InlineData(ClassifierHeadKind.Evidence, 16)]
    [InlineData(ClassifierHeadKind.Both, 16)]
    public void The_exported_head_answers_as_the_fitted_one_and_shows_its_evidence(ClassifierHeadKind kind, int stride)
    {
        const int Width = 96, Height = 64;
        using var scope = NewDisposeScope();
        using var extractor = new FeatureExtractor(FeatureExtractor.DefaultBackbone, 1);
        var random = new Random(4);
        byte[][] images = [.. Enumerable.Range(0, 6).Select(_ => Enumerable.Range(0, 3 * Width * Height).Select(_ => (byte)random.Next(256)).ToArray())];
        var input = new ClassifierInput(Width, Height, KeepsAspect: true);
        HeadFeatures features = HeadFeatures.Extract(
            extractor, input, maps: true, images.Length, (row, planes) => FeatureExtractor.Normalise(images[row], planes), 2, _ => true,
            TestContext.Current.CancellationToken);
        float[] targets = [.. Enumerable.Range(0, 6).SelectMany(i => new float[] { i % 2, 1 - i % 2 })];
        var fit = new HeadFit(features, targets, new int[6], [new HeadGroup(kind, -1)], 2, multiLabel: true, (1e-4, 1e-3));
        fit.Run(20, 4, seed: 0, _ => true);
        float[] expected = fit.Logits([1], 0)[0];

        byte[] model = ClassifierExport.Compose(OnnxFile.Load(FeatureExtractor.DefaultBackbone), fit.Head(0), Width, Height, multiLabel: true);
        using var trained = new TrainedModel(model, new ModelDescription(
            ModelKinds.MultiLabel, ["a", "b"], Width, Height, "fit", "linear-head", new Dictionary<string, string>()));
        float[,] scores = trained.Score(images[1]);
        EvidenceMap map = trained.Evidence(new PreparedImage(images[1], 1, 1, null));

        for (int label = 0; label < 2; label++)
        {
            Assert.Equal(1 / (1 + Math.Exp(-expected[label])), scores[0, label], 1e-3);
        }

        Assert.Equal((Height / stride, Width / stride, 2 * (Height / stride) * (Width / stride)), (map.Rows, map.Columns, map.Values.Count));
        if (kind != ClassifierHeadKind.Both)
        {
            // The logit is the mean of the places that decide: all, or the eight with the most evidence.
            IEnumerable<float> places = map.Values.Take(map.Rows * map.Columns).OrderDescending();
            Assert.Equal(expected[0], (kind == ClassifierHeadKind.Average ? places : places.Take(EvidenceHead.Best)).Average(), 1e-2);
        }

        // What does not decide is not in the file.
        Assert.Equal(kind != ClassifierHeadKind.Evidence, OnnxBytes.Parse(model).Has("head.weight"));
    }

    [Fact]
    public void Calibrated_logits_are_those_of_the_head_times_the_factor()
    {
        var head = new ClassifierHead(new LinearHead([1, 2], [3], 2), new EvidenceHead([4], [5]));

        ClassifierHead twice = head.Times(2);

        Assert.Equal([2, 4, 6, 8, 10], [.. twice.Average!.Weight, .. twice.Average.Bias, .. twice.Evidence!.Weight, .. twice.Evidence.Bias]);
    }

    /// <summary>Noise; every other row has one place where some channels are high, too little to move the average.</summary>
    private static (HeadFeatures Features, float[] Targets) Marked()
    {
        var random = new Random(3);
        var embeddings = new float[Rows * EfficientNetLite0.EmbeddingSize];
        var maps = new Tensor[Rows];
        for (int row = 0; row < Rows; row++)
        {
            float[] map = [.. Enumerable.Range(0, EvidenceHead.Channels * Places).Select(_ => random.NextSingle() - .5f)];
            if (row % 2 == 1)
            {
                int place = random.Next(Places);
                for (int c = 0; c < 40; c++)
                {
                    map[c * Places + place] = 5;
                }
            }

            for (int c = 0; c < EvidenceHead.Channels; c++)
            {
                embeddings[row * EfficientNetLite0.EmbeddingSize + c] = map.AsSpan(c * Places, Places).ToArray().Average() + 4 * random.NextSingle() - 2;
            }

            maps[row] = TensorValues.Copied(map, EvidenceHead.Channels, Places);
        }

        return (new HeadFeatures(embeddings, maps), [.. Enumerable.Range(0, Rows).SelectMany(i => new float[] { 1 - i % 2, i % 2 })]);
    }
}
