using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Ocellus.Vision.Kernels;

/// <summary>Convolutions by this library's kernels where one supports the size and the processor, otherwise by libtorch's operations.</summary>
/// <remarks>The gain of each is in bench/results/epyc-2-cores/own-code.md.</remarks>
internal sealed class OwnConvolutions : IConvolutions
{
    public Tensor Convolve(Tensor input, in ConvolutionLayer convolution) =>
        convolution.IsDepthwise ? Depthwise.Convolve(input, convolution)
        : convolution.IsPointwise ? Pointwise.Convolve(input, convolution)
        : LibtorchConvolutions.General(input, convolution);

    public Tensor Convolve(Tensor input, in ConvolutionLayer first, in ConvolutionLayer depthwise)
    {
        using var scope = NewDisposeScope();
        if (Vector256.IsHardwareAccelerated)
        {
            // TensorFlow's SAME pads one more on the right and bottom where the stride is 2.
            var (before, after) = (depthwise.Pads[0], depthwise.Pads[2]);
            (Tensor expanded, Tensor expand) = first.IsPointwise
                ? (input, first.Weight)
                : (Patches.Of(input, first.Weight.shape[2], first.Stride, first.Pads), Patches.Weights(first.Weight));
            if (ExpandedDepthwise.IsSupported(expanded, expand, depthwise.Weight, before, after))
            {
                return ExpandedDepthwise.Convolve(expanded, expand, first.Bias!, depthwise.Weight, depthwise.Bias!, depthwise.Stride, before, after)
                    .MoveToOuterDisposeScope();
            }
        }

        return Convolve(Convolve(input, first), depthwise).MoveToOuterDisposeScope();
    }
}
