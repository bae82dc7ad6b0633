using System.Globalization;
using Ocellus.Vision.Kernels;
using Ocellus.Vision.Onnx;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ocellus.Vision.Networks;

/// <summary>
/// Anchor-free detector: EfficientNet-Lite0, a neck that carries features down and up again, one light head per stride. Weights
/// are named as in the prototype and in detector-start.onnx.
/// </summary>
/// <remarks>
/// One point per cell predicts a logit for each label and the distances to the four sides (FCOS, arXiv:1904.01355); the neck is
/// path aggregation (arXiv:1803.01534) of depthwise 5×5 blocks.
/// </remarks>
internal sealed class Detector : IDisposable
{
    /// <summary>Distances to the sides that a point predicts besides the logits.</summary>
    public const int Sides = 4;

    /// <summary>Added to the variance before the root in batch norm, and when it is folded.</summary>
    public const double NormEpsilon = 1e-5;

    private const string BackbonePrefix = "backbone.";
    private const double NormMomentum = .1;

    // Breaks the tie between labels that start as copies of one score.
    private const float LabelJitter = .01f;

    // Lowers the initial score of each label when several come from one.
    private const float LabelBias = -1;

    private readonly EfficientNetLite0 _backbone;
    private readonly IConvolutions _kernels;
    private readonly Dictionary<string, Parameter> _weights = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Tensor> _statistics = new(StringComparer.Ordinal);
    private bool _adopting;

    /// <param name="backbone">Weights of the backbone.</param>
    /// <param name="start">Weights of neck and heads for one label; its score becomes the score of every label.</param>
    /// <param name="labels">Number of labels.</param>
    /// <param name="seed">Seed of the small initial differences between labels.</param>
    /// <param name="kernels">Whose operations convolve.</param>
    /// <exception cref="InvalidDataException">The start file holds a weight that the detector does not have.</exception>
    public Detector(OnnxFile backbone, OnnxFile start, int labels, int seed, KernelChoice kernels = KernelChoice.Own)
    {
        Labels = labels;
        _backbone = new EfficientNetLite0(backbone, kernels);
        _kernels = Convolutions.Of(kernels);
#pragma warning disable CA5394 // Not security: the same seed must give the same start.
        var random = new Random(seed);
#pragma warning restore CA5394
        foreach (string name in Names)
        {
            long[] shape = start.Shape(name);
            float[] values = start.Floats(name);
            // A start file for these very labels is taken as it is.
            if (IsOutput(name) && shape[0] != labels + Sides)
            {
                (values, shape) = Widen(values, shape, name.EndsWith("bias", StringComparison.Ordinal), random);
            }

            // Cloned into libtorch's aligned memory: over managed arrays, the last bit of a sum depends on their address.
            using Tensor managed = tensor(values, shape);
            if (IsStatistic(name))
            {
                _statistics.Add(name, managed.clone().DetachFromDisposeScope());
            }
            else
            {
                var weight = new Parameter(managed.clone());
                weight.DetachFromDisposeScope();
                _weights.Add(name, weight);
            }
        }

        string? unused = start.InitializerNames.Except(Names, StringComparer.Ordinal).FirstOrDefault();
        if (unused is not null)
        {
            throw new InvalidDataException($"The start weights hold '{unused}', which the detector does not have.");
        }
    }

    /// <summary>Pixels of the network input between two points, for each level.</summary>
    public static IReadOnlyList<int> Strides { get; } = [8, 16, 32];

    /// <summary>The depthwise-separable blocks and their strides.</summary>
    public static IReadOnlyList<(string Name, int Stride)> Blocks { get; } =
    [
        ("top_down.0", 1), ("top_down.1", 1), ("down.0", 2), ("down.1", 2), ("bottom_up.0", 1), ("bottom_up.1", 1),
        ("heads.0.0", 1), ("heads.0.1", 1), ("heads.1.0", 1), ("heads.1.1", 1), ("heads.2.0", 1), ("heads.2.1", 1),
    ];

