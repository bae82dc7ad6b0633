using Ocellus.Vision.Recipes;

namespace Ocellus.Vision.Tests.Recipes;

public sealed class CalibrationTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(.5)]
    public void The_factor_makes_scores_as_high_as_the_model_is_right(double factor)
    {
        // Labels are drawn by the scores of the logits times the factor: that is what calibrated means.
        var random = new Random(1);
        float[][] logits = [.. Enumerable.Range(0, 3_000).Select(_ => new[] { Normal(random), Normal(random), Normal(random) })];
        IReadOnlyList<int>[] truth = [.. logits.Select(z => (IReadOnlyList<int>)[Drawn(random, Calibration.Scores(z, false, factor))])];

        Assert.Equal(factor, Calibration.Factor(logits, truth, multiLabel: false, expected: 1), .1 * factor);
    }

    [Fact]
    public void Independent_labels_are_calibrated_by_one_factor_too()
    {
        var random = new Random(2);
        float[][] logits = [.. Enumerable.Range(0, 2_000).Select(_ => new[] { Normal(random), Normal(random) })];
        IReadOnlyList<int>[] truth =
        [
            .. logits.Select(z => Calibration.Scores(z, true, 2))
                .Select(p => (IReadOnlyList<int>)[.. Enumerable.Range(0, 2).Where(l => random.NextDouble() < p[l])]),
        ];

        Assert.Equal(2, Calibration.Factor(logits, truth, multiLabel: true, expected: 1), .25);
    }

    [Fact]
    public void A_few_images_change_what_is_expected_only_a_little()
    {
        // All three right: the least log loss is at an infinite factor.
        float[][] logits = [[2, 0], [0, 2], [2, 0]];
        IReadOnlyList<int>[] truth = [[0], [1], [0]];

        Assert.InRange(Calibration.Factor(logits, truth, multiLabel: false, expected: 1.8), 1.8, 2.2);
        Assert.Equal(1.8, Calibration.Factor([], [], multiLabel: false, expected: 1.8), .05);
    }

    [Fact]
    public void Scores_and_logits_are_inverse_to_each_other()
    {
        float[] scores = [.7f, .2f, .1f];

        Assert.Equal([.7, .2, .1], Calibration.Scores(Calibration.Logits(scores, false), false, 1).Select(p => Math.Round(p, 6)));
        Assert.Equal([.7, .2, .1], Calibration.Scores(Calibration.Logits(scores, true), true, 1).Select(p => Math.Round(p, 6)));
    }

    private static float Normal(Random random) =>
        (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));

    private static int Drawn(Random random, double[] scores)
    {
        double left = random.NextDouble();
        int label = 0;
        while (label < scores.Length - 1 && left >= scores[label])
        {
            left -= scores[label++];
        }

        return label;
    }
}
