using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Ocellus.Vision.Models;

/// <summary>Depthwise convolutions over channels-last input, with a weight gradient of our own.</summary>
/// <remarks>
/// oneDNN 3.7.1 has a kernel for the weight gradient of depthwise 3×3 convolutions only; for all others it takes one for grouped
/// convolutions in general, which needs a third of a detector's step and is four to eight times slower than what is here. Vectors of
/// 512 bits are two of 256 where the processor has no AVX-512; that is still far faster: a detector's step becomes a fifth shorter.
/// </remarks>
internal static class Depthwise
{
    // Spans of bytes hold no more.
    private const long ValuesMax = int.MaxValue / sizeof(float);

    /// <summary>[N,C,H,W] in channels-last strides and weights [C,1,K,K] to [N,C,H',W'].</summary>
    /// <param name="input">[N,C,H,W].</param>
    /// <param name="weight">[C,1,K,K].</param>
    /// <param name="bias">[C], or null for none.</param>
    /// <param name="stride">Pixels from one output to the next.</param>
    /// <param name="before">Zeros before the first row and column.</param>
    /// <param name="after">Zeros after the last row and column: as many as before, or one more.</param>
    public static Tensor Convolve(Tensor input, Tensor weight, Tensor? bias, long stride, long before, long after)
    {
        bool own = Vector256.IsHardwareAccelerated && weight.requires_grad && is_grad_enabled()
            && DepthwiseGradient.Can((int)weight.shape[2], (int)weight.shape[0]) && input.numel() <= ValuesMax;
        return own
            ? Function.apply(input, weight, bias!, stride, before, after)
            : Forward(input, weight, bias, stride, before, after);
    }

    private static Tensor Forward(Tensor input, Tensor weight, Tensor? bias, long stride, long before, long after)
    {
        using var scope = NewDisposeScope();
        return nn.functional.conv2d(input, Kernel(weight, before, after), bias, strides: [stride, stride], padding: [after, after], groups: weight.shape[0]).MoveToOuterDisposeScope();
    }

    // A row and a column of zeros before the kernel shift it as one zero less before the input would, without a copy of the input.
    private static Tensor Kernel(Tensor weight, long before, long after) => before == after ? weight : nn.functional.pad(weight, [1, 0, 1, 0]);

    private sealed class Function : autograd.SingleTensorFunction<Function>
    {
        public override string Name => nameof(Depthwise);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var (input, weight, bias) = ((Tensor)vars[0], (Tensor)vars[1], (Tensor?)vars[2]);
            var (stride, before, after) = ((long)vars[3], (long)vars[4], (long)vars[5]);
            ctx.save_for_backward([input, weight]);
            ctx.save_data("stride", stride);
            ctx.save_data("before", before);
            ctx.save_data("after", after);
            ctx.save_data("bias", bias is not null);
            return Forward(input, weight, bias, stride, before, after);
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            using var scope = NewDisposeScope();
            List<Tensor> saved = ctx.get_saved_variables();
            var (input, weight) = (saved[0], saved[1]);
            var (stride, before, after) = ((long)ctx.get_data("stride"), (long)ctx.get_data("before"), (long)ctx.get_data("after"));
            long channels = weight.shape[0], side = weight.shape[2];
            Tensor kernel = Kernel(weight, before, after);
            long more = (input.shape[2] + 2 * after - kernel.shape[2]) % stride; // rows that no output has looked at
            Tensor known = EfficientNetLite0.ChannelsLast(grad_output);
            Tensor inputs = nn.functional.conv_transpose2d(known, kernel, null, strides: [stride, stride], padding: [after, after], output_padding: [more, more], groups: channels);

            Tensor weights = empty(channels, 1, side, side), sums = empty(channels);
            DepthwiseGradient.Compute(
                input.permute(0, 2, 3, 1).contiguous(), known.permute(0, 2, 3, 1), weights, sums, (int)side, (int)stride, (int)before, get_num_threads());
            return [inputs.MoveToOuterDisposeScope(), weights.MoveToOuterDisposeScope(), (bool)ctx.get_data("bias") ? sums.MoveToOuterDisposeScope() : null!, null!, null!, null!];
        }
    }
}

/// <summary>The gradient of a depthwise convolution's weights and bias.</summary>
internal static class DepthwiseGradient
{
    private const int Lanes = 16;

    /// <summary>Whether there is a loop for kernels of this side and number of channels.</summary>
    public static bool Can(int side, int channels) => side is 3 or 5 && channels % Lanes == 0;

    /// <summary>Sums of input × gradient over all pictures and pixels.</summary>
    /// <param name="input">[N,H,W,C], contiguous.</param>
    /// <param name="gradient">Of the output, [N,H',W',C], contiguous.</param>
    /// <param name="weights">To be written: [C,1,K,K].</param>
    /// <param name="bias">To be written: [C].</param>
    /// <param name="side">K.</param>
    /// <param name="stride">Pixels of the input from one output to the next.</param>
    /// <param name="pad">Rows and columns of zeros before the input.</param>
    /// <param name="threads">At most.</param>
    public static void Compute(Tensor input, Tensor gradient, Tensor weights, Tensor bias, int side, int stride, int pad, int threads)
    {
        var shape = new Shape((int)input.shape[0], (int)input.shape[1], (int)input.shape[2], (int)input.shape[3], (int)gradient.shape[1], (int)gradient.shape[2], side, stride, pad);

        // Channels share nothing, so each thread takes some and the sums do not depend on the number of threads.
        Parallel.For(0, shape.Channels / Lanes, new ParallelOptions { MaxDegreeOfParallelism = threads }, block =>
            Block(Floats(input), Floats(gradient), Floats(weights), Floats(bias), shape, block * Lanes));
    }

