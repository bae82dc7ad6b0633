using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Ocellus.Vision.Onnx;
using static Ocellus.Vision.Onnx.OnnxParts;
using DataType = Ocellus.Vision.Onnx.TensorProto.Types.DataType;

namespace Ocellus.Vision.Inference;

/// <summary>How this processor computes with bytes.</summary>
/// <param name="Factor">How many times as fast as with floating point numbers.</param>
/// <param name="Saturates">
/// Whether sums of two products of full bytes are cut off at 16 bits, as on x86 processors without VNNI, AVX-VNNI and AMX. Weights of 7 bits are small enough
/// for that.
/// </param>
public sealed record Int8Speed(double Factor, bool Saturates)
{
    /// <summary>Below that the gain is not worth another answer.</summary>
    public const double FactorMin = 1.15;

    private const int Channels = 128, Side = 28, Layers = 3, Rounds = 20;

    // The byte that a sum becomes: smaller and larger ones are seen as well.
    private const int Middle = 128;

    // All of the first measurement: the processor does not change while the program runs.
    private static readonly Lazy<Int8Speed> _here = new(Measure);

    /// <summary>Of this processor, measured once in a process: a few hundredths of a second.</summary>
    public static Int8Speed Here => _here.Value;

    /// <summary>Whether models of bytes are worth running.</summary>
    public bool Gains => Factor >= FactorMin;

    /// <summary>What was measured, in words.</summary>
    public string Sentence
    {
        get
        {
            string few = string.Create(CultureInfo.InvariantCulture, $", which is less than the {FactorMin} that a model is run in 8 bits for");
            return string.Create(
                CultureInfo.InvariantCulture,
                $"8-bit models compute {Factor:0.0} times as fast as float ones here{(Gains ? "" : few)}; sums of products are "
                + $"{(Saturates ? "cut off where weights have 8 bits, so that those made here have 7" : "exact")}");
        }
    }

    /// <summary>Runs small convolutions of known values, with floating point numbers and with bytes, in turns.</summary>
    public static Int8Speed Measure()
    {
        using InferenceSession real = Open(Graph(bytes: false, 1, Layers)), small = Open(Graph(bytes: true, 1, Layers));
        var ones = new float[Channels * Side * Side];
        Array.Fill(ones, 1f);
        double[] best = [double.MaxValue, double.MaxValue];
        for (int round = 0; round < Rounds; round++)
        {
            // The fastest of each: what else the machine does only adds.
            best[0] = Math.Min(best[0], Time(() => Run(real, ones)));
            best[1] = Math.Min(best[1], Time(() => Run(small, ones)));
        }

        // 255 × 127 twice is more than 16 bits hold.
        using InferenceSession full = Open(Graph(bytes: true, sbyte.MaxValue, 1));
        const float exact = Channels * sbyte.MaxValue;
        return new Int8Speed(best[0] / best[1], Math.Abs(Run(full, ones) - exact) > exact / Middle);
    }

    private static InferenceSession Open(OnnxFile file) => Sessions.Open(file.ToBytes(), 1);

    private static double Time(Action pass)
    {
        long started = Stopwatch.GetTimestamp();
        pass();
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    private static float Run(InferenceSession session, float[] values)
    {
        using var results = session.Run([NamedOnnxValue.CreateFromTensor("r0", new DenseTensor<float>(values, [1, Channels, Side, Side]))], ["y"]);
        return results[0].AsTensor<float>().First();
    }

    /// <summary>Convolutions of one place each with weights that are all the same, for an input that is 1 everywhere: as a byte, the largest.</summary>
    private static OnnxFile Graph(bool bytes, int weight, int layers)
    {
        var model = new ModelProto { IrVersion = 8, Graph = new GraphProto { Name = "speed" } };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = 17 });
        var file = new OnnxFile(model);
        long[] shape = [Channels, Channels, 1, 1];
        file.Graph.Input.Add(Value("r0", DataType.Float, 1, Channels, Side, Side));
        file.Graph.Output.Add(Value("y", DataType.Float, 1, Channels, Side, Side));
        file.Set("w", [.. Enumerable.Repeat((float)weight, Channels * Channels)], shape);
        file.Set("b", new float[Channels], Channels);
        file.Set("ones", [.. Enumerable.Repeat(1f, Channels)], Channels);
        file.SetRaw("w.bytes", DataType.Int8, MemoryMarshal.AsBytes<sbyte>([.. Enumerable.Repeat((sbyte)weight, Channels * Channels)]), shape);
        file.SetRaw("w.zero", DataType.Int8, new byte[Channels], Channels);
        file.SetRaw("b.bytes", DataType.Int32, new byte[Channels * sizeof(int)], Channels);
        file.SetRaw("zero", DataType.Uint8, [0]);
        float step = 1f / byte.MaxValue, value = 1;
        if (bytes)
        {
            file.Set("s0", [step]);
            Add("QuantizeLinear", ["r0", "s0", "zero"], "q0");
        }

        for (int i = 0; i < layers; i++)
        {
            if (!bytes)
            {
                Add("Conv", [i == 0 ? "r0" : $"c{i - 1}", "w", "b"], $"c{i}", Wholes("kernel_shape", 1, 1));
                continue;
            }

            file.Set($"b{i}.steps", [.. Enumerable.Repeat(step, Channels)], Channels);
            Add("DequantizeLinear", [$"q{i}", $"s{i}", "zero"], $"x{i}");
            Add("DequantizeLinear", ["w.bytes", "ones", "w.zero"], $"w{i}", Whole("axis", 0));
            Add("DequantizeLinear", ["b.bytes", $"b{i}.steps", "b.bytes"], $"b{i}", Whole("axis", 0));
            Add("Conv", [$"x{i}", $"w{i}", $"b{i}"], $"c{i}", Wholes("kernel_shape", 1, 1));
            value *= Channels * weight;
            step = value / Middle;
            file.Set($"s{i + 1}", [step]);
            Add("QuantizeLinear", [$"c{i}", $"s{i + 1}", "zero"], $"q{i + 1}");
        }

        Add(bytes ? "DequantizeLinear" : "Identity", bytes ? [$"q{layers}", $"s{layers}", "zero"] : [$"c{layers - 1}"], "y");
        file.Prune();
        return file;

        void Add(string operation, string[] inputs, string output, params AttributeProto[] attributes) =>
            file.Graph.Node.Add(Node(operation, inputs, output, attributes));
    }
}
