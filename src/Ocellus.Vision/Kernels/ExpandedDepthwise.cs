using static TorchSharp.torch;

namespace Ocellus.Vision.Kernels;

/// <summary>The first half of an inverted residual block in one go: 1×1 convolution to more channels, ReLU6, depthwise convolution, ReLU6.</summary>
/// <remarks>
/// The values between the two convolutions are six times as many as the input's. Written to memory and read again by each operation, forward
/// and backward, they take longer than the arithmetic. Here they are computed row by row in the cache, used at once, and computed again for
/// the gradients. MobileNetV2 (arXiv:1801.04381, section 5) mentions this for the forward pass.
/// Can be removed when oneDNN fuses the two for training as well; it does so for inference only: https://github.com/uxlfoundation/oneDNN/issues/1062.
/// </remarks>
internal static class ExpandedDepthwise
{
    // Larger matrices drop out of the second-level cache between two rows: from 112 to 672 channels, separate operations are faster.
    private const int MatrixMax = 40 << 10;

    /// <summary>Whether there are loops for these sizes.</summary>
    /// <param name="input">[N,C,H,W].</param>
    /// <param name="expand">[E,C,1,1].</param>
    /// <param name="depthwise">[E,1,K,K].</param>
    /// <param name="before">Zeros before the first row and column.</param>
    /// <param name="after">Zeros after the last row and column.</param>
    public static bool IsSupported(Tensor input, Tensor expand, Tensor depthwise, long before, long after) =>
        expand.numel() <= MatrixMax && RowProduct.IsSupported((int)expand.shape[0]) && RowProduct.IsSupported((int)expand.shape[1])
        && DepthwiseRows.IsSupported((int)depthwise.shape[2], (int)depthwise.shape[0])
        && before + after < depthwise.shape[2] && Math.Min(input.shape[2], input.shape[3]) + before + after >= depthwise.shape[2]
        && input.stride(1) == 1 && input.numel() / expand.shape[1] * expand.shape[0] <= TensorValues.Max;

    /// <summary>[N,C,H,W] in channels-last strides to [N,E,H',W'] in channels-last strides.</summary>
    /// <param name="input">[N,C,H,W].</param>
    /// <param name="expand">[E,C,1,1].</param>
    /// <param name="expandBias">[E].</param>
    /// <param name="depthwise">[E,1,K,K].</param>
    /// <param name="depthwiseBias">[E].</param>
    /// <param name="stride">Pixels from one output to the next.</param>
    /// <param name="before">Zeros before the first row and column.</param>
    /// <param name="after">Zeros after the last row and column.</param>
    public static Tensor Convolve(Tensor input, Tensor expand, Tensor expandBias, Tensor depthwise, Tensor depthwiseBias, long stride, long before, long after)
    {
        bool needsGradient = is_grad_enabled() && new[] { input, expand, expandBias, depthwise, depthwiseBias }.Any(t => t.requires_grad);
        return needsGradient
            ? Function.apply(input, expand, expandBias, depthwise, depthwiseBias, stride, before, after)
            : Forward(input, expand, expandBias, depthwise, depthwiseBias, Sizes(input, depthwise, stride, before, after));
    }

    private static DepthwiseShape Sizes(Tensor input, Tensor depthwise, long stride, long before, long after)
    {
        int height = (int)input.shape[2], width = (int)input.shape[3], side = (int)depthwise.shape[2], zeros = (int)(before + after);
        return new DepthwiseShape(
            (int)input.shape[0], height, width, (int)depthwise.shape[0], (height + zeros - side) / (int)stride + 1, (width + zeros - side) / (int)stride + 1,
            side, (int)stride, (int)before);
    }