    private static Span<float> Floats(Tensor t) => MemoryMarshal.Cast<byte, float>(t.bytes);

    private static void Block(ReadOnlySpan<float> input, ReadOnlySpan<float> gradient, Span<float> weights, Span<float> bias, in Shape s, int channel)
    {
        Span<Vector512<float>> sums = stackalloc Vector512<float>[s.Side * s.Side];
        sums.Clear();
        Vector512<float> total = default;
        for (int n = 0; n < s.Pictures; n++)
        {
            for (int y = 0; y < s.OutputHeight; y++)
            {
                ReadOnlySpan<float> known = gradient.Slice((n * s.OutputHeight + y) * s.OutputWidth * s.Channels, s.OutputWidth * s.Channels)[channel..];
                for (int x = 0; x < s.OutputWidth; x++)
                {
                    total += Vector512.LoadUnsafe(in known[0], (nuint)(x * s.Channels));
                }

                for (int ky = 0; ky < s.Side; ky++)
                {
                    int row = y * s.Stride + ky - s.Pad;
                    if ((uint)row >= (uint)s.Height)
                    {
                        continue;
                    }

                    ReadOnlySpan<float> seen = input.Slice((n * s.Height + row) * s.Width * s.Channels, s.Width * s.Channels)[channel..];
                    Span<Vector512<float>> here = sums.Slice(ky * s.Side, s.Side);
                    if (s.Side == 5)
                    {
                        Row5(seen, known, here, s);
                    }
                    else
                    {
                        Row3(seen, known, here, s);
                    }
                }
            }
        }

        int taps = s.Side * s.Side;
        for (int lane = 0; lane < Lanes; lane++)
        {
            bias[channel + lane] = total[lane];
            for (int k = 0; k < taps; k++)
            {
                weights[(channel + lane) * taps + k] = sums[k][lane];
            }
        }
    }

    // The sums of a row stay in registers, which the compiler does for locals only; so there is one loop for each side.
    private static void Row5(ReadOnlySpan<float> seen, ReadOnlySpan<float> known, Span<Vector512<float>> sums, in Shape s)
    {
        ref readonly float input = ref seen[0], gradient = ref known[0];
        var (s0, s1, s2, s3, s4) = (sums[0], sums[1], sums[2], sums[3], sums[4]);
        int step = s.Channels;
        var (first, end) = s.Inner();
        for (int x = first; x < end; x++)
        {
            Vector512<float> g = Vector512.LoadUnsafe(in gradient, (nuint)(x * step));
            nuint at = (nuint)((x * s.Stride - s.Pad) * step);
            s0 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(in input, at), g, s0);
            s1 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(in input, at + (nuint)step), g, s1);
            s2 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(in input, at + (nuint)(2 * step)), g, s2);
            s3 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(in input, at + (nuint)(3 * step)), g, s3);
            s4 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(in input, at + (nuint)(4 * step)), g, s4);
        }

        (sums[0], sums[1], sums[2], sums[3], sums[4]) = (s0, s1, s2, s3, s4);
        Edges(seen, known, sums, s, first, end);
    }

    private static void Row3(ReadOnlySpan<float> seen, ReadOnlySpan<float> known, Span<Vector512<float>> sums, in Shape s)
    {
        ref readonly float input = ref seen[0], gradient = ref known[0];
        var (s0, s1, s2) = (sums[0], sums[1], sums[2]);
        int step = s.Channels;
        var (first, end) = s.Inner();
        for (int x = first; x < end; x++)
        {
            Vector512<float> g = Vector512.LoadUnsafe(in gradient, (nuint)(x * step));
            nuint at = (nuint)((x * s.Stride - s.Pad) * step);
            s0 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(in input, at), g, s0);
            s1 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(in input, at + (nuint)step), g, s1);
            s2 = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(in input, at + (nuint)(2 * step)), g, s2);
        }

        (sums[0], sums[1], sums[2]) = (s0, s1, s2);
        Edges(seen, known, sums, s, first, end);
    }

    /// <summary>The outputs on the left and right whose kernels reach over the edge.</summary>
    private static void Edges(ReadOnlySpan<float> seen, ReadOnlySpan<float> known, Span<Vector512<float>> sums, in Shape s, int first, int end)
    {
        for (int x = 0; x < s.OutputWidth; x++)
        {
            if (x >= first && x < end)
            {
                x = end - 1;
                continue;
            }

            Vector512<float> g = Vector512.LoadUnsafe(in known[0], (nuint)(x * s.Channels));
            for (int kx = 0; kx < s.Side; kx++)
            {
                int column = x * s.Stride + kx - s.Pad;
                if ((uint)column < (uint)s.Width)
                {
                    sums[kx] = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(in seen[0], (nuint)(column * s.Channels)), g, sums[kx]);
                }
            }
        }
    }

    private readonly record struct Shape(int Pictures, int Height, int Width, int Channels, int OutputHeight, int OutputWidth, int Side, int Stride, int Pad)
    {
        /// <summary>Outputs of a row whose kernels lie inside: the first, and the first after the last.</summary>
        public (int First, int End) Inner()
        {
            int first = Math.Min(OutputWidth, (Pad + Stride - 1) / Stride);
            int last = Width + Pad - Side; // the last column where a kernel that lies inside may begin, counted from the zeros; less than none has no output
            return (first, last < 0 ? first : Math.Max(first, Math.Min(OutputWidth, last / Stride + 1)));
        }
    }
}
