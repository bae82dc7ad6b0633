using System.Diagnostics;
using System.Globalization;
using Ocellus.Vision.Kernels;
using Ocellus.Vision.Networks;
using Ocellus.Vision.Onnx;
using Ocellus.Vision.Recipes;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ocellus.Benchmarks;

/// <summary>
/// Compares own code with libraries: convolutions, AdamW and L-BFGS. Alternates between them, so that other load slows both down. Prints the medians, and the
/// median difference of adjacent runs.
/// </summary>
internal static class OwnCodeBenchmark
{
    private const int Batch = 8, Height = 320, Width = 416, SmallBatch = 16, SmallSide = 224;

    public static int Run(string[] args)
    {
        TrainingLibrary.Check();
        if (args is ["memory", var choice])
        {
            return Memory(Enum.Parse<KernelChoice>(choice, ignoreCase: true));
        }

        int rounds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 15;
        set_num_threads(Environment.ProcessorCount);
        Print($"{rounds} rounds, {Environment.ProcessorCount} threads");
        foreach ((string name, Func<KernelChoice, Subject> make) in new (string, Func<KernelChoice, Subject>)[]
        {
            ($"detector, {Batch} images of {Width}x{Height}", Detect), ($"classifier, {SmallBatch} images of {SmallSide}x{SmallSide}", Classify),
        })
        {
            Kernels(name, make, rounds);
            Optimizers(name, make, rounds);
        }

        Heads(rounds, new ClassifierPlan().Regularisation);
        Heads(rounds, 1);
        return 0;
    }

    private static void Kernels(string name, Func<KernelChoice, Subject> make, int rounds)
    {
        using var scope = NewDisposeScope();
        using Subject own = make(KernelChoice.Own), libtorch = make(KernelChoice.Libtorch);
        Compare($"{name}: kernels, forward and backward", rounds, own.Backward, libtorch.Backward);
    }

    private static void Optimizers(string name, Func<KernelChoice, Subject> make, int rounds)
    {
        using var scope = NewDisposeScope();
        using Subject subject = make(KernelChoice.Own);
        List<(string Name, Parameter Value)> weights = [.. subject.Weights];
        var own = new Vision.Recipes.AdamW(weights, _ => 1e-6, .05);
        using var library = optim.AdamW(weights.Select(w => w.Value), lr: 1e-6, weight_decay: .05);
        subject.Backward();
        double each = Compare($"{name}: AdamW, {weights.Sum(w => w.Value.numel()) / 1e6:0.0} million weights", rounds, () => own.Step(1), () => library.step());
        double step = Time(subject.Backward);
        Print($"{name}: the difference is {100 * each / step:0.0} % of forward and backward ({step:0} ms)");
    }

    private static void Heads(int rounds, double weight)
    {
        // The rows of 300 images with their views, and overlapping features of five labels.
        const int Rows = 1800, Labels = 5;
        int width = EfficientNetLite0.EmbeddingSize;
        // Not for security; the same numbers in every run.
#pragma warning disable CA5394
        var random = new Random(1);
        var x = new float[Rows * width];
        var y = new float[Rows * Labels];
        double[] means = [.. Enumerable.Range(0, Labels * width).Select(_ => random.NextDouble())];
        for (int r = 0; r < Rows; r++)
        {
            y[r * Labels + r % Labels] = 1;
            for (int i = 0; i < width; i++)
            {
                x[r * width + i] = (float)(.3 * means[r % Labels * width + i] + random.NextDouble());
            }
        }
#pragma warning restore CA5394
        double own = 0, library = 0;
        Compare(
            FormattableString.Invariant($"head of {Labels} labels, {Rows} rows, loss weight {weight}: L-BFGS"), rounds,
            () =>
            {
                LinearHead head = LogisticRegression.Fit(x, y, Rows, Labels, multiLabel: false, weight, CancellationToken.None);
                own = Loss(x, y, Rows, Labels, weight, head);
            },
            () => library = Loss(x, y, Rows, Labels, weight, Fit(x, y, Rows, Labels, weight)));
        Print($"head, loss weight {weight}: reached {own:0.00000} by own code, {library:0.00000} by torch.optim.LBFGS");
    }

