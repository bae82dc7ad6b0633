using Ocellus.Vision.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Ocellus.Vision.Tests.Models;

public sealed class PointwiseTests
{
    // The output channels that oneDNN gets wrong with two threads, and some that it gets right.
    [Theory]
    [InlineData(64, 40)]
    [InlineData(240, 80)]
    [InlineData(672, 112)]
    [InlineData(96, 5)]
    [InlineData(96, 96)]
    [InlineData(320, 1280)]
    public void Values_and_gradients_with_two_threads_are_those_of_double_precision(int inputs, int outputs)
    {
        set_num_threads(2);
        manual_seed(1);
        using var scope = NewDisposeScope();
        Tensor x = randn(4, 9, 11, inputs).permute(0, 3, 1, 2), w = randn(outputs, inputs, 1, 1), b = randn(outputs);

        Tensor[] actual = Run(x, w, b), expected = Run(x.to(ScalarType.Float64), w.to(ScalarType.Float64), b.to(ScalarType.Float64));

        for (int i = 0; i < actual.Length; i++)
        {
            Assert.Equal(expected[i].shape, actual[i].shape);
            Assert.InRange(((expected[i] - actual[i]).abs().max() / expected[i].abs().max()).item<double>(), 0, 1e-5);
        }

        Assert.Equal(1, actual[0].stride(1)); // still channels-last
    }

    private static Tensor[] Run(Tensor input, Tensor weight, Tensor bias)
    {
        Tensor x = input.clone().requires_grad_(), w = weight.clone().requires_grad_(), b = bias.clone().requires_grad_();
        Tensor y = Pointwise.Convolve(x, w, b);
        (y * y.detach()).sum().backward();
        return [y.detach(), x.grad!, w.grad!, b.grad!];
    }
}
