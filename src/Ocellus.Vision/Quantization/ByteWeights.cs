namespace Ocellus.Vision.Quantization;

/// <summary>Weights as signed bytes, with a step of its own for each output channel: <c>real = Step × byte</c>.</summary>
/// <param name="Values">In the order of the weights.</param>
/// <param name="Steps">One for each output channel.</param>
internal sealed record ByteWeights(sbyte[] Values, float[] Steps)
{
    /// <summary>
    /// Largest weight where products are added in pairs: twice 255 × 64 fits into 16 bits, in which processors without instructions for bytes add two
    /// products.
    /// </summary>
    public const int SafeMost = 64;

    /// <summary>Largest weight where sums cannot be too large.</summary>
    public const int FullMost = 127;

    // Shares of a channel's largest weight that are tried as its range: clipping a lone large weight can be better than coarse steps for all.
    private const float ShareMin = .7f, ShareStep = .025f;

    private const float StepMin = 1e-8f;

    // A bias is a whole number of steps of input and weight, and must fit into 32 bits.
    private const float BiasMost = 1 << 30;

    /// <summary>Quantizes weights such that the squared error of each channel is least.</summary>
    /// <param name="weights">[channels, …], row-major.</param>
    /// <param name="bias">[channels].</param>
    /// <param name="inputStep">The step of what the weights are multiplied with.</param>
    /// <param name="most">Largest absolute value of a byte: <see cref="SafeMost"/> or <see cref="FullMost"/>.</param>
    public static ByteWeights Of(ReadOnlySpan<float> weights, ReadOnlySpan<float> bias, float inputStep, int most)
    {
        int channels = bias.Length, row = weights.Length / channels;
        var values = new sbyte[weights.Length];
        var steps = new float[channels];
        for (int c = 0; c < channels; c++)
        {
            ReadOnlySpan<float> channel = weights.Slice(c * row, row);
            float largest = 0;
            foreach (float w in channel)
            {
                largest = Math.Max(largest, Math.Abs(w));
            }

            float min = Math.Max(StepMin, Math.Abs(bias[c]) / (inputStep * BiasMost)), best = Math.Max(min, largest / most);
            double least = double.PositiveInfinity;
            for (float share = 1; share >= ShareMin; share -= ShareStep)
            {
                float step = Math.Max(min, share * largest / most);
                double error = 0;
                foreach (float w in channel)
                {
                    double off = step * Math.Clamp(MathF.Round(w / step), -most, most) - w;
                    error += off * off;
                }

                if (error < least)
                {
                    (best, least) = (step, error);
                }
            }

            steps[c] = best;
            for (int i = 0; i < row; i++)
            {
                values[c * row + i] = (sbyte)Math.Clamp(MathF.Round(channel[i] / best), -most, most);
            }
        }

        return new ByteWeights(values, steps);
    }

    /// <summary>The weights that the bytes stand for.</summary>
    public float[] Dequantize()
    {
        int row = Values.Length / Steps.Length;
        return [.. Values.Select((v, i) => v * Steps[i / row])];
    }
}
