using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Ocellus.Vision.Kernels;

/// <summary>Depthwise convolutions over channels-last input, with a weight gradient of our own.</summary>
/// <remarks>
/// oneDNN 3.7.1, inside libtorch 2.10, has a kernel for the weight gradient of depthwise 3×3 convolutions only. For all others it uses one for grouped
/// convolutions in general, which takes a third of a detector's step and is four to eight times slower than this. Without AVX-512, a vector of
/// 512 bits is two of 256; that is still far faster and makes a detector's step a fifth shorter.
/// Can be removed when libtorch has a fast weight gradient of depthwise 5×5 convolutions on CPUs: https://github.com/pytorch/pytorch/issues/13716 (open).
/// </remarks>
internal static class Depthwise
{
    /// <summary>[N,C,H,W] in channels-last strides to [N,C,H',W'], with the gradient of the weights by the loops below if it is needed.</summary>
    public static Tensor Convolve(Tensor input, in ConvolutionLayer convolution) => Convolve(
        input, convolution.Weight, convolution.Bias, convolution.Stride, convolution.Pads[0], convolution.Pads[2], convolution.Activate);

    /// <summary>The same with libtorch's operations alone.</summary>
    public static Tensor ByLibtorch(Tensor input, in ConvolutionLayer convolution) => Forward(
        input, convolution.Weight, convolution.Bias, convolution.Stride, convolution.Pads[0], convolution.Pads[2], convolution.Activate);

    /// <summary>[N,C,H,W] in channels-last strides and weights [C,1,K,K] to [N,C,H',W'].</summary>
    /// <param name="input">[N,C,H,W].</param>
    /// <param name="weight">[C,1,K,K].</param>
    /// <param name="bias">[C], or null for none.</param>
    /// <param name="stride">Pixels from one output to the next.</param>
    /// <param name="before">Zeros before the first row and column.</param>
    /// <param name="after">Zeros after the last row and column: as many as before, or one more.</param>
    /// <param name="activate">Whether ReLU6 follows.</param>
    public static Tensor Convolve(Tensor input, Tensor weight, Tensor? bias, long stride, long before, long after, bool activate = false)
    {
        bool own = weight.requires_grad && is_grad_enabled()
            && DepthwiseRows.IsSupported((int)weight.shape[2], (int)weight.shape[0]) && input.numel() <= TensorValues.Max;
        return own
            ? Function.apply(input, weight, bias!, stride, before, after, activate)
            : Forward(input, weight, bias, stride, before, after, activate);
    }

    private static Tensor Forward(Tensor input, Tensor weight, Tensor? bias, long stride, long before, long after, bool activate)
    {
        using var scope = NewDisposeScope();
        Tensor output = nn.functional.conv2d(
            input, Kernel(weight, before, after), bias, strides: [stride, stride], padding: [after, after], groups: weight.shape[0]);
        return (activate ? nn.functional.relu6(output, inplace: !is_grad_enabled()) : output).MoveToOuterDisposeScope();
    }

    // A row and a column of zeros before the kernel shift it like one zero less before the input would, without copying the input.
    private static Tensor Kernel(Tensor weight, long before, long after) => before == after ? weight : nn.functional.pad(weight, [1, 0, 1, 0]);

    private sealed class Function : autograd.SingleTensorFunction<Function>
    {
        public override string Name => nameof(Depthwise);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var (input, weight, bias) = ((Tensor)vars[0], (Tensor)vars[1], (Tensor?)vars[2]);
            var (stride, before, after, activate) = ((long)vars[3], (long)vars[4], (long)vars[5], (bool)vars[6]);
            using var noGrad = no_grad();
            Tensor output = Forward(input, weight, bias, stride, before, after, activate);

            // Detached: the output itself, once saved, would keep itself alive.
            ctx.save_for_backward(activate ? [input, weight, output.detach()] : [input, weight]);
            ctx.save_data("stride", stride);
            ctx.save_data("before", before);
            ctx.save_data("after", after);
            ctx.save_data("bias", bias is not null);
            return output;
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            using var scope = NewDisposeScope();
            List<Tensor> saved = ctx.get_saved_variables();
            var (input, weight) = (saved[0], saved[1]);
            var (stride, before, after) = ((long)ctx.get_data("stride"), (long)ctx.get_data("before"), (long)ctx.get_data("after"));
            long channels = weight.shape[0], side = weight.shape[2];
            Tensor kernel = Kernel(weight, before, after);
            long more = (input.shape[2] + 2 * after - kernel.shape[2]) % stride; // rows that no output covers
            Tensor outputGradient = TensorValues.ChannelsLast(grad_output).permute(0, 2, 3, 1); // [N,H',W',C]
            Tensor? active = saved.Count > 2 ? saved[2].permute(0, 2, 3, 1).contiguous() : null;
            Tensor passed = active is null ? outputGradient : empty_like(outputGradient);
            (Tensor weights, Tensor sums) = DepthwiseGradient.Compute(
                input.permute(0, 2, 3, 1).contiguous(), outputGradient, active, passed, (int)side, (int)stride, (int)before, get_num_threads());
            Tensor inputs = nn.functional.conv_transpose2d(
                passed.permute(0, 3, 1, 2), kernel, null, strides: [stride, stride], padding: [after, after], output_padding: [more, more], groups: channels);
            Tensor? biases = (bool)ctx.get_data("bias") ? sums.MoveToOuterDisposeScope() : null;
            return [inputs.MoveToOuterDisposeScope(), weights.MoveToOuterDisposeScope(), biases!, null!, null!, null!, null!];
        }
    }
}

/// <summary>The gradient of a depthwise convolution's weights and bias.</summary>
internal static class DepthwiseGradient
{
    // Partial sums, each over some of the rows. Their number does not depend on the threads, so neither does the result.
    private const int PartsMax = 8;