    private static Tensor Forward(Tensor input, Tensor expand, Tensor expandBias, Tensor depthwise, Tensor depthwiseBias, DepthwiseShape shape)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor output = empty(shape.Images, shape.OutputHeight, shape.OutputWidth, shape.Channels);
        ExpandedDepthwiseRows.Forward(
            Pixels(input), Transposed(expand), Plain(expandBias), Taps(depthwise), Plain(depthwiseBias), output, shape, get_num_threads());
        return output.permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }

    private static Tensor Plain(Tensor t) => t.detach().contiguous();

    // [N,H,W,C]; no copy where the strides are channels-last
    private static Tensor Pixels(Tensor images) => images.detach().permute(0, 2, 3, 1).contiguous();

    private static Tensor Transposed(Tensor expand) => expand.detach().reshape(expand.shape[0], expand.shape[1]).t().contiguous(); // [C,E]

    // [E,1,K,K] to [E / lanes, K·K, lanes], in the order of the loops.
    private static Tensor Taps(Tensor depthwise) => depthwise.detach()
        .reshape(depthwise.shape[0] / DepthwiseRows.Lanes, DepthwiseRows.Lanes, depthwise.shape[2] * depthwise.shape[3]).permute(0, 2, 1).contiguous();

    private sealed class Function : autograd.SingleTensorFunction<Function>
    {
        public override string Name => nameof(ExpandedDepthwise);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var (input, expand, expandBias, depthwise, depthwiseBias) = ((Tensor)vars[0], (Tensor)vars[1], (Tensor)vars[2], (Tensor)vars[3], (Tensor)vars[4]);
            var (stride, before, after) = ((long)vars[5], (long)vars[6], (long)vars[7]);
            bool skipInputGradient = !input.requires_grad; // nothing before it is trained
            using var noGrad = no_grad();
            Tensor output = Forward(input, expand, expandBias, depthwise, depthwiseBias, Sizes(input, depthwise, stride, before, after));

            // Detached: the output itself, once saved, would keep itself alive.
            ctx.save_for_backward([input, expand, expandBias, depthwise, output.detach()]);
            ctx.save_data("stride", stride);
            ctx.save_data("before", before);
            ctx.save_data("after", after);
            ctx.save_data("skipInputGradient", skipInputGradient);
            return output;
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            List<Tensor> saved = ctx.get_saved_variables();
            var (input, expand, expandBias, depthwise, output) = (saved[0], saved[1], saved[2], saved[3], saved[4]);
            DepthwiseShape shape = Sizes(input, depthwise, (long)ctx.get_data("stride"), (long)ctx.get_data("before"), (long)ctx.get_data("after"));
            Tensor? inputs = (bool)ctx.get_data("skipInputGradient") ? null : empty(shape.Images, shape.Height, shape.Width, input.shape[1]);
            Tensor across = expand.detach().reshape(expand.shape[0], expand.shape[1]).contiguous();
            ExpandedDepthwiseSums sums = ExpandedDepthwiseRows.Backward(
                Pixels(input), Transposed(expand), across, Plain(expandBias), Taps(depthwise), Pixels(output), Pixels(grad_output), inputs, shape,
                get_num_threads());
            return
            [
                inputs?.permute(0, 3, 1, 2).MoveToOuterDisposeScope()!,
                sums.Expand.reshape(expand.shape).MoveToOuterDisposeScope(),
                sums.ExpandBias.MoveToOuterDisposeScope(),
                sums.Depthwise.permute(0, 2, 1).reshape(depthwise.shape).MoveToOuterDisposeScope(),
                sums.DepthwiseBias.MoveToOuterDisposeScope(),
                null!, null!, null!,
            ];
        }
    }
}

/// <summary>Gradients of the weights and biases: [E,C], [E], [E / lanes, K·K, lanes], [E].</summary>
internal sealed record ExpandedDepthwiseSums(Tensor Expand, Tensor ExpandBias, Tensor Depthwise, Tensor DepthwiseBias);

/// <summary>The loops of <see cref="ExpandedDepthwise"/>, over rows of images in [N,H,W,C].</summary>
internal static class ExpandedDepthwiseRows
{
    private const float Top = 6;

    // Partial sums, each over a run of rows. Their number does not depend on the threads, so neither does the result.
    private const int PartsMax = 8;

    // Pixels whose values for the weights' gradient fit into the second-level cache.
    private const int TilePixels = 64;

    /// <summary>Writes the output [N,H',W',E].</summary>
    public static void Forward(Tensor input, Tensor expand, Tensor expandBias, Tensor taps, Tensor bias, Tensor output, DepthwiseShape s, int threads)
    {
        int rows = s.Images * s.OutputHeight, parts = Math.Min(rows, PartsMax), inputs = (int)input.shape[3];
        int line = s.PaddedWidth * s.Channels, outputLine = s.OutputWidth * s.Channels;
        using Tensor scratch = zeros(parts, s.Side, s.PaddedWidth, s.Channels); // columns of zeros stay zeros
        Parallel.For(0, parts, new ParallelOptions { MaxDegreeOfParallelism = threads }, part =>
        {
            Span<float> ring = TensorValues.Of(scratch).Slice(part * s.Side * line, s.Side * line);
            Span<int> held = stackalloc int[s.Side]; // input row that each row of the ring was made from
            held.Fill(-1);
            for (int row = rows * part / parts, end = rows * (part + 1) / parts; row < end; row++)
            {
                int image = row / s.OutputHeight, top = row % s.OutputHeight * s.Stride - s.Pad;
                Span<float> to = TensorValues.Of(output).Slice(row * outputLine, outputLine);
                DepthwiseRows.Start(TensorValues.Of(bias), to);
                for (int ky = 0; ky < s.Side; ky++)
                {
                    int y = top + ky;
                    if ((uint)y >= (uint)s.Height)
                    {
                        continue;
                    }

                    int slot = y % s.Side, number = image * s.Height + y;
                    Span<float> expanded = ring.Slice(slot * line, line);
                    if (held[slot] != number)
                    {
                        Expand(TensorValues.Of(input), inputs, number, TensorValues.Of(expand), TensorValues.Of(expandBias), expanded.Slice(
                            s.Pad * s.Channels, s.Width * s.Channels), s);
                        held[slot] = number;
                    }

                    DepthwiseRows.Add(expanded, TensorValues.Of(taps), ky, to, s);
                }

                DepthwiseRows.Clamp(to, Top);
            }
        });
    }

