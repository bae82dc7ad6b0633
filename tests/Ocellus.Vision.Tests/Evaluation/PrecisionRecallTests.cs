using Ocellus.Vision.Evaluation;

namespace Ocellus.Vision.Tests.Evaluation;

public sealed class PrecisionRecallTests
{
    [Fact]
    public void Average_precision_by_hand()
    {
        // 5 true boxes. Cuts: 1/1, 1/2, 2/3, 2/4, 3/5 right. Recall 0.2 at precision 1, 0.4 at 2/3, 0.6 at 3/5, never more.
        (float, bool)[] candidates = [(.9f, true), (.8f, false), (.7f, true), (.6f, false), (.5f, true)];
        // Recalls 0 … 0.20 are 21 points, 0.21 … 0.40 and 0.41 … 0.60 are 20 each.
        Assert.Equal((21 * 1.0 + 20 * (2 / 3.0) + 20 * .6) / 101, PrecisionRecall.AveragePrecision(candidates, 5), 1e-12);
    }

    [Fact]
    public void The_precision_at_a_recall_is_the_best_at_that_or_a_higher_one()
    {
        // A false one first: 0/1, 1/2, 2/3. The dip is filled: 2/3 everywhere.
        Assert.Equal(2 / 3.0, PrecisionRecall.AveragePrecision([(.9f, false), (.8f, true), (.7f, true)], 2), 1e-12);
    }

    [Fact]
    public void Equal_scores_are_one_cut()
    {
        // Whichever order they come in, the cut holds both.
        Assert.Equal(.5, PrecisionRecall.AveragePrecision([(.5f, true), (.5f, false)], 1), 1e-12);
        Assert.Equal(.5, PrecisionRecall.AveragePrecision([(.5f, false), (.5f, true)], 1), 1e-12);
    }

    [Fact]
    public void Perfect_is_one_and_nothing_is_zero()
    {
        Assert.Equal(1, PrecisionRecall.AveragePrecision([(.9f, true), (.8f, true), (.7f, false)], 2), 1e-12);
        Assert.Equal(0, PrecisionRecall.AveragePrecision([(.9f, false)], 2));
        Assert.Equal(0, PrecisionRecall.AveragePrecision([], 2));
        Assert.Equal(0, PrecisionRecall.AveragePrecision([(.9f, false)], 0));
    }

    [Fact]
    public void The_threshold_is_the_cut_with_the_best_f1()
    {
        // 4 true boxes; F1 at the cuts: 2·1/(1+4) = 0.4, 2·1/(2+4) = 0.33, 2·2/(3+4) = 0.571, 2·3/(4+4) = 0.75, 2·3/(5+4) = 0.667.
        OperatingPoint best = PrecisionRecall.Best([(.9f, true), (.8f, false), (.7f, true), (.6f, true), (.5f, false)], 4);
        Assert.Equal(new OperatingPoint(.6f, .75, .75, .75), best);
    }

    [Fact]
    public void Of_equally_good_cuts_the_higher_is_taken()
    {
        // 2 true boxes; F1: 2·1/(1+2) = 2/3 at 0.9, 2·1/(2+2) = 1/2 at 0.8, 2·2/(4+2) = 2/3 at 0.6.
        OperatingPoint best = PrecisionRecall.Best([(.9f, true), (.8f, false), (.7f, false), (.6f, true)], 2);
        Assert.Equal((double).9f, best.Threshold);
        Assert.Equal(1, best.Precision);
        Assert.Equal(.5, best.Recall);
        Assert.Equal(2 / 3.0, best.F1, 1e-12);
    }

    [Fact]
    public void Without_positives_or_hits_the_threshold_is_one_half()
    {
        Assert.Equal(new OperatingPoint(.5, 0, 0, 0), PrecisionRecall.Best([(.9f, false)], 0));
        Assert.Equal(new OperatingPoint(.5, 0, 0, 0), PrecisionRecall.Best([(.9f, false)], 3));
        Assert.Equal(new OperatingPoint(.5, 0, 0, 0), PrecisionRecall.Best([], 3));
    }
}
