using Ocellus.Vision.Kernels;
using Ocellus.Vision.Networks;
using Ocellus.Vision.Onnx;
using Ocellus.Vision.Recipes;
using TorchSharp;
using static TorchSharp.torch;

namespace Ocellus.Vision.Tests.Recipes;

/// <summary>A few steps by this library's kernels and by libtorch's operations: the setting must not change what is learnt.</summary>
[Collection(nameof(Alone))]
public sealed class KernelChoiceTests
{
    private const int Steps = 4;

    // A fifth of the full rate, as in the middle of the warm-up.
    private const double Rate = .2;

    // Before the first step both sum the same products of float32 in another order, with a relative error of 6e-8 for each sum, some fifty layers
    // deep. Every step widens the distance, by what is said of the weights below.
    private const double FirstLossApart = 1e-5, LossApart = 5e-4;

    // Adam moves a weight by its gradient divided by the gradient's own size: where rounding decides the sign of a gradient near zero, the two
    // go opposite ways. Those are few, so that all weights of a tensor together stay near each other, compared with how far they went.
    private const double WeightsApart = .05;

    [Fact]
    public void A_classifier_learns_the_same_with_libtorchs_operations()
    {
        (double[] ownLosses, var own) = Classifier(KernelChoice.Own);
        (double[] losses, var weights) = Classifier(KernelChoice.Libtorch);
        AssertNear(ownLosses, losses, own, weights);
    }

    [Fact]
    public void A_detector_learns_the_same_with_libtorchs_operations()
    {
        (double[] ownLosses, var own) = Detector(KernelChoice.Own);
        (double[] losses, var weights) = Detector(KernelChoice.Libtorch);
        AssertNear(ownLosses, losses, own, weights);
    }

    private static (double[] Losses, List<Dictionary<string, float[]>> Weights) Classifier(KernelChoice kernels)
    {
        var plan = new ClassifierPlan { Size = 64, Batch = 4, Threads = 1, WarmUpSteps = 1, Kernels = kernels };
        set_num_threads(1);
        var design = new ClassifierDesign(ClassifierInput.Square(plan.Size), ClassifierHeadKind.Average);
        using var scope = NewDisposeScope();
        var task = new ClassifierTask(DrawnScenes.Files([[], [], [], []]), [[0], [1], [2], [0]], ["a", "b", "c"], MultiLabel: false);
        using var network = new ClassifierNetwork(task, plan, design, OnnxFile.Load(plan.BackbonePath), plan.Batch);
        float[] planes = Noise(plan.Batch * 3 * plan.Size * plan.Size), targets = [1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0];
        var batch = new ClassifierBatch(planes, targets, plan.Batch, plan.Size, plan.Size);
        var linear = new LinearHead([.. Noise(3 * EfficientNetLite0.EmbeddingSize).Select(v => v * .05f)], [0, 0, 0], EfficientNetLite0.EmbeddingSize);
        network.StartFrom(new ClassifierHead(linear, null));
        return Run(step => network.Gradients(batch, step), step => network.Step(Rate, step), () => network.Capture("", 0, 0, frozen: false));
    }

    private static (double[] Losses, List<Dictionary<string, float[]>> Weights) Detector(KernelChoice kernels)
    {
        var plan = new DetectorPlan { LongSide = 96, Batch = 3, Threads = 1, Kernels = kernels };
        set_num_threads(1);
        using var scope = NewDisposeScope();
        DetectorTask task = DrawnScenes.Task(3);
        DetectorInput input = DetectorTrainer.Choose(task, plan);
        using var network = new DetectorNetwork(task, plan, OnnxFile.Load(plan.BackbonePath), input);
        DetectorBatch batch = new DetectorBatches(task, plan, new DetectorViews(task.Images, task.Boxes, input, plan), []).Make(0, Steps, plan.Batch);
        return Run(_ => network.Gradients(batch), step => network.Step(Rate, step + 1), () => network.Capture("", 0, 0));
    }

    /// <summary>Losses, and the weights before the first and after the last step.</summary>
    private static (double[] Losses, List<Dictionary<string, float[]>> Weights) Run(
        Func<int, double> gradients, Action<int> move, Func<TrainingCheckpoint> capture)
    {
        var losses = new double[Steps];
        List<Dictionary<string, float[]>> weights = [Values(capture())];
        for (int step = 0; step < Steps; step++)
        {
            losses[step] = gradients(step);
            move(step);
        }

        weights.Add(Values(capture()));
        return (losses, weights);

        // Averages and statistics follow the weights.
        static Dictionary<string, float[]> Values(TrainingCheckpoint from) =>
            from.Values.Where(v => !v.Key.Contains(':', StringComparison.Ordinal)).ToDictionary(v => v.Key, v => v.Value[0]);
    }

    private static void AssertNear(double[] ownLosses, double[] losses, List<Dictionary<string, float[]>> own, List<Dictionary<string, float[]>> weights)
    {
        double[] apartBy = [.. ownLosses.Zip(losses, (a, b) => Math.Abs(a - b) / a)];
        Assert.InRange(apartBy[0], 0, FirstLossApart);
        Assert.All(apartBy, a => Assert.InRange(a, 0, LossApart));
        Assert.NotEqual(ownLosses[0], ownLosses[^1], 1e-3); // it did learn
        foreach ((string name, float[] before) in own[0])
        {
            Assert.Equal(before, weights[0][name]);
            double moved = Size(own[1][name], before), apart = Size(own[1][name], weights[1][name]);
            TestContext.Current.TestOutputHelper?.WriteLine($"{name}: {apart / moved:0.00000} of {moved:0.000000}");
            Assert.True(apart <= WeightsApart * moved, $"{name}: {apart} apart, moved by {moved}");
        }
    }

    private static double Size(float[] a, float[] b) => Math.Sqrt(a.Zip(b, (x, y) => (double)(x - y) * (x - y)).Average());

    private static float[] Noise(int count)
    {
        var random = new Random(7);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(2 * random.NextDouble() - 1))];
    }
}
