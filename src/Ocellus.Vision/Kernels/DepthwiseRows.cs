using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Ocellus.Vision.Kernels;

/// <summary>Sizes of a depthwise convolution over [N,H,W,C].</summary>
/// <param name="Images">N.</param>
/// <param name="Height">H.</param>
/// <param name="Width">W.</param>
/// <param name="Channels">C.</param>
/// <param name="OutputHeight">H'.</param>
/// <param name="OutputWidth">W'.</param>
/// <param name="Side">K.</param>
/// <param name="Stride">Pixels of the input from one output to the next.</param>
/// <param name="Pad">Rows and columns of zeros before the input.</param>
internal readonly record struct DepthwiseShape(
    int Images, int Height, int Width, int Channels, int OutputHeight, int OutputWidth, int Side, int Stride, int Pad)
{
    /// <summary>Columns that kernels cover, including the zeros on both sides.</summary>
    public int PaddedWidth => Math.Max(Pad + Width, (OutputWidth - 1) * Stride + Side);

    /// <summary>Outputs of a row whose kernels lie inside: the first, and the one after the last.</summary>
    public (int First, int End) Inner()
    {
        int first = Math.Min(OutputWidth, (Pad + Stride - 1) / Stride);
        int last = Width + Pad - Side; // last column where a kernel inside may begin, counted from the first zero; negative if there is none
        return (first, last < 0 ? first : Math.Max(first, Math.Min(OutputWidth, last / Stride + 1)));
    }
}

/// <summary>A depthwise convolution, one row of the kernel at a time, forward and backward.</summary>
internal static class DepthwiseRows
{
    /// <summary>Channels that a loop processes together: a cache line.</summary>
    public const int Lanes = 16;

    /// <summary>Whether there is a loop for kernels of this side and number of channels.</summary>
    public static bool IsSupported(int side, int channels) => Vector256.IsHardwareAccelerated && side is 3 or 5 && channels % Lanes == 0;

    /// <summary>Sets every pixel to the bias.</summary>
    public static void Start(ReadOnlySpan<float> bias, Span<float> row)
    {
        for (int at = 0; at < row.Length; at += bias.Length)
        {
            bias.CopyTo(row[at..]);
        }
    }

    /// <summary>Limits the values to 0 … <paramref name="high"/>.</summary>
    public static void Clamp(Span<float> row, float high)
    {
        Vector256<float> max = Vector256.Create(high);
        for (int i = 0; i < row.Length; i += Vector256<float>.Count)
        {
            Lanes256.Clamp(Vector256.LoadUnsafe(in row[i]), Vector256<float>.Zero, max).StoreUnsafe(ref row[i]);
        }
    }

