namespace Ocellus.Vision.Quantization;

/// <summary>
/// Rounds the weights of a convolution of one place such that its outputs change least, not the weights: what rounding a weight does to the output is made up
/// for by the weights that are not rounded yet, as far as their inputs go together.
/// </summary>
/// <remarks>Frantar et al. 2022 (GPTQ, arXiv:2210.17323), Algorithm 1, with the covariance of the inputs; their means are the biases' matter.</remarks>
internal static class WeightRounding
{
    // Share of the mean variance that is added to each: of inputs that hardly vary, or that go together in a few images by chance, too much would be made.
    private const double Damping = .005;

    /// <summary>Bytes of weights for given steps.</summary>
    /// <param name="weights">[outputs, inputs], row-major.</param>
    /// <param name="steps">Of each output.</param>
    /// <param name="covariance">[inputs, inputs] of the inputs.</param>
    /// <param name="most">Largest absolute value of a byte.</param>
    public static sbyte[] Round(ReadOnlySpan<float> weights, IReadOnlyList<float> steps, double[,] covariance, int most)
    {
        int outputs = steps.Count, inputs = weights.Length / outputs;
        // Inputs that vary most first: what is lost with them, the others can still make up for.
        int[] order = [.. Enumerable.Range(0, inputs).OrderByDescending(i => covariance[i, i])];
        float[][] factor = InverseFactor(Ordered(covariance, order));
        var bytes = new sbyte[weights.Length];
        var left = new float[inputs];
        for (int o = 0; o < outputs; o++)
        {
            for (int i = 0; i < inputs; i++)
            {
                left[i] = weights[o * inputs + order[i]];
            }

            for (int i = 0; i < inputs; i++)
            {
                float rounded = Math.Clamp(MathF.Round(left[i] / steps[o]), -most, most);
                bytes[o * inputs + order[i]] = (sbyte)rounded;
                float error = (left[i] - steps[o] * rounded) / factor[i][i];
                // left[i + 1 …] −= error × factor[i, i + 1 …]
                Span<float> rest = left.AsSpan(i + 1);
                System.Numerics.Tensors.TensorPrimitives.MultiplyAdd(factor[i].AsSpan(i + 1, rest.Length), -error, rest, rest);
            }
        }

        return bytes;
    }

    private static double[,] Ordered(double[,] matrix, int[] order)
    {
        var ordered = new double[order.Length, order.Length];
        for (int i = 0; i < order.Length; i++)
        {
            for (int j = 0; j < order.Length; j++)
            {
                ordered[i, j] = matrix[order[i], order[j]];
            }
        }

        return ordered;
    }

    /// <summary>The upper triangular U with UᵀU the inverse of the matrix.</summary>
    internal static float[][] InverseFactor(double[,] matrix)
    {
        int n = matrix.GetLength(0);
        double mean = 0;
        for (int i = 0; i < n; i++)
        {
            mean += matrix[i, i] / n;
        }

        double more = mean > 0 ? mean * Damping : 1;
        // With the order of rows and columns turned round, the matrix is L Lᵀ; its inverse is then (L⁻¹)ᵀ L⁻¹, and L⁻¹ turned back is upper triangular.
        double[][] lower = [.. Enumerable.Range(0, n).Select(_ => new double[n])];
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j <= i; j++)
            {
                double sum = matrix[n - 1 - i, n - 1 - j] + (i == j ? more : 0)
                    - System.Numerics.Tensors.TensorPrimitives.Dot<double>(lower[i].AsSpan(0, j), lower[j].AsSpan(0, j));
                lower[i][j] = i == j ? Math.Sqrt(Math.Max(sum, more * 1e-6)) : sum / lower[j][j];
            }
        }

        // Rows of L⁻¹, each from those before it.
        double[][] inverse = [.. Enumerable.Range(0, n).Select(_ => new double[n])];
        for (int i = 0; i < n; i++)
        {
            for (int k = 0; k < i; k++)
            {
                Span<double> row = inverse[i].AsSpan(0, k + 1);
                System.Numerics.Tensors.TensorPrimitives.MultiplyAdd(inverse[k].AsSpan(0, k + 1), -lower[i][k], row, row);
            }

            inverse[i][i] = 1;
            System.Numerics.Tensors.TensorPrimitives.Divide(inverse[i].AsSpan(0, i + 1), lower[i][i], inverse[i].AsSpan(0, i + 1));
        }

        return [.. Enumerable.Range(0, n).Select(i => Enumerable.Range(0, n).Select(j => (float)inverse[n - 1 - i][n - 1 - j]).ToArray())];
    }
}
