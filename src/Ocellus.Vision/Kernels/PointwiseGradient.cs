using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Ocellus.Vision.Kernels;

/// <summary>The gradient of a 1×1 convolution's weights and bias, and that of ReLU6 after it, in one pass over the pixels.</summary>
/// <remarks>
/// oneDNN 3.7.1, inside libtorch 2.10, first reorders every block of pixels, which takes longer than the sums themselves for many pixels and few
/// channels: 60 ms for 8 × 160×208 pixels, 16 to 96 channels, on two AVX2 cores that read such an input in 15 ms. Can be removed when the benchmark
/// `blocks` shows a later oneDNN within 10 % of this. No upstream issue is known.
/// </remarks>
internal static class PointwiseGradient
{
    // A tile of inputs and gradients fits into the second-level cache.
    private const int TilePixels = 64;

    // Minimum pixels of a partial sum, and maximum partial sums. Neither depends on the number of threads, so nor does the result.
    private const int PartPixelsMin = 512, PartsMax = 8;

    // Outputs and vectors of inputs whose sums stay in registers: twelve of the sixteen.
    private const int Rows = 4, Columns = 3;

    /// <summary>Whether there is a loop for that many input channels on this processor.</summary>
    public static bool IsSupported(long inputs) => Vector256.IsHardwareAccelerated && inputs % Vector256<float>.Count == 0;

    /// <summary>Sums of input × gradient, and of the gradient, over all pixels.</summary>
    /// <param name="input">[P,C], contiguous.</param>
    /// <param name="gradient">Of the output, [P,O], contiguous.</param>
    /// <param name="active">Output of ReLU6, [P,O], contiguous; null where there is none.</param>
    /// <param name="passed">
    /// Written: the gradient where ReLU6 lets it through, zeros elsewhere, [P,O]; not used without <paramref name="active"/>.
    /// </param>
    /// <param name="threads">Maximum threads.</param>
    /// <returns>[O,C] and [O].</returns>
    public static (Tensor Weights, Tensor Bias) Compute(Tensor input, Tensor gradient, Tensor? active, Tensor passed, int threads)
    {
        int pixels = (int)input.shape[0], inputs = (int)input.shape[1], outputs = (int)gradient.shape[1];
        int parts = Math.Clamp(pixels / PartPixelsMin, 1, PartsMax);
        Tensor weights = zeros(parts, outputs, inputs), bias = zeros(parts, outputs);
        Parallel.For(0, parts, new ParallelOptions { MaxDegreeOfParallelism = threads }, part =>
        {
            int first = (int)((long)pixels * part / parts), end = (int)((long)pixels * (part + 1) / parts);
            Span<float> sums = TensorValues.Of(weights).Slice(part * outputs * inputs, outputs * inputs);
            Span<float> totals = TensorValues.Of(bias).Slice(part * outputs, outputs);
            for (int p = first; p < end; p += TilePixels)
            {
                int count = Math.Min(TilePixels, end - p);
                ReadOnlySpan<float> outputGradient = Relu6Gradient.Passed(gradient, active, passed, p * outputs, count * outputs);
                AddRows(outputGradient, totals);
                Products(outputGradient, outputs, TensorValues.Of(input).Slice(p * inputs, count * inputs), inputs, sums);
            }
        });
        return parts == 1 ? (weights[0], bias[0]) : (weights.sum(dim: 0), bias.sum(dim: 0));
    }

    /// <summary>Adds every row of <paramref name="values"/>; a row is as long as <paramref name="totals"/>.</summary>
    public static void AddRows(ReadOnlySpan<float> values, Span<float> totals)
    {
        for (int at = 0; at < values.Length; at += totals.Length)
        {
            Add(values.Slice(at, totals.Length), totals);
        }
    }

    /// <summary>Adds to <paramref name="sums"/> [O,C] the products of each pixel's gradient and input.</summary>
    /// <param name="outputGradient">[P,O], a tile that fits into the cache.</param>
    /// <param name="outputs">O.</param>
    /// <param name="input">[P,C].</param>
    /// <param name="inputs">C.</param>
    /// <param name="sums">[O,C].</param>
    public static void Products(ReadOnlySpan<float> outputGradient, int outputs, ReadOnlySpan<float> input, int inputs, Span<float> sums)
    {
        if (Vector512.IsHardwareAccelerated)
        {
            int even = inputs - inputs % Lanes512.Count;
            Tile<Lanes512, Vector512<float>>(outputGradient, outputs, input, inputs, 0, even, sums);
            Tile<Lanes256, Vector256<float>>(outputGradient, outputs, input, inputs, even, inputs, sums);
        }
        else
        {
            Tile<Lanes256, Vector256<float>>(outputGradient, outputs, input, inputs, 0, inputs, sums);
        }
    }

