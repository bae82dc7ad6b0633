using TorchSharp;
using static TorchSharp.torch;

namespace Ocellus.Vision.Models;

/// <summary>1×1 convolutions as what they are, one matrix product over all pixels.</summary>
/// <remarks>
/// <para>
/// Never <c>conv2d</c> for these: the oneDNN 3.7.1 inside libtorch 2.10 brings the weights of a 1×1 convolution over
/// channels-last input into blocks of 32 or 48 output channels (reorder <c>jit:uni</c>, <c>abcd</c> to <c>Acdb32a</c>). With more
/// than one thread on AVX-512 it loses half of the input channels in a last block that is not full, so 40, 80, 112, 320 and
/// 1280 output channels come out wrong by any amount, without an error; 96, 144 and 192 are right. With one thread, AVX2, or
/// larger kernels it does not happen.
/// </para>
/// </remarks>
public static class Pointwise
{
    /// <summary>
    /// [N,C,H,W] in channels-last strides and weights [O,C,1,1] to [N,O,H,W] in channels-last strides. Other strides are right
    /// too, at the price of a copy.
    /// </summary>
    public static Tensor Convolve(Tensor input, Tensor weight, Tensor? bias)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(weight);
        using var scope = NewDisposeScope();
        long[] shape = input.shape; // [N, C, H, W]
        long outputs = weight.shape[0];
        Tensor pixels = input.permute(0, 2, 3, 1).reshape(-1, shape[1]); // [N·H·W, C]; a view, as the strides are channels-last
        Tensor product = nn.functional.linear(pixels, weight.reshape(outputs, shape[1]), bias); // [N·H·W, O]
        return product.reshape(shape[0], shape[2], shape[3], outputs).permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }
}
