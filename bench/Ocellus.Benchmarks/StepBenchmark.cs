using System.Diagnostics;
using System.Globalization;
using Ocellus.Training.Job;
using Ocellus.Vision.Networks;
using Ocellus.Vision.Onnx;
using Ocellus.Vision.Recipes;
using TorchSharp;
using static TorchSharp.torch;

namespace Ocellus.Benchmarks;

/// <summary>Times one training step of both networks on random images: forward and backward, in milliseconds per image.</summary>
internal static class StepBenchmark
{
    public static int Run(string[] args)
    {
        int threads = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : Environment.ProcessorCount;
        var plan = new DetectorPlan();
        TrainingLibrary.Check();
        set_num_threads(threads);
        OnnxFile backbone = OnnxFile.Load(plan.BackbonePath);
        foreach (int frozen in new[] { 0, 2 })
        {
            using var scope = NewDisposeScope();
            using var detector = new Detector(backbone, OnnxFile.Load(plan.StartPath), labels: 3, seed: 0);
            detector.Freeze(frozen);
            Tensor images = rand(8, 320, 416, 3).permute(0, 3, 1, 2);
            Tensor centres = tensor(Detector.Points(320, 416).Centres).reshape(-1, 2);
            Time($"detector, 8 images of 416x320, {frozen} frozen blocks", 8, () =>
            {
                (Tensor logits, Tensor boxes) = detector.Forward(images, centres, training: true);
                return logits.sigmoid().mean() + boxes.abs().mean();
            });
        }

        using var outer = NewDisposeScope();
        using var network = new EfficientNetLite0(backbone);
        Tensor small = rand(16, 224, 224, 3).permute(0, 3, 1, 2);
        Time("classifier, 16 images of 224x224", 16, () => network.forward(small).square().mean());
        return 0;
    }

    private static void Time(string what, int images, Func<Tensor> forward)
    {
        var (best, bestForward) = (double.MaxValue, double.MaxValue);
        for (int i = 0; i < 8; i++)
        {
            using var scope = NewDisposeScope();
            long t = Stopwatch.GetTimestamp();
            Tensor loss = forward();
            double first = Stopwatch.GetElapsedTime(t).TotalMilliseconds;
            loss.backward();
            double all = Stopwatch.GetElapsedTime(t).TotalMilliseconds;
            (best, bestForward) = (Math.Min(best, all), Math.Min(bestForward, first));
        }

        System.Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{what}: forward {bestForward / images:0.0} + backward {(best - bestForward) / images:0.0} = {best / images:0.0} ms per image"));
    }
}