    /// <summary>Writes the gradient of the input, if requested, and returns those of the weights.</summary>
    public static ExpandedDepthwiseSums Backward(
        Tensor input, Tensor expand, Tensor expandAcross, Tensor expandBias, Tensor taps, Tensor output, Tensor gradient, Tensor? inputGradient,
        DepthwiseShape s, int threads)
    {
        int rows = s.Images * s.Height, parts = Math.Min(rows, PartsMax), inputs = (int)input.shape[3], count = s.Side * s.Side;
        int margin = s.Side, line = s.Width * s.Channels, outputLine = s.OutputWidth * s.Channels, gradientLine = (s.OutputWidth + 2 * margin) * s.Channels;
        using Tensor expandedRows = empty(parts, 2, s.Width, s.Channels), zeroStart = zeros(inputs);
        using Tensor gradientRows = zeros(parts, s.Side, s.OutputWidth + 2 * margin, s.Channels);
        Tensor weights = zeros(parts, s.Channels, inputs), bias = zeros(parts, s.Channels);
        Tensor tapSums = zeros(parts, s.Channels / DepthwiseRows.Lanes, count, DepthwiseRows.Lanes), tapBias = zeros(parts, s.Channels);
        Parallel.For(0, parts, new ParallelOptions { MaxDegreeOfParallelism = threads }, part =>
        {
            Span<float> both = TensorValues.Of(expandedRows).Slice(part * 2 * line, 2 * line), expanded = both[..line], back = both[line..];
            Span<float> ring = TensorValues.Of(gradientRows).Slice(part * s.Side * gradientLine, s.Side * gradientLine);
            Span<float> weightSums = TensorValues.Of(weights).Slice(part * s.Channels * inputs, s.Channels * inputs);
            Span<float> biasSums = TensorValues.Of(bias).Slice(part * s.Channels, s.Channels);
            Span<float> ownTaps = TensorValues.Of(tapSums).Slice(part * s.Channels * count, s.Channels * count);
            Span<float> ownTapBias = TensorValues.Of(tapBias).Slice(part * s.Channels, s.Channels);
            Span<int> held = stackalloc int[s.Side];
            held.Fill(-1);
            int first = rows * part / parts, end = rows * (part + 1) / parts;
            for (int row = first; row < end; row++)
            {
                int image = row / s.Height, y = row % s.Height;
                Expand(TensorValues.Of(input), inputs, row, TensorValues.Of(expand), TensorValues.Of(expandBias), expanded, s);
                back.Clear();
                for (int ky = 0; ky < s.Side; ky++)
                {
                    int from = y + s.Pad - ky, oy = from / s.Stride;
                    if (from < 0 || from % s.Stride != 0 || oy >= s.OutputHeight)
                    {
                        continue;
                    }

                    int slot = oy % s.Side, number = image * s.OutputHeight + oy;
                    Span<float> passed = ring.Slice(slot * gradientLine, gradientLine);
                    if (held[slot] != number)
                    {
                        Span<float> inner = passed.Slice(margin * s.Channels, outputLine);
                        int at = number * outputLine;
                        Relu6Gradient.Pass(TensorValues.Of(gradient).Slice(at, outputLine), TensorValues.Of(output).Slice(at, outputLine), inner);
                        held[slot] = number;
                        int owner = image * s.Height + oy * s.Stride; // counts the row once: other parts may read it too
                        if (owner >= first && owner < end)
                        {
                            PointwiseGradient.AddRows(inner, ownTapBias);
                        }
                    }

                    DepthwiseRows.Back(expanded, passed, margin, TensorValues.Of(taps), ky, back, ownTaps, s);
                }

                Relu6Gradient.Pass(back, expanded, back);
                PointwiseGradient.AddRows(back, biasSums);
                ReadOnlySpan<float> inputRow = TensorValues.Of(input).Slice(row * s.Width * inputs, s.Width * inputs);
                for (int x = 0; x < s.Width; x += TilePixels)
                {
                    int some = Math.Min(TilePixels, s.Width - x);
                    PointwiseGradient.Products(
                        back.Slice(x * s.Channels, some * s.Channels), s.Channels, inputRow.Slice(x * inputs, some * inputs), inputs, weightSums);
                }

                if (inputGradient is not null)
                {
                    Span<float> to = TensorValues.Of(inputGradient).Slice(row * s.Width * inputs, s.Width * inputs);
                    RowProduct.Compute(
                        back, s.Channels, TensorValues.Of(expandAcross), TensorValues.Of(zeroStart), to, inputs, float.NegativeInfinity,
                        float.PositiveInfinity);
                }
            }
        });
        return new ExpandedDepthwiseSums(weights.sum(dim: 0), bias.sum(dim: 0), tapSums.sum(dim: 0), tapBias.sum(dim: 0));
    }

    /// <summary>The expanded values of one row of the input, after ReLU6.</summary>
    private static void Expand(
        ReadOnlySpan<float> input, int inputs, int row, ReadOnlySpan<float> expand, ReadOnlySpan<float> bias, Span<float> to, in DepthwiseShape s) =>
        RowProduct.Compute(input.Slice(row * s.Width * inputs, s.Width * inputs), inputs, expand, bias, to, s.Channels, 0, Top);
}
