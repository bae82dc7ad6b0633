using Ocellus.Vision.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Ocellus.Vision.Tests.Kernels;

[Collection(nameof(Alone))]
public sealed class ExpandedDepthwiseTests
{
    // Channels, expanded channels, side, stride, zeros before and after, height, width.
    [Theory]
    [InlineData(16, 96, 3, 2, 0, 1, 10, 12)]
    [InlineData(16, 96, 3, 2, 0, 1, 2, 2)]
    [InlineData(24, 144, 3, 1, 1, 1, 9, 7)]
    [InlineData(24, 144, 5, 2, 1, 2, 8, 14)]
    [InlineData(24, 144, 5, 2, 2, 2, 9, 13)]
    [InlineData(40, 240, 5, 1, 2, 2, 9, 11)]
    [InlineData(40, 240, 5, 1, 2, 2, 2, 3)]
    [InlineData(40, 32, 3, 2, 1, 1, 9, 13)]
    [InlineData(8, 16, 3, 1, 0, 0, 5, 3)]
    [InlineData(8, 16, 5, 2, 1, 2, 2, 2)]
    [InlineData(80, 80, 5, 1, 2, 2, 5, 66)]
    public void Values_and_gradients_are_those_of_two_convolutions_in_double_precision(
        int channels, int expanded, int side, int stride, int before, int after, int height, int width)
    {
        manual_seed(1);
        using var scope = NewDisposeScope();
        Tensor x = randn(3, height, width, channels).permute(0, 3, 1, 2), e = randn(expanded, channels, 1, 1), eb = randn(expanded);
        Tensor d = randn(expanded, 1, side, side), db = randn(expanded);
        Assert.True(ExpandedDepthwise.IsSupported(x, e, d, before, after));

        Tensor[] actual = Run(v => ExpandedDepthwise.Convolve(v[0], v[1], v[2], v[3], v[4], stride, before, after), [x, e, eb, d, db]);
        Tensor[] expected = Run(v => Plainly(v, stride, before, after), [.. new[] { x, e, eb, d, db }.Select(t => t.to(ScalarType.Float64))]);

        for (int i = 0; i < actual.Length; i++)
        {
            Assert.Equal(expected[i].shape, actual[i].shape);
            Assert.InRange(((expected[i] - actual[i]).abs().max() / expected[i].abs().max()).item<double>(), 0, 1e-5);
        }
    }

    [Fact]
    public void Without_gradients_the_values_are_the_same()
    {
        manual_seed(2);
        using var scope = NewDisposeScope();
        Tensor[] values = [randn(2, 6, 9, 16).permute(0, 3, 1, 2), randn(96, 16, 1, 1), randn(96), randn(96, 1, 3, 3), randn(96)];
        Tensor plain = ExpandedDepthwise.Convolve(values[0], values[1], values[2], values[3], values[4], 1, 1, 1);

        Assert.Equal(0, (plain - Run(v => ExpandedDepthwise.Convolve(v[0], v[1], v[2], v[3], v[4], 1, 1, 1), values)[0]).abs().max().item<float>());
    }

    [Fact]
    public void The_sums_do_not_depend_on_the_number_of_threads()
    {
        manual_seed(3);
        using var scope = NewDisposeScope();
        Tensor[] values = [randn(2, 9, 9, 16).permute(0, 3, 1, 2), randn(96, 16, 1, 1), randn(96), randn(96, 1, 5, 5), randn(96)];
        int before = get_num_threads();
        var runs = new List<Tensor[]>();
        foreach (int threads in new[] { 1, 2, 3 })
        {
            set_num_threads(threads);
            runs.Add(Run(v => ExpandedDepthwise.Convolve(v[0], v[1], v[2], v[3], v[4], 1, 2, 2), values));
        }

        set_num_threads(before);
        for (int i = 0; i < runs[0].Length; i++)
        {
            Assert.All(runs, r => Assert.True(r[i].Equals(runs[0][i]) || (r[i] == runs[0][i]).all().item<bool>()));
        }
    }

    [Fact]
    public void Weights_learn_where_the_input_does_not()
    {
        using var scope = NewDisposeScope();
        Tensor x = randn(2, 6, 6, 16).permute(0, 3, 1, 2);
        Tensor[] weights = [randn(32, 16, 1, 1).requires_grad_(), randn(32).requires_grad_(), randn(32, 1, 3, 3).requires_grad_(), randn(32).requires_grad_()];

        ExpandedDepthwise.Convolve(x, weights[0], weights[1], weights[2], weights[3], 1, 1, 1).sum().backward();

        Assert.All(weights, w => Assert.Equal(w.shape, w.grad!.shape));
    }

    [Fact]
    public void What_is_not_a_number_stays_so()
    {
        using var scope = NewDisposeScope();
        Tensor[] values = [ones(1, 4, 4, 16).permute(0, 3, 1, 2), ones(32, 16, 1, 1), zeros(32), ones(32, 1, 3, 3), zeros(32)];
        TensorValues.Of(values[1])[5 * 16] = float.NaN; // a weight of the sixth channel: a training that has lost its way has to be seen

        Tensor output = ExpandedDepthwise.Convolve(values[0], values[1], values[2], values[3], values[4], 1, 1, 1);

        Assert.True(output.narrow(1, 5, 1).isnan().all().item<bool>());
        Assert.False(output.narrow(1, 0, 5).isnan().any().item<bool>());
    }

    private static Tensor Plainly(Tensor[] v, int stride, int before, int after)
    {
        Tensor expanded = nn.functional.relu6(nn.functional.conv2d(v[0], v[1], v[2]));
        return nn.functional.relu6(
            nn.functional.conv2d(nn.functional.pad(expanded, [before, after, before, after]), v[3], v[4], strides: [stride, stride], groups: v[3].shape[0]));
    }

    private static Tensor[] Run(Func<Tensor[], Tensor> convolve, Tensor[] values)
    {
        Tensor[] own = [.. values.Select(v => v.clone().requires_grad_())];
        Tensor y = convolve(own);
        (y * y.detach()).sum().backward();
        return [y.detach(), .. own.Select(v => v.grad!)];
    }
}
