using Ocellus.Vision.Quantization;

namespace Ocellus.Vision.Tests.Quantization;

public sealed class ByteScaleTests
{
    [Fact]
    public void A_range_around_zero_has_its_ends_at_the_first_and_last_byte_and_zero_exactly()
    {
        ByteScale scale = ByteScale.Of(-1, 2);

        Assert.Equal(3f / 255, scale.Step);
        Assert.Equal(85, scale.Zero);
        Assert.Equal([0, 85, 170, 255], new[] { -1f, 0, 1, 2 }.Select(v => (int)scale.Quantize(v)));
        Assert.Equal(0, scale.Dequantize(scale.Quantize(0)));
        Assert.Equal(1, scale.Dequantize(170), 1e-6f);
    }

    [Fact]
    public void What_is_outside_of_the_range_becomes_its_end()
    {
        ByteScale scale = ByteScale.Of(0, 6);

        Assert.Equal((0, 255), (scale.Quantize(-3), scale.Quantize(7)));
        Assert.Equal((0, 6), (scale.Least, scale.Most));
    }

    [Theory]
    [InlineData(1, 3, 3f / 255, 0)]
    [InlineData(-3, -1, 3f / 255, 255)]
    [InlineData(0, 0, 1e-8f, 0)]
    public void A_range_without_zero_is_widened_to_it(float least, float most, float step, byte zero) =>
        Assert.Equal(new ByteScale(step, zero), ByteScale.Of(least, most));

    [Fact]
    public void A_number_comes_back_within_half_a_step()
    {
        ByteScale scale = ByteScale.Of(-2.5f, 4.1f);
        for (float v = -2.5f; v <= 4.1f; v += .01f)
        {
            Assert.InRange(Math.Abs(scale.Dequantize(scale.Quantize(v)) - v), 0, scale.Step * .501f);
        }
    }
}