    private static void Add(ReadOnlySpan<float> values, Span<float> totals)
    {
        int i = 0;
        for (; i <= values.Length - Lanes256.Count; i += Lanes256.Count)
        {
            (Vector256.LoadUnsafe(in totals[i]) + Vector256.LoadUnsafe(in values[i])).StoreUnsafe(ref totals[i]);
        }

        for (; i < values.Length; i++)
        {
            totals[i] += values[i];
        }
    }

    /// <summary>All outputs by the inputs of a range, which is whole vectors.</summary>
    private static void Tile<TLanes, TVector>(
        ReadOnlySpan<float> outputGradient, int outputs, ReadOnlySpan<float> input, int inputs, int from, int to, Span<float> sums)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        if (from == to)
        {
            return;
        }

        int count = input.Length / inputs, row = 0;
        for (; row <= outputs - Rows; row += Rows)
        {
            for (int c = from; c < to;)
            {
                // Four vectors are split two and two: with a single one, the sums would wait for each other.
                int left = (to - c) / TLanes.Count, width = left is Columns + 1 ? Columns - 1 : Math.Min(left, Columns);
                ref readonly float g = ref outputGradient[row], x = ref input[c];
                ref float sum = ref sums[row * inputs + c];
                switch (width)
                {
                    case 3:
                        Three<TLanes, TVector>(in g, outputs, in x, inputs, count, ref sum);
                        break;
                    case 2:
                        Two<TLanes, TVector>(in g, outputs, in x, inputs, count, ref sum);
                        break;
                    default:
                        One<TLanes, TVector>(in g, outputs, in x, inputs, count, ref sum);
                        break;
                }

                c += width * TLanes.Count;
            }
        }

