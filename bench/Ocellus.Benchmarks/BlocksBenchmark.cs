using System.Diagnostics;
using System.Globalization;
using Ocellus.Vision.Models;
using Ocellus.Vision.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Ocellus.Benchmarks;

/// <summary>Times the first half of every block of the backbone, both ways: forward and backward, best of eight.</summary>
internal static class BlocksBenchmark
{
    // Inputs, outputs, kernel, stride, times: EfficientNet-Lite0.
    private static readonly (int Inputs, int Side, int Stride, int Scale)[] Blocks =
        [(16, 3, 2, 2), (24, 3, 1, 4), (24, 5, 2, 4), (40, 5, 1, 8), (40, 3, 2, 8), (80, 3, 1, 16), (80, 5, 1, 16), (112, 5, 1, 16), (112, 5, 2, 16), (192, 5, 1, 32), (192, 3, 1, 32)];

    public static int Run(string[] args)
    {
        TrainingLibrary.Check();
        int threads = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : Environment.ProcessorCount;
        set_num_threads(threads);
        foreach ((int count, int height, int width) in new[] { (8, 320, 416), (16, 224, 224) })
        {
            foreach ((int inputs, int side, int stride, int scale) in Blocks)
            {
                using var scope = NewDisposeScope();
                int channels = inputs * 6, zeros = side - stride, before = zeros / 2, after = zeros - before;
                Tensor x = randn(count, height / scale, width / scale, inputs).permute(0, 3, 1, 2).requires_grad_();
                Tensor e = (randn(channels, inputs, 1, 1) * .2).requires_grad_(), eb = randn(channels).requires_grad_(), d = (randn(channels, 1, side, side) * .2).requires_grad_(), db = randn(channels).requires_grad_();
                (double f1, double b1) = Best(() => Depthwise.Convolve(Pointwise.Convolve(x, e, eb, activate: true), d, db, stride, before, after, activate: true));
                (double f2, double b2) = Best(() => ExpandedDepthwise.Convolve(x, e, eb, d, db, stride, before, after));
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count} x {height / scale}x{width / scale}, {inputs} to {channels}, {side}x{side} stride {stride}: apart {f1:0.0} + {b1:0.0} = {f1 + b1:0.0} ms, together {f2:0.0} + {b2:0.0} = {f2 + b2:0.0} ms"));
            }
        }

        return 0;
    }

    private static (double Forward, double Backward) Best(Func<Tensor> run)
    {
        double forward = double.MaxValue, backward = double.MaxValue;
        Tensor? known = null;
        for (int i = 0; i < 8; i++)
        {
            using var scope = NewDisposeScope();
            long t = Stopwatch.GetTimestamp();
            Tensor y = run();
            forward = Math.Min(forward, Stopwatch.GetElapsedTime(t).TotalMilliseconds);
            known ??= EfficientNetLite0.ChannelsLast(randn(y.shape)).DetachFromDisposeScope();
            t = Stopwatch.GetTimestamp();
            y.backward([known]);
            backward = Math.Min(backward, Stopwatch.GetElapsedTime(t).TotalMilliseconds);
        }

        known?.Dispose();
        return (forward, backward);
    }
}
