using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Onnx;

namespace Ocellus.Vision.Quantization;

/// <summary>How a model is quantized.</summary>
public sealed record QuantizationOptions
{
    /// <summary>Maximum images whose values decide over ranges: more change them little.</summary>
    public int ImagesMax { get; init; } = 60;

    /// <summary>Bits of the weights: 8, or 7 for processors that add products in pairs, in 16 bits.</summary>
    public int WeightBits { get; init; } = 8;

    /// <summary>Whether a tensor's range is the mean of the images' ranges, which leaves out what is rare, and not the range of all.</summary>
    public double RangeShare { get; init; } = 1;

    /// <summary>Whether weights are rounded for the least error of outputs, and not of weights.</summary>
    public bool RoundForOutputs { get; init; } = true;

    /// <summary>Whether biases are corrected for the mean error of rounded weights.</summary>
    public bool CorrectBiases { get; init; } = true;

    /// <summary>Whether the scores are brought to the scale of the float model's.</summary>
    public bool MatchScores { get; init; } = true;

    /// <summary>Threads of a pass.</summary>
    public int Threads { get; init; } = 1;
}

/// <summary>A quantized model: content of its ONNX file, and its temperature and shift.</summary>
/// <param name="Model">Content of model.int8.onnx.</param>
/// <param name="Temperature">As <see cref="ModelDescription.Temperature"/>.</param>
/// <param name="ScoreShift">As <see cref="ModelDescription.ScoreShift"/>.</param>
public sealed record QuantizedModel(byte[] Model, double Temperature, double ScoreShift);

/// <summary>
/// Makes a model that computes with bytes of a finished one: ranges of activations from images, weights with a step for each channel, biases corrected for the
/// mean error of rounding, scores brought to the scale of the float model's.
/// </summary>
/// <remarks>Krishnamoorthi 2018 (arXiv:1806.08342); the correction of biases is that of Nagel et al. 2019 (arXiv:1906.04721), with measured means.</remarks>
public static class ModelQuantizer
{
    /// <summary>Quantizes.</summary>
    /// <param name="model">Content of model.onnx.</param>
    /// <param name="description">Content of model.json.</param>
    /// <param name="images">Encoded training images; of many, some spread over all are used.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Receives the images that have been put through the network and how many there are.</param>
    /// <param name="cancel">Ends it between two images.</param>
    /// <exception cref="InvalidDataException">Not a network that Ocellus has written.</exception>
    public static QuantizedModel Quantize(
        byte[] model, ModelDescription description, ImageSource images, QuantizationOptions options, Action<int, int>? progress = null,
        CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(description);
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(options);
        var file = new OnnxFile(ModelProto.Parser.ParseFrom(model));
        QuantizationPlan plan = QuantizationPlan.Of(file);
        byte[][] pixels = Pixels(model, description, images, options, cancel);
        int done = 0;
        // Each image goes through for the ranges, and again for the scores.
        void Count() => progress?.Invoke(++done, 2 * pixels.Length);
        Dictionary<string, TensorStatistics> statistics = TensorStatistics.Collect(
            file, plan.Tensors, options.RoundForOutputs ? plan.Related(file) : [], pixels, description.Width, description.Height, options.Threads, cancel,
            Count);
        Dictionary<string, ByteScale> scales = statistics.ToDictionary(s => s.Key, s => Range(s.Value, options.RangeShare), StringComparer.Ordinal);
        int most = options.WeightBits < 8 ? ByteWeights.SafeMost : ByteWeights.FullMost;
        Dictionary<string, ByteWeights> weights = ConvolutionWeights.Quantize(file, plan, scales, statistics, most);
        OnnxFile corrected = file.Clone();
        if (options.CorrectBiases)
        {
            BiasCorrection.Correct(corrected, plan, weights, statistics);
        }

        OnnxFile quantized = QuantizedGraph.Write(corrected, plan, scales, weights);

        var (temperature, shift) = (description.Temperature, description.ScoreShift);
        if (options.MatchScores)
        {
            (temperature, shift) = ScoreMatching.Match(file, quantized, description, pixels, options.Threads, cancel, Count);
        }

        return new QuantizedModel(quantized.ToBytes(), temperature, shift);
    }

    /// <summary>The range of a tensor: of all images, or nearer to that of the average image.</summary>
    internal static ByteScale Range(TensorStatistics one, double share)
    {
        double most = share * one.Most.Max() + (1 - share) * one.Most.Average(), least = share * one.Least.Min() + (1 - share) * one.Least.Average();
        return ByteScale.Of((float)least, (float)most);
    }

    private static byte[][] Pixels(byte[] model, ModelDescription description, ImageSource images, QuantizationOptions options, CancellationToken cancel)
    {
        int count = Math.Min(options.ImagesMax, images.Count);
        var pixels = new byte[count][];
        using var session = new TrainedModel(model, description, 1);
        var limits = new ImageLimits(SideMin: 1);
        Parallel.For(
            0, count, new ParallelOptions { MaxDegreeOfParallelism = options.Threads, CancellationToken = cancel },
            i => pixels[i] = session.Prepare(images.Read((int)((long)i * images.Count / count)), limits).Rgb);
        return pixels;
    }
}
