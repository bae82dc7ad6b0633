using static TorchSharp.torch;

namespace Ocellus.Vision.Kernels;

/// <summary>Convolutions by libtorch's operations, forward and backward.</summary>
internal sealed class LibtorchConvolutions : IConvolutions
{
    public Tensor Convolve(Tensor input, in ConvolutionLayer convolution) =>
        convolution.IsDepthwise ? Depthwise.ByLibtorch(input, convolution)
        : convolution.IsPointwise ? Pointwise.ByLibtorch(input, convolution)
        : General(input, convolution);

    public Tensor Convolve(Tensor input, in ConvolutionLayer first, in ConvolutionLayer depthwise)
    {
        using var scope = NewDisposeScope();
        return Convolve(Convolve(input, first), depthwise).MoveToOuterDisposeScope();
    }

    /// <summary>A convolution that is neither depthwise nor pointwise.</summary>
    public static Tensor General(Tensor input, in ConvolutionLayer convolution)
    {
        using var scope = NewDisposeScope();
        IReadOnlyList<int> pads = convolution.Pads;
        Tensor padded = nn.functional.pad(input, [pads[1], pads[3], pads[0], pads[2]]);
        Tensor x = nn.functional.conv2d(padded, convolution.Weight, convolution.Bias, strides: [convolution.Stride, convolution.Stride]);
        return (convolution.Activate ? nn.functional.relu6(x) : x).MoveToOuterDisposeScope();
    }
}
