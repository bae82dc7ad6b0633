using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Onnx;

namespace Ocellus.Vision.Quantization;

/// <summary>
/// Brings the scores of a quantized model to the scale of the float model's, so that they are as calibrated as those are: the images that the float model
/// was calibrated on have been learnt from since, so a second calibration on them would trust too much.
/// </summary>
internal static class ScoreMatching
{
    private const string Logits = "logits";

    // A factor further from 1 than this is no rounding error, and the gate will see what is wrong.
    private const double FactorMin = .8, FactorMax = 1.25;

    // Points of a detector with less than this score say nothing about scores that anybody sees.
    private const float ScoreMin = .05f;

    /// <summary>Changes the quantized model's last weights.</summary>
    /// <returns>Its temperature and shift.</returns>
    public static (double Temperature, double Shift) Match(
        OnnxFile model, OnnxFile quantized, ModelDescription description, IReadOnlyList<byte[]> images, int threads, CancellationToken cancel,
        Action? done = null)
    {
        using InferenceSession first = Open(model, threads), second = Open(quantized, threads);
        var pairs = new List<(float[] Real, float[] Byte)>();
        foreach (byte[] image in images)
        {
            cancel.ThrowIfCancellationRequested();
            pairs.Add((Run(first, image, description), Run(second, image, description)));
            done?.Invoke();
        }

        return description.Kind == ModelKinds.Localization ? Boxes(quantized, description, pairs) : Labels(quantized, description, pairs);
    }

    private static (double, double) Boxes(OnnxFile quantized, ModelDescription description, List<(float[] Real, float[] Byte)> pairs)
    {
        float least = MathF.Log(ScoreMin / (1 - ScoreMin));
        (double Real, double Byte)[] seen =
        [
            .. pairs.SelectMany(p => p.Real.Zip(p.Byte)).Where(p => p.First > least || p.Second > least).Select(p => ((double)p.First, (double)p.Second)),
        ];
        (double factor, double shift) = Line(seen);
        float before = quantized.Floats("scores.factor")[0], moved = quantized.Floats("scores.shift")[0];
        quantized.Set("scores.factor", [(float)(before * factor)], 1);
        quantized.Set("scores.shift", [(float)(moved + before * shift)], 1);
        return (description.Temperature / factor, moved + before * shift);
    }

    private static (double, double) Labels(OnnxFile quantized, ModelDescription description, List<(float[] Real, float[] Byte)> pairs)
    {
        int labels = description.Labels.Count;
        // What all labels have in common is nothing to a softmax.
        bool centred = description.Kind == ModelKinds.Classification;
        (float[] Real, float[] Byte)[] logits = centred ? [.. pairs.Select(p => (Centred(p.Real), Centred(p.Byte)))] : [.. pairs];
        var shift = new double[labels];
        for (int l = 0; l < labels; l++)
        {
            shift[l] = logits.Average(p => p.Real[l] - p.Byte[l]);
        }

        double factor = Factor([.. logits.SelectMany(p => p.Real.Select((r, l) => ((double)r, p.Byte[l] + shift[l])))]);
        foreach (string name in (string[])["classifier.weight", "classifier.bias", "evidence.weight", "evidence.bias"])
        {
            if (quantized.Has(name))
            {
                bool moves = name == (quantized.Has("classifier.bias") ? "classifier.bias" : "evidence.bias");
                quantized.Set(name, [.. quantized.Floats(name).Select((v, i) => (float)(factor * (v + (moves ? shift[i] : 0))))], quantized.Shape(name));
            }
        }

        return (description.Temperature / factor, description.ScoreShift);
    }

    /// <summary>The factor that brings the second of each pair nearest to the first.</summary>
    internal static double Factor(IReadOnlyList<(double Real, double Byte)> pairs)
    {
        double squares = pairs.Sum(p => p.Byte * p.Byte);
        return squares == 0 ? 1 : Math.Clamp(pairs.Sum(p => p.Real * p.Byte) / squares, FactorMin, FactorMax);
    }

    /// <summary>Factor and shift that bring the second of each pair nearest to the first.</summary>
    internal static (double Factor, double Shift) Line(IReadOnlyList<(double Real, double Byte)> pairs)
    {
        if (pairs.Count < 2)
        {
            return (1, 0);
        }

        double real = pairs.Average(p => p.Real), bytes = pairs.Average(p => p.Byte);
        double factor = Factor([.. pairs.Select(p => (p.Real - real, p.Byte - bytes))]);
        return (factor, real - factor * bytes);
    }

    private static float[] Centred(float[] values)
    {
        float mean = values.Average();
        return [.. values.Select(v => v - mean)];
    }

    private static InferenceSession Open(OnnxFile model, int threads)
    {
        OnnxFile watched = model.Clone();
        watched.Graph.Output.Clear();
        watched.Graph.Output.Add(OnnxParts.Value(Logits, TensorProto.Types.DataType.Float, "N"));
        watched.Prune();
        return Sessions.Open(watched.ToBytes(), threads);
    }

    private static float[] Run(InferenceSession session, byte[] image, ModelDescription description)
    {
        var input = new DenseTensor<byte>(image, [1, description.Height, description.Width, 3]);
        using var results = session.Run([NamedOnnxValue.CreateFromTensor("image", input)], [Logits]);
        return results[0].AsTensor<float>().ToArray();
    }
}
