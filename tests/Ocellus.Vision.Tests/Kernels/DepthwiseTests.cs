using Ocellus.Vision.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Ocellus.Vision.Tests.Kernels;

public sealed class DepthwiseTests
{
    // Channels, side, stride, zeros before and after, height, width. 20 channels and sides of 7 have no loop of their own.
    [Theory]
    [InlineData(32, 3, 1, 1, 1, 9, 7, false)]
    [InlineData(96, 3, 2, 0, 1, 10, 12, true)]
    [InlineData(48, 5, 1, 2, 2, 9, 11, false)]
    [InlineData(48, 5, 1, 2, 2, 2, 3, true)]
    [InlineData(16, 5, 2, 1, 2, 8, 14, false)]
    [InlineData(16, 5, 2, 2, 2, 8, 14, true)]
    [InlineData(16, 5, 2, 2, 2, 9, 13, false)]
    [InlineData(16, 3, 1, 0, 0, 5, 3, true)]
    [InlineData(16, 3, 2, 0, 1, 2, 2, false)]
    [InlineData(16, 5, 2, 1, 2, 2, 2, true)]
    [InlineData(32, 5, 1, 2, 2, 9, 11, true)]
    [InlineData(32, 3, 2, 0, 1, 10, 12, true)]
    [InlineData(20, 5, 1, 2, 2, 6, 6, false)]
    [InlineData(32, 7, 1, 3, 3, 6, 6, true)]
    public void Values_and_gradients_are_those_of_a_convolution_in_double_precision(
        int channels, int side, int stride, int before, int after, int height, int width, bool activate)
    {
        manual_seed(1);
        using var scope = NewDisposeScope();
        Tensor x = randn(3, height, width, channels).permute(0, 3, 1, 2), w = randn(channels, 1, side, side), b = randn(channels);
        Tensor padded = nn.functional.pad(x.to(ScalarType.Float64), [before, after, before, after]);

        Tensor[] actual = Run((i, k, c) => Depthwise.Convolve(i, k, c, stride, before, after, activate), x, w, b);
        Tensor[] expected = Run((i, k, c) => Activated(
            nn.functional.conv2d(i, k, c, strides: [stride, stride], groups: channels), activate), padded, w.to(ScalarType.Float64), b.to(ScalarType.Float64));
        expected[1] = expected[1].narrow(2, before, height).narrow(3, before, width);

        for (int i = 0; i < actual.Length; i++)
        {
            Assert.Equal(expected[i].shape, actual[i].shape);
            Assert.InRange(((expected[i] - actual[i]).abs().max() / expected[i].abs().max()).item<double>(), 0, 1e-5);
        }
    }

    [Fact]
    public void Without_bias_only_input_and_weights_have_gradients()
    {
        using var scope = NewDisposeScope();
        Tensor x = randn(2, 6, 6, 16).permute(0, 3, 1, 2).requires_grad_(), w = randn(16, 1, 5, 5).requires_grad_();

        Depthwise.Convolve(x, w, bias: null, 1, 2, 2).square().sum().backward();

        Assert.Equal(x.shape, x.grad!.shape);
        Assert.Equal(w.shape, w.grad!.shape);
    }

    private static Tensor Activated(Tensor x, bool activate) => activate ? nn.functional.relu6(x) : x;

    private static Tensor[] Run(Func<Tensor, Tensor, Tensor, Tensor> convolve, Tensor input, Tensor weight, Tensor bias)
    {
        Tensor x = input.clone().requires_grad_(), w = weight.clone().requires_grad_(), b = bias.clone().requires_grad_();
        Tensor y = convolve(x, w, b);
        (y * y.detach()).sum().backward();
        return [y.detach(), x.grad!, w.grad!, b.grad!];
    }
}
