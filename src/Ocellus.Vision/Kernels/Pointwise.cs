using System.Collections.Concurrent;
using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Ocellus.Vision.Kernels;

/// <summary>1×1 convolutions, by the fastest method that is correct on this machine.</summary>
/// <remarks>
/// <para>
/// <c>conv2d</c> is up to twice as fast as one matrix product over all pixels, but the oneDNN 3.7.1 inside libtorch 2.10
/// reorders the weights of a 1×1 convolution over channels-last input into blocks of 32 or 48 output channels (<c>jit:uni</c>,
/// <c>abcd</c> to <c>Acdb32a</c>). With several threads on AVX-512 it loses half of the input channels in an incomplete last
/// block: 40, 80, 112, 320 and 1280 output channels are silently wrong by any amount; 96, 144 and 192 are right. One thread,
/// AVX2, larger kernels and gradients are not affected.
/// </para>
/// <para>
/// So on AVX-512, outputs are padded with zeros until every block is full. On all processors, each size is tested once against the matrix product,
/// which replaces it if it is still wrong. Can be removed with libtorch on oneDNN 3.8.1 or later, which reorders correctly again:
/// https://github.com/uxlfoundation/oneDNN/issues/3280.
/// </para>
/// </remarks>
internal static class Pointwise
{
    // More outputs than OneBlock are padded to a multiple of Block, so that every block of oneDNN is full.
    private const int OneBlock = 32, Block = 48;

    // Both methods sum the same products in another order; a lost input makes a far larger difference.
    private const float Tolerance = 1e-3f;

    private static readonly ConcurrentDictionary<(long, long, long, long, long, int), Method> _methods = new(), _gradientMethods = new();

    private enum Method
    {
        Convolution,
        Product,
    }

    /// <summary>[N,C,H,W] to [N,O,H,W], with the gradient of the weights by <see cref="PointwiseGradient"/> if it is needed.</summary>
    public static Tensor Convolve(Tensor input, in ConvolutionLayer convolution) => Convolve(input, convolution.Weight, convolution.Bias, convolution.Activate);

    /// <summary>The same with libtorch's operations alone.</summary>
    public static Tensor ByLibtorch(Tensor input, in ConvolutionLayer convolution) =>
        ConvolveBy(MethodFor(input, convolution.Weight), input, convolution.Weight, convolution.Bias, convolution.Activate);