        for (; row < outputs; row++)
        {
            for (int c = from; c < to; c += TLanes.Count)
            {
                ref float sum = ref sums[row * inputs + c];
                TVector total = TLanes.Load(in sum, 0);
                for (int p = 0; p < count; p++)
                {
                    total = TLanes.MultiplyAdd(TLanes.Load(in input[p * inputs + c], 0), TLanes.Create(outputGradient[p * outputs + row]), total);
                }

                TLanes.Store(total, ref sum, 0);
            }
        }
    }

    // Sums stay in registers; the compiler does this for locals only, hence a loop for each width. RowProduct's loops have the same shape, but
    // step through other arrays.
    private static void Three<TLanes, TVector>(ref readonly float outputGradient, int outputs, ref readonly float input, int inputs, int count, ref float sums)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        nuint next = (nuint)TLanes.Count, row = (nuint)inputs;
        TVector a0 = TLanes.Load(in sums, 0), a1 = TLanes.Load(in sums, next), a2 = TLanes.Load(in sums, 2 * next);
        TVector b0 = TLanes.Load(in sums, row), b1 = TLanes.Load(in sums, row + next), b2 = TLanes.Load(in sums, row + 2 * next);
        TVector c0 = TLanes.Load(in sums, 2 * row), c1 = TLanes.Load(in sums, 2 * row + next), c2 = TLanes.Load(in sums, 2 * row + 2 * next);
        TVector d0 = TLanes.Load(in sums, 3 * row), d1 = TLanes.Load(in sums, 3 * row + next), d2 = TLanes.Load(in sums, 3 * row + 2 * next);
        ref float g = ref Unsafe.AsRef(in outputGradient);
        ref float x = ref Unsafe.AsRef(in input);
        for (int p = 0; p < count; p++)
        {
            TVector x0 = TLanes.Load(in x, 0), x1 = TLanes.Load(in x, next), x2 = TLanes.Load(in x, 2 * next);
            TVector one = TLanes.Create(g);
            a0 = TLanes.MultiplyAdd(x0, one, a0);
            a1 = TLanes.MultiplyAdd(x1, one, a1);
            a2 = TLanes.MultiplyAdd(x2, one, a2);
            one = TLanes.Create(Unsafe.Add(ref g, 1));
            b0 = TLanes.MultiplyAdd(x0, one, b0);
            b1 = TLanes.MultiplyAdd(x1, one, b1);
            b2 = TLanes.MultiplyAdd(x2, one, b2);
            one = TLanes.Create(Unsafe.Add(ref g, 2));
            c0 = TLanes.MultiplyAdd(x0, one, c0);
            c1 = TLanes.MultiplyAdd(x1, one, c1);
            c2 = TLanes.MultiplyAdd(x2, one, c2);
            one = TLanes.Create(Unsafe.Add(ref g, 3));
            d0 = TLanes.MultiplyAdd(x0, one, d0);
            d1 = TLanes.MultiplyAdd(x1, one, d1);
            d2 = TLanes.MultiplyAdd(x2, one, d2);
            g = ref Unsafe.Add(ref g, outputs);
            x = ref Unsafe.Add(ref x, inputs);
        }

        TLanes.Store(a0, ref sums, 0);
        TLanes.Store(a1, ref sums, next);
        TLanes.Store(a2, ref sums, 2 * next);
        TLanes.Store(b0, ref sums, row);
        TLanes.Store(b1, ref sums, row + next);
        TLanes.Store(b2, ref sums, row + 2 * next);
        TLanes.Store(c0, ref sums, 2 * row);
        TLanes.Store(c1, ref sums, 2 * row + next);
        TLanes.Store(c2, ref sums, 2 * row + 2 * next);
        TLanes.Store(d0, ref sums, 3 * row);
        TLanes.Store(d1, ref sums, 3 * row + next);
        TLanes.Store(d2, ref sums, 3 * row + 2 * next);
    }

    private static void Two<TLanes, TVector>(ref readonly float outputGradient, int outputs, ref readonly float input, int inputs, int count, ref float sums)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        nuint next = (nuint)TLanes.Count, row = (nuint)inputs;
        TVector a0 = TLanes.Load(in sums, 0), a1 = TLanes.Load(in sums, next);
        TVector b0 = TLanes.Load(in sums, row), b1 = TLanes.Load(in sums, row + next);
        TVector c0 = TLanes.Load(in sums, 2 * row), c1 = TLanes.Load(in sums, 2 * row + next);
        TVector d0 = TLanes.Load(in sums, 3 * row), d1 = TLanes.Load(in sums, 3 * row + next);
        ref float g = ref Unsafe.AsRef(in outputGradient);
        ref float x = ref Unsafe.AsRef(in input);
        for (int p = 0; p < count; p++)
        {
            TVector x0 = TLanes.Load(in x, 0), x1 = TLanes.Load(in x, next);
            TVector one = TLanes.Create(g), two = TLanes.Create(Unsafe.Add(ref g, 1));
            TVector three = TLanes.Create(Unsafe.Add(ref g, 2)), four = TLanes.Create(Unsafe.Add(ref g, 3));
            a0 = TLanes.MultiplyAdd(x0, one, a0);
            a1 = TLanes.MultiplyAdd(x1, one, a1);
            b0 = TLanes.MultiplyAdd(x0, two, b0);
            b1 = TLanes.MultiplyAdd(x1, two, b1);
            c0 = TLanes.MultiplyAdd(x0, three, c0);
            c1 = TLanes.MultiplyAdd(x1, three, c1);
            d0 = TLanes.MultiplyAdd(x0, four, d0);
            d1 = TLanes.MultiplyAdd(x1, four, d1);
            g = ref Unsafe.Add(ref g, outputs);
            x = ref Unsafe.Add(ref x, inputs);
        }

        TLanes.Store(a0, ref sums, 0);
        TLanes.Store(a1, ref sums, next);
        TLanes.Store(b0, ref sums, row);
        TLanes.Store(b1, ref sums, row + next);
        TLanes.Store(c0, ref sums, 2 * row);
        TLanes.Store(c1, ref sums, 2 * row + next);
        TLanes.Store(d0, ref sums, 3 * row);
        TLanes.Store(d1, ref sums, 3 * row + next);
    }

    private static void One<TLanes, TVector>(ref readonly float outputGradient, int outputs, ref readonly float input, int inputs, int count, ref float sums)
        where TLanes : struct, ILanes<TVector>
        where TVector : struct
    {
        nuint row = (nuint)inputs;
        TVector a = TLanes.Load(in sums, 0), b = TLanes.Load(in sums, row), c = TLanes.Load(in sums, 2 * row), d = TLanes.Load(in sums, 3 * row);
        ref float g = ref Unsafe.AsRef(in outputGradient);
        ref float x = ref Unsafe.AsRef(in input);
        for (int p = 0; p < count; p++)
        {
            TVector value = TLanes.Load(in x, 0);
            a = TLanes.MultiplyAdd(value, TLanes.Create(g), a);
            b = TLanes.MultiplyAdd(value, TLanes.Create(Unsafe.Add(ref g, 1)), b);
            c = TLanes.MultiplyAdd(value, TLanes.Create(Unsafe.Add(ref g, 2)), c);
            d = TLanes.MultiplyAdd(value, TLanes.Create(Unsafe.Add(ref g, 3)), d);
            g = ref Unsafe.Add(ref g, outputs);
            x = ref Unsafe.Add(ref x, inputs);
        }

        TLanes.Store(a, ref sums, 0);
        TLanes.Store(b, ref sums, row);
        TLanes.Store(c, ref sums, 2 * row);
        TLanes.Store(d, ref sums, 3 * row);
    }
}
