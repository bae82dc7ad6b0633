using Ocellus.Vision.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Ocellus.Vision.Tests.Kernels;

public sealed class PatchesTests
{
    // Channels, side, stride, zeros above, on the left, below and on the right, height, width.
    [Theory]
    [InlineData(3, 3, 2, 0, 0, 1, 1, 8, 12)]
    [InlineData(3, 3, 2, 1, 1, 1, 1, 7, 9)]
    [InlineData(3, 3, 1, 0, 0, 0, 0, 5, 4)]
    [InlineData(2, 5, 2, 1, 2, 2, 1, 9, 6)]
    [InlineData(3, 3, 2, 0, 0, 1, 1, 2, 2)]
    [InlineData(4, 5, 1, 2, 2, 2, 2, 1, 1)]
    public void A_1x1_convolution_of_patches_is_the_convolution_with_its_gradients(
        int channels, int side, int stride, int top, int left, int bottom, int right, int height, int width)
    {
        manual_seed(1);
        using var scope = NewDisposeScope();
        Tensor x = randn(2, height, width, channels).permute(0, 3, 1, 2), w = randn(7, channels, side, side);

        Tensor[] actual = Run(k => nn.functional.conv2d(Patches.Of(x, side, stride, [top, left, bottom, right]), Patches.Weights(k)), w);
        Tensor[] expected = Run(k => nn.functional.conv2d(nn.functional.pad(x, [left, right, top, bottom]), k, strides: [stride, stride]), w);

        for (int i = 0; i < actual.Length; i++)
        {
            Assert.Equal(expected[i].shape, actual[i].shape);
            Assert.InRange((expected[i] - actual[i]).abs().max().item<float>(), 0, 1e-4f * Math.Max(1, expected[i].abs().max().item<float>()));
        }
    }

    private static Tensor[] Run(Func<Tensor, Tensor> convolve, Tensor weight)
    {
        Tensor w = weight.clone().requires_grad_();
        Tensor y = convolve(w);
        (y * y.detach()).sum().backward();
        return [y.detach(), w.grad!];
    }
}
