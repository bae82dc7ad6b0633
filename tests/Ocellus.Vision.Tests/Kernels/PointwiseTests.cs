using Ocellus.Vision.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Ocellus.Vision.Tests.Kernels;

public sealed class PointwiseTests
{
    // The output channels that oneDNN gets wrong with two threads, and some that it gets right.
    // 20 input channels have no loop of their own; the other sizes leave one, two or no vectors over, and one or three outputs.
    [Theory]
    [InlineData(64, 40, false)]
    [InlineData(240, 80, false)]
    [InlineData(672, 112, true)]
    [InlineData(96, 5, false)]
    [InlineData(96, 96, true)]
    [InlineData(320, 1280, true)]
    [InlineData(8, 7, true)]
    [InlineData(16, 96, true)]
    [InlineData(24, 144, true)]
    [InlineData(32, 16, false)]
    [InlineData(40, 7, true)]
    [InlineData(20, 12, true)]
    public void Values_and_gradients_with_two_threads_are_those_of_double_precision(int inputs, int outputs, bool activate)
    {
        set_num_threads(2);
        manual_seed(1);
        using var scope = NewDisposeScope();
        Tensor x = randn(4, 17, 18, inputs).permute(0, 3, 1, 2), w = randn(outputs, inputs, 1, 1) * 3 / Math.Sqrt(inputs), b = randn(outputs);

        Tensor[] actual = Run((i, k, c) => Pointwise.Convolve(i, k, c, activate), x, w, b);
        Tensor[] expected = Run(
            (i, k, c) => Activated(nn.functional.conv2d(i, k, c), activate), x.to(ScalarType.Float64), w.to(ScalarType.Float64), b.to(ScalarType.Float64));

        for (int i = 0; i < actual.Length; i++)
        {
            Assert.Equal(expected[i].shape, actual[i].shape);
            Assert.InRange(((expected[i] - actual[i]).abs().max() / expected[i].abs().max()).item<double>(), 0, 1e-5);
        }

        Assert.Equal(1, actual[0].stride(1)); // still channels-last
    }

    [Fact]
    public void An_input_that_nothing_is_learnt_of_needs_no_gradient()
    {
        using var scope = NewDisposeScope();
        Tensor x = randn(2, 6, 6, 16).permute(0, 3, 1, 2), w = randn(8, 16, 1, 1).requires_grad_();

        Pointwise.Convolve(x, w, bias: null, activate: true).sum().backward();

        Assert.Equal(w.shape, w.grad!.shape);
        Assert.Null(x.grad);
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
