using Ocellus.Vision.Quantization;

namespace Ocellus.Vision.Tests.Quantization;

public sealed class ByteWeightsTests
{
    [Fact]
    public void Each_channel_has_a_step_of_its_own()
    {
        // Whole numbers of steps of 1/64 and of 2: nothing is lost.
        ByteWeights bytes = ByteWeights.Of([1, -.5f, .25f, 128, -64, 2], [0, 0], 1, ByteWeights.SafeMost);

        Assert.Equal([1f / 64, 2], bytes.Steps);
        Assert.Equal([64, -32, 16, 64, -32, 1], bytes.Values.Select(v => (int)v));
        Assert.Equal([1, -.5f, .25f, 128, -64, 2], bytes.Dequantize());
    }

    [Fact]
    public void Two_products_of_safe_weights_and_the_largest_byte_fit_into_sixteen_bits()
    {
        ByteWeights bytes = ByteWeights.Of([.3f, -1.7f, 1.7f, .9f], [0], 1, ByteWeights.SafeMost);

        Assert.True(2 * byte.MaxValue * bytes.Values.Max(v => Math.Abs((int)v)) <= short.MaxValue);
    }

    [Fact]
    public void A_lone_large_weight_is_clipped_where_that_costs_less_than_coarse_steps_for_all()
    {
        float[] weights = [1.02f, .. Enumerable.Range(0, 4000).Select(i => i % 2 == 0 ? .0041f : -.0041f)];
        ByteWeights bytes = ByteWeights.Of(weights, [0], 1, ByteWeights.FullMost);

        Assert.True(bytes.Steps[0] < 1.02f / 127);
        Assert.Equal(127, bytes.Values[0]);
    }

    [Fact]
    public void A_channel_of_zeros_keeps_its_bias()
    {
        ByteWeights bytes = ByteWeights.Of([0, 0], [5f], .01f, ByteWeights.FullMost);

        Assert.True(5 / (.01 * bytes.Steps[0]) < int.MaxValue);
        Assert.Equal([0, 0], bytes.Dequantize());
    }
}