    /// <summary>
    /// [N,C,H,W] in channels-last strides and weights [O,C,1,1] to [N,O,H,W] in channels-last strides. Other strides work
    /// too, at the cost of a copy.
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
            : ConvolveBy(MethodFor(input, weight), input, weight, bias, activate);
    }

    private static Method MethodFor(Tensor input, Tensor weight)
    {
        long[] shape = input.shape; // [N, C, H, W]
        return _methods.GetOrAdd((shape[0], shape[1], shape[2], shape[3], weight.shape[0], get_num_threads()), static key => Choose(key));
    }

    private static Method Choose((long Images, long Inputs, long Height, long Width, long Outputs, int Threads) key)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor input = TestValues(key.Images, key.Height, key.Width, key.Inputs).permute(0, 3, 1, 2);
        Tensor weight = TestValues(key.Outputs, key.Inputs, 1, 1);
        Tensor expected = ConvolveBy(Method.Product, input, weight, bias: null, activate: false);
        return AreClose(ConvolveBy(Method.Convolution, input, weight, bias: null, activate: false), expected) ? Method.Convolution : Method.Product;
    }

    /// <summary>The gradient of the input from that of the output, [N,O,H,W] in channels-last strides.</summary>
    private static Tensor InputGradient(Tensor outputGradient, Tensor weight)
    {
        long[] shape = outputGradient.shape; // [N, O, H, W]
        Method method = _gradientMethods.GetOrAdd(
            (shape[0], shape[1], shape[2], shape[3], weight.shape[1], get_num_threads()), static key => ChooseForGradient(key));
        return InputGradientBy(method, outputGradient, weight);
    }

    private static Method ChooseForGradient((long Images, long Outputs, long Height, long Width, long Inputs, int Threads) key)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor outputGradient = TestValues(key.Images, key.Height, key.Width, key.Outputs).permute(0, 3, 1, 2);
        Tensor weight = TestValues(key.Outputs, key.Inputs, 1, 1);
        Tensor expected = InputGradientBy(Method.Product, outputGradient, weight);
        return AreClose(InputGradientBy(Method.Convolution, outputGradient, weight), expected) ? Method.Convolution : Method.Product;
    }

    private static Tensor InputGradientBy(Method method, Tensor outputGradient, Tensor weight)
    {
        if (method == Method.Convolution)
        {
            return nn.functional.conv_transpose2d(outputGradient, weight);
        }

        using var scope = NewDisposeScope();
        return Pixels(outputGradient).mm(weight.reshape(weight.shape[0], weight.shape[1]))
            .reshape(outputGradient.shape[0], outputGradient.shape[2], outputGradient.shape[3], weight.shape[1]).permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }

    private static bool AreClose(Tensor a, Tensor b) => (a - b).abs().max().item<float>() <= Tolerance * b.abs().max().item<float>();

    // Anything but zeros and repetitions will do.
    private static Tensor TestValues(params long[] shape) =>
        ((arange(shape.Aggregate((a, b) => a * b), ScalarType.Float32) * .618f).frac() - .5f).reshape(shape);

    private static Tensor ConvolveBy(Method method, Tensor input, Tensor weight, Tensor? bias, bool activate)
    {
        using var scope = NewDisposeScope();
        long[] shape = input.shape; // [N, C, H, W]
        long outputs = weight.shape[0];
        if (method == Method.Product)
        {
            Tensor product = Activated(nn.functional.linear(Pixels(input), weight.reshape(outputs, shape[1]), bias), activate); // [N·H·W, O]

            // Activated before it is viewed as images: in place on a view, gradients would be copied twice.
            return product.reshape(shape[0], shape[2], shape[3], outputs).permute(0, 3, 1, 2).MoveToOuterDisposeScope();
        }

        long padding = outputs <= OneBlock || !Vector512.IsHardwareAccelerated ? 0 : (Block - outputs % Block) % Block;
        if (padding == 0)
        {
            return Activated(nn.functional.conv2d(input, weight, bias), activate).MoveToOuterDisposeScope();
        }

        Tensor padded = cat([weight, zeros(padding, shape[1], 1, 1)], 0);
        Tensor wide = nn.functional.conv2d(input, padded, bias is null ? null : cat([bias, zeros(padding)], 0));
        return Activated(TensorValues.ChannelsLast(wide.narrow(1, 0, outputs)), activate).MoveToOuterDisposeScope();
    }

    private static Tensor Activated(Tensor x, bool activate) => activate ? nn.functional.relu6(x, inplace: !is_grad_enabled()) : x;

    // [N·H·W, C]; a view where the strides are channels-last
    private static Tensor Pixels(Tensor images) => images.permute(0, 2, 3, 1).reshape(-1, images.shape[1]);

    /// <summary>Forward as above. Backward: one pass for weights, bias and ReLU6, then the input's gradient.</summary>
    private sealed class Function : autograd.SingleTensorFunction<Function>
    {
        public override string Name => nameof(Pointwise);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            var (input, weight, bias, activate) = ((Tensor)vars[0], (Tensor)vars[1], (Tensor?)vars[2], (bool)vars[3]);
            bool skipInputGradient = !input.requires_grad; // nothing before it is trained
            using var noGrad = no_grad();
            Tensor output = ConvolveBy(MethodFor(input, weight), input, weight, bias, activate);

            // Detached: the output itself, once saved, would keep itself alive.
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
                inputs = InputGradient(passed.reshape(shape[0], shape[2], shape[3], shape[1]).permute(0, 3, 1, 2), weight).MoveToOuterDisposeScope();
            }

            return [inputs!, weights.reshape(weight.shape).MoveToOuterDisposeScope(), biases!, null!];
        }
    }
}
