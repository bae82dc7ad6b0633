using System.Collections.Concurrent;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Ocellus.Vision.Kernels;

/// <summary>1×1 convolutions, by the fastest way that is right on this machine.</summary>
/// <remarks>
/// <para>
/// <c>conv2d</c> is up to twice as fast as one matrix product over all pixels, but the oneDNN 3.7.1 inside libtorch 2.10 brings
/// the weights of a 1×1 convolution over channels-last input into blocks of 32 or 48 output channels (reorder <c>jit:uni</c>,
/// <c>abcd</c> to <c>Acdb32a</c>). With more than one thread on AVX-512 it loses half of the input channels in a last block that
/// is not full, so 40, 80, 112, 320 and 1280 output channels come out wrong by any amount, without an error; 96, 144 and 192 are
/// right. With one thread, AVX2, or larger kernels it does not happen, and gradients are right.
/// </para>
/// <para>
/// So on AVX-512 outputs are filled up with zeros until every block is full, and everywhere each size is tried once on numbers whose product is known:
/// what is still wrong there is computed as a matrix product. May go with libtorch on oneDNN 3.8.1 or later, which reorders correctly again:
/// https://github.com/uxlfoundation/oneDNN/issues/3280.
/// </para>
/// </remarks>
internal static class Pointwise
{
    // More outputs than the first are filled up to a multiple of the second; every block that oneDNN makes is full then.
    private const int OneBlock = 32, Block = 48;

    // Both sum the same products in another order; a lost input is off by far more.
    private const float Apart = 1e-3f;

    private static readonly ConcurrentDictionary<(long, long, long, long, long, int), Way> _ways = new(), _waysBack = new();

    private enum Way
    {
        Convolution,
        Product,
    }

    /// <summary>[N,C,H,W] to [N,O,H,W], with the gradient of the weights by <see cref="PointwiseGradient"/> where it is wanted.</summary>
    public static Tensor Convolve(Tensor input, in ConvolutionLayer convolution) => Convolve(input, convolution.Weight, convolution.Bias, convolution.Activate);

    /// <summary>The same by libtorch's operations alone.</summary>
    public static Tensor ByLibtorch(Tensor input, in ConvolutionLayer convolution) =>
        By(WayFor(input, convolution.Weight), input, convolution.Weight, convolution.Bias, convolution.Activate);

    /// <summary>
    /// [N,C,H,W] in channels-last strides and weights [O,C,1,1] to [N,O,H,W] in channels-last strides. Other strides are right
    /// too, at the price of a copy.
    /// </summary>
    /// <param name="input">[N,C,H,W].</param>
    /// <param name="weight">[O,C,1,1].</param>
    /// <param name="bias">[O], or null for none.</param>
    /// <param name="activate">Whether ReLU6 follows.</param>
    public static Tensor Convolve(Tensor input, Tensor weight, Tensor? bias, bool activate = false)
    {
        bool own = weight.requires_grad && is_grad_enabled() && PointwiseGradient.IsSupported(weight.shape[1])
            && input.stride(1) == 1 && Math.Max(input.numel(), input.numel() / weight.shape[1] * weight.shape[0]) <= TensorValues.Max;
        return own
            ? Function.apply(input, weight, bias!, activate)
            : By(WayFor(input, weight), input, weight, bias, activate);
    }

    private static Way WayFor(Tensor input, Tensor weight)
    {
        long[] shape = input.shape; // [N, C, H, W]
        return _ways.GetOrAdd((shape[0], shape[1], shape[2], shape[3], weight.shape[0], get_num_threads()), static key => Choose(key));
    }