    /// <summary>Sums of input × gradient over all images and pixels.</summary>
    /// <param name="input">[N,H,W,C], contiguous.</param>
    /// <param name="gradient">Of the output, [N,H',W',C], contiguous.</param>
    /// <param name="active">Output of ReLU6, [N,H',W',C], contiguous; null where there is none.</param>
    /// <param name="passed">Written: the gradient where ReLU6 lets it through, zeros elsewhere; not used without <paramref name="active"/>.</param>
    /// <param name="side">K.</param>
    /// <param name="stride">Pixels of the input from one output to the next.</param>
    /// <param name="pad">Rows and columns of zeros before the input.</param>
    /// <param name="threads">Maximum threads.</param>
    /// <returns>[C,1,K,K] and [C].</returns>
    public static (Tensor Weights, Tensor Bias) Compute(
        Tensor input, Tensor gradient, Tensor? active, Tensor passed, int side, int stride, int pad, int threads)
    {
        var (count, height, width, channels) = ((int)input.shape[0], (int)input.shape[1], (int)input.shape[2], (int)input.shape[3]);
        var shape = new DepthwiseShape(count, height, width, channels, (int)gradient.shape[1], (int)gradient.shape[2], side, stride, pad);
        int rows = shape.Images * shape.OutputHeight, values = shape.OutputWidth * shape.Channels;
        int taps = side * side, blocks = shape.Channels / DepthwiseRows.Lanes;
        int parts = Math.Min(rows, PartsMax);
        Tensor weights = zeros(parts, blocks, taps, DepthwiseRows.Lanes), bias = zeros(parts, shape.Channels);
        Parallel.For(0, parts, new ParallelOptions { MaxDegreeOfParallelism = threads }, part =>
        {
            Span<Vector512<float>> sums = MemoryMarshal.Cast<float, Vector512<float>>(TensorValues.Of(weights)).Slice(part * blocks * taps, blocks * taps);
            Span<Vector512<float>> totals = MemoryMarshal.Cast<float, Vector512<float>>(TensorValues.Of(bias)).Slice(part * blocks, blocks);
            for (int row = rows * part / parts, end = rows * (part + 1) / parts; row < end; row++)
            {
                ReadOnlySpan<float> outputGradient = Relu6Gradient.Passed(gradient, active, passed, row * values, values);
                Row(TensorValues.Of(input), outputGradient, row / shape.OutputHeight, row % shape.OutputHeight, sums, totals, shape);
            }
        });
        return (weights.sum(dim: 0).permute(0, 2, 1).reshape(shape.Channels, 1, side, side), bias.sum(dim: 0));
    }

    /// <summary>One row of outputs, all channels.</summary>
    private static void Row(
        ReadOnlySpan<float> input, ReadOnlySpan<float> gradient, int image, int y, Span<Vector512<float>> sums, Span<Vector512<float>> totals,
        in DepthwiseShape s)
    {
        int taps = s.Side * s.Side;
        for (int block = 0; block < totals.Length; block++)
        {
            ReadOnlySpan<float> outputGradient = gradient[(block * DepthwiseRows.Lanes)..];
            Vector512<float> total = totals[block];
            for (int x = 0; x < s.OutputWidth; x++)
            {
                total += Vector512.LoadUnsafe(in outputGradient[0], (nuint)(x * s.Channels));
            }

            totals[block] = total;
            for (int ky = 0; ky < s.Side; ky++)
            {
                int row = y * s.Stride + ky - s.Pad;
                if ((uint)row >= (uint)s.Height)
                {
                    continue;
                }

                ReadOnlySpan<float> inputRow = input.Slice(
                    (image * s.Height + row) * s.Width * s.Channels, s.Width * s.Channels)[(block * DepthwiseRows.Lanes)..];
                Span<Vector512<float>> rowSums = sums.Slice(block * taps + ky * s.Side, s.Side);
                if (s.Side == 5)
                {
                    Row5(inputRow, outputGradient, rowSums, s);
                }
                else
                {
                    Row3(inputRow, outputGradient, rowSums, s);
                }
            }
        }
    }

    // The sums of a row stay in registers; the compiler does this for locals only, hence one loop for each side.
    private static void Row5(ReadOnlySpan<float> inputRow, ReadOnlySpan<float> outputGradient, Span<Vector512<float>> sums, in DepthwiseShape s)
    {
        ref readonly float input = ref inputRow[0], gradient = ref outputGradient[0];
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
        Edges(inputRow, outputGradient, sums, s, first, end);
    }

    private static void Row3(ReadOnlySpan<float> inputRow, ReadOnlySpan<float> outputGradient, Span<Vector512<float>> sums, in DepthwiseShape s)
    {
        ref readonly float input = ref inputRow[0], gradient = ref outputGradient[0];
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
        Edges(inputRow, outputGradient, sums, s, first, end);
    }

    /// <summary>The outputs on the left and right whose kernels reach beyond the edge.</summary>
    private static void Edges(
        ReadOnlySpan<float> inputRow, ReadOnlySpan<float> outputGradient, Span<Vector512<float>> sums, in DepthwiseShape s, int first, int end)
    {
        for (int x = 0; x < s.OutputWidth; x++)
        {
            if (x >= first && x < end)
            {
                x = end - 1;
                continue;
            }

            Vector512<float> g = Vector512.LoadUnsafe(in outputGradient[0], (nuint)(x * s.Channels));
            for (int kx = 0; kx < s.Side; kx++)
            {
                int column = x * s.Stride + kx - s.Pad;
                if ((uint)column < (uint)s.Width)
                {
                    sums[kx] = Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(in inputRow[0], (nuint)(column * s.Channels)), g, sums[kx]);
                }
            }
        }
    }
}
