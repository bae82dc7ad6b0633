using Ocellus.Vision.Quantization;

namespace Ocellus.Vision.Tests.Quantization;

public sealed class ScoreMatchingTests
{
    [Fact]
    public void The_factor_is_the_one_of_least_squares()
    {
        Assert.Equal(1.1, ScoreMatching.Factor([(1.1, 1), (-2.2, -2)]), 1e-9);
        // (2·2 + 1·0) / (2·2 + 0·0)
        Assert.Equal(1, ScoreMatching.Factor([(2, 2), (1, 0)]), 1e-9);
        Assert.Equal(1, ScoreMatching.Factor([(1, 0)]));
    }

    [Fact]
    public void A_line_has_factor_and_shift()
    {
        (double factor, double shift) = ScoreMatching.Line([(3.1, 2), (5.3, 4), (7.5, 6)]);

        Assert.Equal(1.1, factor, 1e-9);
        Assert.Equal(.9, shift, 1e-9);
        Assert.Equal((1, 0), ScoreMatching.Line([(3, 2)]));
    }
}
