using static TorchSharp.torch;

namespace Ocellus.Vision.Kernels;

/// <summary>A convolution over channels-last input, with its activation.</summary>
/// <param name="Weight">[O,C,K,K], or [C,1,K,K] for a depthwise one.</param>
/// <param name="Bias">[O], or null for none.</param>
/// <param name="Stride">Pixels from one output to the next.</param>
/// <param name="Pads">
/// Zeros above, left of, below and right of the input. In a depthwise one, those on the left equal those above, and those on the right those below.
/// </param>
/// <param name="Activate">Whether ReLU6 follows.</param>
internal readonly record struct ConvolutionLayer(Tensor Weight, Tensor? Bias, int Stride, IReadOnlyList<int> Pads, bool Activate)
{
    private static readonly int[] _noPads = [0, 0, 0, 0];

    /// <summary>Each channel is convolved separately.</summary>
    public bool IsDepthwise => Weight.shape[1] == 1;

    /// <summary>A 1×1 kernel with stride 1.</summary>
    public bool IsPointwise => !IsDepthwise && Stride == 1 && Weight.shape[2] == 1 && Weight.shape[3] == 1;

    /// <summary>A 1×1 convolution without ReLU6.</summary>
    public static ConvolutionLayer Pointwise(Tensor weight, Tensor? bias) => new(weight, bias, 1, _noPads, Activate: false);

    /// <summary>A depthwise convolution, padded so that stride 1 keeps the size, without ReLU6.</summary>
    public static ConvolutionLayer Depthwise(Tensor weight, int stride)
    {
        int pad = (int)weight.shape[2] / 2;
        return new ConvolutionLayer(weight, null, stride, [pad, pad, pad, pad], Activate: false);
    }
}

/// <summary>
/// All convolutions of the networks. Input [N,C,H,W] and output [N,O,H',W'] are in channels-last strides; other strides work too, at the
/// cost of a copy. Gradients pass through.
/// </summary>
internal interface IConvolutions
{
    /// <summary>One convolution.</summary>
    Tensor Convolve(Tensor input, in ConvolutionLayer convolution);

    /// <summary>A convolution followed by a depthwise one, each with its ReLU6.</summary>
    Tensor Convolve(Tensor input, in ConvolutionLayer first, in ConvolutionLayer depthwise);
}