    /// <summary>Fits the same head with libtorch's L-BFGS, which has no line search in TorchSharp.</summary>
    private static LinearHead Fit(float[] features, float[] targets, int rows, int labels, double c)
    {
        int width = features.Length / rows;
        using CollectionPause pause = CollectionPause.Begin();
        using var scope = NewDisposeScope();
        Tensor x = TensorValues.Copied(features, rows, width), y = TensorValues.Copied(targets, rows, labels);
        using var weight = new Parameter(zeros(width, labels));
        using var bias = new Parameter(zeros(labels));
        double gradientTolerance = 1e-4 * Math.Max(1, c * rows);
        using var optimizer = optim.LBFGS([weight, bias], lr: 1, max_iter: 300, tolerange_grad: gradientTolerance, tolerance_change: 1e-7, history_size: 10);
        optimizer.step(() =>
        {
            optimizer.zero_grad();
            Tensor logits = x.matmul(weight) + bias;
            Tensor loss = c * (logits.logsumexp(1) - (logits * y).sum(1)).sum() + .5 * weight.square().sum();
            loss.backward();
            return loss;
        });
        using var noGrad = no_grad();
        return new LinearHead(weight.t().contiguous().data<float>().ToArray(), bias.data<float>().ToArray(), width);
    }

    private static double Loss(float[] features, float[] targets, int rows, int labels, double c, LinearHead head)
    {
        using var scope = NewDisposeScope();
        Tensor x = TensorValues.Copied(features, rows, head.Features), y = TensorValues.Copied(targets, rows, labels);
        Tensor w = tensor(head.Weight, [labels, head.Features]);
        Tensor logits = nn.functional.linear(x, w, tensor(head.Bias));
        return c * (logits.logsumexp(1) - (logits * y).sum(1)).sum().item<float>() + .5 * w.square().sum().item<float>();
    }

    private static Subject Detect(KernelChoice kernels)
    {
        var plan = new DetectorPlan();
        var detector = new Detector(OnnxFile.Load(plan.BackbonePath), OnnxFile.Load(plan.StartPath), labels: 3, seed: 0, kernels);
        Tensor images = rand(Batch, Height, Width, 3).permute(0, 3, 1, 2), centres = tensor(Detector.Points(Height, Width).Centres).reshape(-1, 2);
        return new Subject(detector, detector.Weights(), () =>
        {
            (Tensor logits, Tensor boxes) = detector.Forward(images, centres, training: true);
            return logits.sigmoid().mean() + boxes.abs().mean();
        });
    }

    private static Subject Classify(KernelChoice kernels)
    {
        var network = new EfficientNetLite0(OnnxFile.Load(new ClassifierPlan().BackbonePath), kernels);
        Tensor images = rand(SmallBatch, SmallSide, SmallSide, 3).permute(0, 3, 1, 2);
        return new Subject(network, network.WeightsByName(), () => network.forward(images).square().mean());
    }

    /// <summary>Prints the peak memory of the process after three steps of the detector.</summary>
    private static int Memory(KernelChoice kernels)
    {
        const int Steps = 3;
        set_num_threads(Environment.ProcessorCount);
        using var scope = NewDisposeScope();
        using Subject subject = Detect(kernels);
        for (int i = 0; i < Steps; i++)
        {
            subject.Backward();
        }

        string peak = File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmHWM", StringComparison.Ordinal));
        Print($"detector, {Batch} images of {Width}x{Height}, {kernels}: {peak}");
        return 0;
    }

    /// <summary>Times own code and library alternately, with alternating order in each pair. Returns the median difference in milliseconds.</summary>
    private static double Compare(string what, int rounds, Action own, Action library)
    {
        own();
        library(); // warm-up of both
        var (first, second, apart) = (new List<double>(), new List<double>(), new List<double>());
        for (int i = 0; i < rounds; i++)
        {
            double ours = 0, other = 0;
            foreach (bool isOwn in i % 2 == 0 ? (bool[])[true, false] : [false, true])
            {
                if (isOwn)
                {
                    ours = Time(own);
                }
                else
                {
                    other = Time(library);
                }
            }

            first.Add(ours);
            second.Add(other);
            apart.Add(other - ours);
        }

        string medians = FormattableString.Invariant($"own {Median(first):0.0} ms, library {Median(second):0.0} ms, own faster by {Median(apart):0.0} ms");
        Print($"{what}: {medians} ({apart.Count(a => a > 0)} of {rounds} pairs)");
        return Median(apart);
    }

    private static double Time(Action run)
    {
        long t = Stopwatch.GetTimestamp();
        run();
        return Stopwatch.GetElapsedTime(t).TotalMilliseconds;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static void Print(FormattableString text) => System.Console.WriteLine(FormattableString.Invariant(text));

    /// <summary>A network, and the loss of one step.</summary>
    private sealed class Subject(IDisposable network, IEnumerable<(string Name, Parameter Value)> weights, Func<Tensor> loss) : IDisposable
    {
        public IEnumerable<(string Name, Parameter Value)> Weights { get; } = weights;

        public void Backward()
        {
            using CollectionPause pause = CollectionPause.Begin();
            using var scope = NewDisposeScope();
            loss().backward();
        }

        public void Dispose() => network.Dispose();
    }
}