    private static Way Choose((long Images, long Inputs, long Height, long Width, long Outputs, int Threads) key)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor input = Numbers(key.Images, key.Height, key.Width, key.Inputs).permute(0, 3, 1, 2);
        Tensor weight = Numbers(key.Outputs, key.Inputs, 1, 1);
        Tensor right = By(Way.Product, input, weight, bias: null, activate: false);
        return Same(By(Way.Convolution, input, weight, bias: null, activate: false), right) ? Way.Convolution : Way.Product;
    }

    /// <summary>The gradient of the input from that of the output, [N,O,H,W] in channels-last strides.</summary>
    private static Tensor Back(Tensor outputGradient, Tensor weight)
    {
        long[] shape = outputGradient.shape; // [N, O, H, W]
        Way way = _waysBack.GetOrAdd((shape[0], shape[1], shape[2], shape[3], weight.shape[1], get_num_threads()), static key => ChooseBack(key));
        return BackBy(way, outputGradient, weight);
    }

    private static Way ChooseBack((long Images, long Outputs, long Height, long Width, long Inputs, int Threads) key)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor outputGradient = Numbers(key.Images, key.Height, key.Width, key.Outputs).permute(0, 3, 1, 2);
        Tensor weight = Numbers(key.Outputs, key.Inputs, 1, 1);
        return Same(BackBy(Way.Convolution, outputGradient, weight), BackBy(Way.Product, outputGradient, weight)) ? Way.Convolution : Way.Product;
    }

    private static Tensor BackBy(Way way, Tensor outputGradient, Tensor weight)
    {
        if (way == Way.Convolution)
        {
            return nn.functional.conv_transpose2d(outputGradient, weight);
        }

        using var scope = NewDisposeScope();
        return Pixels(outputGradient).mm(weight.reshape(weight.shape[0], weight.shape[1]))
            .reshape(outputGradient.shape[0], outputGradient.shape[2], outputGradient.shape[3], weight.shape[1]).permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }

    private static bool Same(Tensor a, Tensor b) => (a - b).abs().max().item<float>() <= Apart * b.abs().max().item<float>();

    // Anything but zeros and repetitions will do.
    private static Tensor Numbers(params long[] shape) => ((arange(shape.Aggregate((a, b) => a * b), ScalarType.Float32) * .618f).frac() - .5f).reshape(shape);

    private static Tensor By(Way way, Tensor input, Tensor weight, Tensor? bias, bool activate)
    {
        using var scope = NewDisposeScope();
        long[] shape = input.shape; // [N, C, H, W]
        long outputs = weight.shape[0];
        if (way == Way.Product)
        {
            Tensor product = Activated(nn.functional.linear(Pixels(input), weight.reshape(outputs, shape[1]), bias), activate); // [N·H·W, O]

            // Activated before it is seen as images: in place on a view, gradients would be copied twice.
            return product.reshape(shape[0], shape[2], shape[3], outputs).permute(0, 3, 1, 2).MoveToOuterDisposeScope();
        }

        long more = outputs <= OneBlock || !Vector512.IsHardwareAccelerated ? 0 : (Block - outputs % Block) % Block;
        if (more == 0)
        {
            return Activated(nn.functional.conv2d(input, weight, bias), activate).MoveToOuterDisposeScope();
        }

        Tensor filled = cat([weight, zeros(more, shape[1], 1, 1)], 0);
        Tensor wide = nn.functional.conv2d(input, filled, bias is null ? null : cat([bias, zeros(more)], 0));
        return Activated(TensorValues.ChannelsLast(wide.narrow(1, 0, outputs)), activate).MoveToOuterDisposeScope();
    }

    private static Tensor Activated(Tensor x, bool activate) => activate ? nn.functional.relu6(x, inplace: !is_grad_enabled()) : x;

    // [N·H·W, C]; a view where the strides are channels-last
    private static Tensor Pixels(Tensor images) => images.permute(0, 2, 3, 1).reshape(-1, images.shape[1]);

    /// <summary>Forward as above; backward one pass for weights, bias and ReLU6, and then the input's.</summary>
    private sealed class Function : autograd.SingleTensorFunction<Function>
    {
        public override string Name => nameof(Pointwise);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var (input, weight, bias, activate) = ((Tensor)vars[0], (Tensor)vars[1], (Tensor?)vars[2], (bool)vars[3]);
            bool skipInputGradient = !input.requires_grad; // nothing is learnt before it
            using var noGrad = no_grad();
            Tensor output = By(WayFor(input, weight), input, weight, bias, activate);

            // The output under another name: saved as itself it would keep itself alive.
            ctx.save_for_backward(activate ? [input, weight, output.detach()] : [input, weight]);
            ctx.save_data("bias", bias is not null);
            ctx.save_data("skipInputGradient", skipInputGradient);
            return output;
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
        {
            using var scope = NewDisposeScope();
            List<Tensor> saved = ctx.get_saved_variables();
            var (input, weight) = (saved[0], saved[1]);
            Tensor outputGradient = TensorValues.ChannelsLast(grad_output), pixels = Pixels(outputGradient); // the same values
            Tensor? active = saved.Count > 2 ? Pixels(saved[2]) : null;
            Tensor passed = active is null ? pixels : empty_like(pixels);
            (Tensor weights, Tensor sums) = PointwiseGradient.Compute(Pixels(input), pixels, active, passed, get_num_threads());
            Tensor? inputs = null, biases = (bool)ctx.get_data("bias") ? sums.MoveToOuterDisposeScope() : null;
            if (!(bool)ctx.get_data("skipInputGradient"))
            {
                long[] shape = outputGradient.shape; // [N, O, H, W]
                inputs = Back(passed.reshape(shape[0], shape[2], shape[3], shape[1]).permute(0, 3, 1, 2), weight).MoveToOuterDisposeScope();
            }

            return [inputs!, weights.reshape(weight.shape).MoveToOuterDisposeScope(), biases!, null!];
        }
    }
}