    /// <summary>Every weight and statistic of neck and heads, by the name in the start file.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        .. Strides.SelectMany((_, i) => new[] { $"lateral.{i}.weight", $"lateral.{i}.bias", $"heads.{i}.2.weight", $"heads.{i}.2.bias" }),
        .. Blocks.SelectMany(b => new[] { $"{b.Name}.0.weight", $"{b.Name}.3.weight" }
            .Concat(new[] { 1, 4 }.SelectMany(n => new[] { "weight", "bias", "running_mean", "running_var" }.Select(p => $"{b.Name}.{n}.{p}")))),
    ];

    public int Labels { get; }

    /// <summary>What is trained; the backbone's weights have the prefix <c>backbone.</c>. Its own head, which makes embeddings, is not used.</summary>
    public IEnumerable<(string Name, Parameter Value)> Weights() => _weights.Select(w => (w.Key, w.Value)).Concat(
        _backbone.WeightsByName().Where(w => !w.Name.StartsWith("head.", StringComparison.Ordinal)).Select(w => (BackbonePrefix + w.Name, w.Value)));

    /// <summary>Running means and variances of the batch norms.</summary>
    public IEnumerable<(string Name, Tensor Value)> Statistics() => _statistics.Select(s => (s.Key, s.Value));

    /// <summary>Whether a weight belongs to the backbone, and if so its name there.</summary>
    public static bool IsBackbone(string name, out string inBackbone)
    {
        bool belongs = name.StartsWith(BackbonePrefix, StringComparison.Ordinal);
        inBackbone = belongs ? name[BackbonePrefix.Length..] : "";
        return belongs;
    }

    /// <summary>Freezes the backbone's stem and first blocks.</summary>
    public void Freeze(int blocks)
    {
        foreach ((string name, Parameter value) in _backbone.WeightsByName())
        {
            string[] parts = name.Split('.');
            if (blocks > 0 && (parts[0] == "stem" || (parts[0] == "blocks" && int.Parse(parts[1], CultureInfo.InvariantCulture) < blocks)))
            {
                value.requires_grad = false;
            }
        }
    }

    /// <summary>Centres [A, 2] (x y, pixels) of all points and the stride [A] of each, level after level, row by row.</summary>
    public static (float[] Centres, float[] Strides) Points(int height, int width)
    {
        var centres = new List<float>();
        var strides = new List<float>();
        foreach (int s in Strides)
        {
            for (int y = 0; y < height / s; y++)
            {
                for (int x = 0; x < width / s; x++)
                {
                    centres.Add(x * s + s / 2f);
                    centres.Add(y * s + s / 2f);
                    strides.Add(s);
                }
            }
        }

        return ([.. centres], [.. strides]);
    }

    /// <summary>What every point predicts.</summary>
    /// <param name="images">[B, 3, H, W] float32, normalised; H and W multiples of 32.</param>
    /// <param name="centres">[A, 2], see <see cref="Points"/>.</param>
    /// <param name="training">True to normalise by the batch and to update the running statistics.</param>
    /// <returns>Logits [B, A, labels]; boxes [B, A, 4], x1 y1 x2 y2 in pixels of the network input.</returns>
    public (Tensor Logits, Tensor Boxes) Forward(Tensor images, Tensor centres, bool training)
    {
        using var scope = NewDisposeScope();
        Tensor[] stages = _backbone.Stages(images); // [B,40,H/8,W/8], [B,112,H/16,W/16], [B,320,H/32,W/32]
        Tensor c3 = Convolve(stages[0], "lateral.0"), c4 = Convolve(stages[1], "lateral.1"), c5 = Convolve(stages[2], "lateral.2"); // 96 channels each
        Tensor p4 = Separable(cat([c4, Up(c5)], 1), "top_down.0", 1, training);
        Tensor p3 = Separable(cat([c3, Up(p4)], 1), "top_down.1", 1, training);
        Tensor n4 = Separable(cat([p4, Separable(p3, "down.0", 2, training)], 1), "bottom_up.0", 1, training);
        Tensor n5 = Separable(cat([c5, Separable(n4, "down.1", 2, training)], 1), "bottom_up.1", 1, training);
        Tensor[] levels = [p3, n4, n5];
        var logits = new List<Tensor>(levels.Length);
        var distances = new List<Tensor>(levels.Length);
        for (int l = 0; l < levels.Length; l++)
        {
            Tensor y = Convolve(Separable(Separable(levels[l], $"heads.{l}.0", 1, training), $"heads.{l}.1", 1, training), $"heads.{l}.2");
            y = y.permute(0, 2, 3, 1).reshape(y.shape[0], -1, Labels + Sides); // [B, points of the level, labels + 4]
            logits.Add(y.narrow(2, 0, Labels));
            distances.Add(nn.functional.softplus(y.narrow(2, Labels, Sides)) * (2 * Strides[l]));
        }

        Tensor d = cat(distances, 1); // [B, A, 4]: left, top, right, bottom in pixels
        Tensor boxes = cat([centres - d.narrow(2, 0, 2), centres + d.narrow(2, 2, 2)], 2);
        return (cat(logits, 1).MoveToOuterDisposeScope(), boxes.MoveToOuterDisposeScope());
    }

    /// <summary>
    /// Makes batch norms of those that were folded in a finished model: measures what passes through them, and changes gain and shift so that they compute
    /// the same as before, now after normalising. Before it, their statistics are 0 and 1.
    /// </summary>
    /// <param name="images">Typical images [B, 3, H, W], normalised.</param>
    /// <param name="centres">[A, 2], see <see cref="Points"/>.</param>
    public void Adopt(Tensor images, Tensor centres)
    {
        _adopting = true;
        using var scope = NewDisposeScope();
        Forward(images, centres, training: false);
        _adopting = false;
    }

    /// <summary>The output layer of a detector with other labels: rows by name, those of new labels from the mean of the others; the sides stay.</summary>
    /// <param name="values">[labels + 4, …], flat.</param>
    /// <param name="labels">Labels that it is for.</param>
    /// <param name="known">For each new label its index among those, negative if there is none.</param>
    /// <param name="bias">It is the bias, which is lowered for new labels.</param>
    /// <param name="random">Of the small differences between new labels.</param>
    public static float[] Relabelled(float[] values, int labels, int[] known, bool bias, Random random)
    {
        int row = values.Length / (labels + Sides);
        var rows = new float[(known.Length + Sides) * row];
        for (int l = 0; l < known.Length; l++)
        {
            for (int i = 0; i < row; i++)
            {
                rows[l * row + i] = known[l] >= 0
                    ? values[known[l] * row + i]
                    : Enumerable.Range(0, labels).Average(k => values[k * row + i]) + (bias ? LabelBias : LabelJitter * Normal(random));
            }
        }

        Array.Copy(values, labels * row, rows, known.Length * row, Sides * row);
        return rows;
    }

    public void Dispose()
    {
        _backbone.Dispose();
        foreach (Parameter weight in _weights.Values)
        {
            weight.Dispose();
        }

        foreach (Tensor statistic in _statistics.Values)
        {
            statistic.Dispose();
        }
    }

    private static bool IsOutput(string name) => name is ['h', 'e', 'a', 'd', 's', '.', _, '.', '2', '.', ..];

    private static bool IsStatistic(string name) => name.Contains(".running_", StringComparison.Ordinal);

    /// <summary>Copies the one score's row for each label, slightly lower and slightly varied; the sides stay.</summary>
    private (float[] Values, long[] Shape) Widen(float[] values, long[] shape, bool bias, Random random)
    {
        int row = values.Length / (int)shape[0];
        var wide = new float[(Labels + Sides) * row];
        for (int l = 0; l < Labels; l++)
        {
            for (int i = 0; i < row; i++)
            {
                wide[l * row + i] = values[i] + (bias ? LabelBias : LabelJitter * Normal(random));
            }
        }

        Array.Copy(values, row, wide, Labels * row, Sides * row);
        return (wide, [Labels + Sides, .. shape[1..]]);
    }

    private static float Normal(Random random)
    {
#pragma warning disable CA5394 // Not security.
        return (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
#pragma warning restore CA5394
    }

    private Tensor Convolve(Tensor x, string name) => _kernels.Convolve(x, ConvolutionLayer.Pointwise(_weights[name + ".weight"], _weights[name + ".bias"]));

    private static Tensor Up(Tensor x) => nn.functional.interpolate(x, scale_factor: [2, 2], mode: InterpolationMode.Nearest);

    /// <summary>Depthwise 5×5, then 1×1, each with batch norm and ReLU6.</summary>
    private Tensor Separable(Tensor x, string name, int stride, bool training)
    {
        using var scope = NewDisposeScope();
        x = _kernels.Convolve(x, ConvolutionLayer.Depthwise(_weights[name + ".0.weight"], stride));
        x = nn.functional.relu6(Norm(x, name + ".1", training));
        x = _kernels.Convolve(x, ConvolutionLayer.Pointwise(_weights[name + ".3.weight"], bias: null));
        return nn.functional.relu6(Norm(x, name + ".4", training)).MoveToOuterDisposeScope();
    }

    private void Measure(Tensor x, string name)
    {
        Tensor gain = _weights[name + ".weight"], shift = _weights[name + ".bias"];
        Tensor mean = x.mean([0, 2, 3]), variance = x.var([0, 2, 3], unbiased: false);
        shift.add_(mean * gain);
        gain.mul_((variance + NormEpsilon).sqrt());
        _statistics[name + ".running_mean"].copy_(mean);
        _statistics[name + ".running_var"].copy_(variance);
    }

    private Tensor Norm(Tensor x, string name, bool training)
    {
        if (_adopting)
        {
            using var scope = NewDisposeScope();
            Measure(x, name);
        }

        return nn.functional.batch_norm(
            x, _statistics[name + ".running_mean"], _statistics[name + ".running_var"], _weights[name + ".weight"], _weights[name + ".bias"],
            training, NormMomentum, NormEpsilon);
    }
}
