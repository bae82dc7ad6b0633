using System.Diagnostics;
using System.Globalization;
using Ocellus.Training.Job;
using Ocellus.Vision.Kernels;
using Ocellus.Vision.Recipes;
using TorchSharp;
using static TorchSharp.torch;

namespace Ocellus.Benchmarks;

/// <summary>Times the first half of every backbone block, with its two convolutions separate and fused: forward and backward, best of eight.</summary>
internal static class BlocksBenchmark
{
    // Input channels, kernel size, stride, and the scale of the input image: EfficientNet-Lite0.
    private static readonly (int Inputs, int Side, int Stride, int Scale)[] Blocks =
        [
            (16, 3, 2, 2), (24, 3, 1, 4), (24, 5, 2, 4), (40, 5, 1, 8), (40, 3, 2, 8), (80, 3, 1, 16), (80, 5, 1, 16), (112, 5, 1, 16), (112, 5, 2, 16),
            (192, 5, 1, 32), (192, 3, 1, 32),
        ];

    public static int Run(string[] args)
    {
        TrainingLibrary.Check();
        int threads = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : Environment.ProcessorCount;
        set_num_threads(threads);
        foreach ((int count, int height, int width) in new[] { (8, 320, 416), (16, 224, 224) })
        {
            using (NewDisposeScope())
            {
                Tensor x = randn(count, height, width, 3).permute(0, 3, 1, 2);
                Tensor e = (randn(32, 3, 3, 3) * .2).requires_grad_(), eb = randn(32).requires_grad_();
                Tensor d = (randn(32, 1, 3, 3) * .2).requires_grad_(), db = randn(32).requires_grad_();
                Print(count, $"{height}x{width}, stem and first block",
                    Best(() => Depthwise.Convolve(
                        nn.functional.relu6(nn.functional.conv2d(nn.functional.pad(x, [0, 1, 0, 1]), e, eb, strides: [2, 2])), d, db, 1, 1, 1, activate: true)),
                    Best(() => ExpandedDepthwise.Convolve(Patches.Of(x, 3, 2, [0, 0, 1, 1]), Patches.Weights(e), eb, d, db, 1, 1, 1)));
            }

            foreach ((int inputs, int side, int stride, int scale) in Blocks)
            {
                using var scope = NewDisposeScope();
                int channels = inputs * 6, zeros = side - stride, before = zeros / 2, after = zeros - before;
                Tensor x = randn(count, height / scale, width / scale, inputs).permute(0, 3, 1, 2).requires_grad_();
                Tensor e = (randn(channels, inputs, 1, 1) * .2).requires_grad_(), eb = randn(channels).requires_grad_(), d = (
                    randn(channels, 1, side, side) * .2).requires_grad_(), db = randn(channels).requires_grad_();
                Print(count, $"{height / scale}x{width / scale}, {inputs} to {channels}, {side}x{side} stride {stride}",
                    Best(() => Depthwise.Convolve(Pointwise.Convolve(x, e, eb, activate: true), d, db, stride, before, after, activate: true)),
                    Best(() => ExpandedDepthwise.Convolve(x, e, eb, d, db, stride, before, after)));
            }
        }

        return 0;
    }

    private static void Print(int count, string what, (double Forward, double Backward) separate, (double Forward, double Backward) fused) =>
        System.Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{count} x {what}: separate {separate.Forward:0.0} + {separate.Backward:0.0} = {separate.Forward + separate.Backward:0.0} ms, "
            + $"fused {fused.Forward:0.0} + {fused.Backward:0.0} = {fused.Forward + fused.Backward:0.0} ms"));

    private static (double Forward, double Backward) Best(Func<Tensor> run)
    {
        double forward = double.MaxValue, backward = double.MaxValue;
        Tensor? gradient = null;
        for (int i = 0; i < 8; i++)
        {
            using var scope = NewDisposeScope();
            long t = Stopwatch.GetTimestamp();
            Tensor y = run();
            forward = Math.Min(forward, Stopwatch.GetElapsedTime(t).TotalMilliseconds);
            gradient ??= TensorValues.ChannelsLast(randn(y.shape)).DetachFromDisposeScope();
            t = Stopwatch.GetTimestamp();
            y.backward([gradient]);
            backward = Math.Min(backward, Stopwatch.GetElapsedTime(t).TotalMilliseconds);
        }

        gradient?.Dispose();
        return (forward, backward);
    }
}
