using Ocellus.Vision.Quantization;

namespace Ocellus.Vision.Tests.Quantization;

public sealed class BiasCorrectionTests
{
    [Fact]
    public void A_bias_moves_by_the_mean_of_what_rounding_took()
    {
        // 10 × (1 − 0.5) + 1 × (2 − 2) = 5, and 10 × (3 − 3) + 1 × (4 − 5) = −1.
        double[] error = BiasCorrection.Error([1, 2, 3, 4], [.5f, 2, 3, 5], [2, 2, 1, 1], [10, 1]);

        Assert.Equal([5, -1], error);
    }

    [Fact]
    public void A_depthwise_convolution_has_one_input_for_each_output()
    {
        // Each of two outputs sees two places of its own input: 10 × (0.5 + 0.25) and 2 × (−1 + 0).
        double[] error = BiasCorrection.Error([1, 1, 1, 1], [.5f, .75f, 2, 1], [2, 1, 1, 2], [10, 2]);

        Assert.Equal([7.5, -2], error);
    }
}