    /// <summary>Adds the products of row <paramref name="ky"/> of the kernel with a row of the input.</summary>
    /// <param name="input">[padded width, C].</param>
    /// <param name="taps">[C / lanes, K·K, lanes].</param>
    /// <param name="ky">Row of the kernel.</param>
    /// <param name="output">[W', C].</param>
    /// <param name="s">Sizes.</param>
    public static void Add(ReadOnlySpan<float> input, ReadOnlySpan<float> taps, int ky, Span<float> output, in DepthwiseShape s)
    {
        int inputStep = s.Stride * s.Channels;
        for (int block = 0; block < s.Channels / Lanes; block++)
        {
            ref readonly float inputAt = ref input[block * Lanes];
            ref float to = ref output[block * Lanes];
            ReadOnlySpan<Vector512<float>> w = MemoryMarshal.Cast<float, Vector512<float>>(taps).Slice(block * s.Side * s.Side + ky * s.Side, s.Side);
            Vector512<float> w0 = w[0], w1 = w[1], w2 = w[2];
            nuint next = (nuint)s.Channels;
            if (s.Side == 3)
            {
                for (int x = 0; x < s.OutputWidth; x++)
                {
                    nuint at = (nuint)(x * inputStep), outputAt = (nuint)(x * s.Channels);
                    Vector512<float> sum = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(in inputAt, at), w0, Vector512.LoadUnsafe(in to, outputAt));
                    sum = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(in inputAt, at + next), w1, sum);
                    Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(in inputAt, at + 2 * next), w2, sum).StoreUnsafe(ref to, outputAt);
                }
            }
            else
            {
                Vector512<float> w3 = w[3], w4 = w[4];
                for (int x = 0; x < s.OutputWidth; x++)
                {
                    nuint at = (nuint)(x * inputStep), outputAt = (nuint)(x * s.Channels);
                    Vector512<float> sum = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(in inputAt, at), w0, Vector512.LoadUnsafe(in to, outputAt));
                    sum = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(in inputAt, at + next), w1, sum);
                    sum = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(in inputAt, at + 2 * next), w2, sum);
                    sum = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(in inputAt, at + 3 * next), w3, sum);
                    Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(in inputAt, at + 4 * next), w4, sum).StoreUnsafe(ref to, outputAt);
                }
            }
        }
    }

    /// <summary>
    /// The backward pass of row <paramref name="ky"/> of the kernel, from a row of the output to one of the input: adds to the gradients of
    /// input and kernel.
    /// </summary>
    /// <param name="input">[W, C].</param>
    /// <param name="outputGradient">Gradient of the output with zeros on both sides, [margin + W' + margin, C].</param>
    /// <param name="margin">Columns of zeros on each side, at least K.</param>
    /// <param name="taps">[C / lanes, K·K, lanes].</param>
    /// <param name="ky">Row of the kernel.</param>
    /// <param name="back">Gradient of the input, [W, C].</param>
    /// <param name="tapSums">Gradient of the kernel, [C / lanes, K·K, lanes].</param>
    /// <param name="s">Sizes.</param>
    public static void Back(
        ReadOnlySpan<float> input, ReadOnlySpan<float> outputGradient, int margin, ReadOnlySpan<float> taps, int ky, Span<float> back, Span<float> tapSums,
        in DepthwiseShape s)
    {
        for (int block = 0; block < s.Channels / Lanes; block++)
        {
            int row = block * s.Side * s.Side + ky * s.Side;
            ReadOnlySpan<Vector512<float>> w = MemoryMarshal.Cast<float, Vector512<float>>(taps).Slice(row, s.Side);
            Span<Vector512<float>> sums = MemoryMarshal.Cast<float, Vector512<float>>(tapSums).Slice(row, s.Side);
            // Columns of the input that are one stride apart meet the same columns of the kernel, each one output further on.
            for (int x = 0; x < Math.Min(s.Stride, s.Width); x++)
            {
                int kx = (x + s.Pad) % s.Stride, count = (s.Width - x + s.Stride - 1) / s.Stride;
                ref readonly float inputAt = ref input[x * s.Channels + block * Lanes];
                ref readonly float g = ref outputGradient[(margin + (x + s.Pad - kx) / s.Stride) * s.Channels + block * Lanes];
                ref float to = ref back[x * s.Channels + block * Lanes];
                switch ((s.Side - kx + s.Stride - 1) / s.Stride)
                {
                    case 5:
                        Five(in inputAt, in g, ref to, s.Channels, s.Stride, count, w, sums);
                        break;
                    case 3:
                        Three(in inputAt, in g, ref to, s.Channels, s.Stride, count, w, sums, kx);
                        break;
                    case 2:
                        Two(in inputAt, in g, ref to, s.Channels, s.Stride, count, w, sums, kx);
                        break;
                    default:
                        One(in inputAt, in g, ref to, s.Channels, s.Stride, count, w, sums, kx);
                        break;
                }
            }
        }
    }

    // The sums of a row stay in registers; the compiler does this for locals only, hence one loop for each number of columns.
    private static void Five(
        ref readonly float input, ref readonly float outputGradient, ref float back, int channels, int stride, int count, ReadOnlySpan<Vector512<float>> w,
        Span<Vector512<float>> sums)
    {
        // Two runs: the sums and weights of five columns do not fit into the registers together.
        Three(in input, in outputGradient, ref back, channels, stride, count, w, sums, 0);
        Two(in input, in Unsafe.Subtract(ref Unsafe.AsRef(in outputGradient), 3 * channels), ref back, channels, stride, count, w, sums, 3);
    }

    private static void Three(
        ref readonly float input, ref readonly float outputGradient, ref float back, int channels, int stride, int count, ReadOnlySpan<Vector512<float>> w,
        Span<Vector512<float>> sums, int kx)
    {
        int a = kx, b = kx + stride, c = b + stride;
        Vector512<float> w0 = w[a], w1 = w[b], w2 = w[c], s0 = sums[a], s1 = sums[b], s2 = sums[c];
        nint step = channels * stride;
        for (nint i = 0; i < count; i++)
        {
            nuint at = (nuint)(i * step);
            nint outputAt = i * channels;
            Vector512<float> x = Vector512.LoadUnsafe(in input, at), sum = Vector512.LoadUnsafe(in back, at);
            Vector512<float> g = At(in outputGradient, outputAt);
            sum = Vector512.FusedMultiplyAdd(g, w0, sum);
            s0 = Vector512.FusedMultiplyAdd(g, x, s0);
            g = At(in outputGradient, outputAt - channels);
            sum = Vector512.FusedMultiplyAdd(g, w1, sum);
            s1 = Vector512.FusedMultiplyAdd(g, x, s1);
            g = At(in outputGradient, outputAt - 2 * channels);
            Vector512.FusedMultiplyAdd(g, w2, sum).StoreUnsafe(ref back, at);
            s2 = Vector512.FusedMultiplyAdd(g, x, s2);
        }

        (sums[a], sums[b], sums[c]) = (s0, s1, s2);
    }

    private static void Two(
        ref readonly float input, ref readonly float outputGradient, ref float back, int channels, int stride, int count, ReadOnlySpan<Vector512<float>> w,
        Span<Vector512<float>> sums, int kx)
    {
        int a = kx, b = kx + stride;
        Vector512<float> w0 = w[a], w1 = w[b], s0 = sums[a], s1 = sums[b];
        nint step = channels * stride;
        for (nint i = 0; i < count; i++)
        {
            nuint at = (nuint)(i * step);
            nint outputAt = i * channels;
            Vector512<float> x = Vector512.LoadUnsafe(in input, at), sum = Vector512.LoadUnsafe(in back, at);
            Vector512<float> g = At(in outputGradient, outputAt);
            sum = Vector512.FusedMultiplyAdd(g, w0, sum);
            s0 = Vector512.FusedMultiplyAdd(g, x, s0);
            g = At(in outputGradient, outputAt - channels);
            Vector512.FusedMultiplyAdd(g, w1, sum).StoreUnsafe(ref back, at);
            s1 = Vector512.FusedMultiplyAdd(g, x, s1);
        }

        (sums[a], sums[b]) = (s0, s1);
    }

    private static void One(
        ref readonly float input, ref readonly float outputGradient, ref float back, int channels, int stride, int count, ReadOnlySpan<Vector512<float>> w,
        Span<Vector512<float>> sums, int kx)
    {
        Vector512<float> weight = w[kx], total = sums[kx];
        nint step = channels * stride;
        for (nint i = 0; i < count; i++)
        {
            nuint at = (nuint)(i * step);
            Vector512<float> g = At(in outputGradient, i * channels);
            Vector512.FusedMultiplyAdd(g, weight, Vector512.LoadUnsafe(in back, at)).StoreUnsafe(ref back, at);
            total = Vector512.FusedMultiplyAdd(g, Vector512.LoadUnsafe(in input, at), total);
        }

        sums[kx] = total;
    }

    // The offset may be negative: zeros lie before the first column.
    private static Vector512<float> At(ref readonly float from, nint offset) =>
        Vector512.LoadUnsafe(in Unsafe.Add(ref Unsafe.AsRef(in from), offset));
}
