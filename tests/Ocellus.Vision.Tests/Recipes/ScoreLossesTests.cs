using Ocellus.Vision.Recipes;
using static TorchSharp.torch;

namespace Ocellus.Vision.Tests.Recipes;

public sealed class ScoreLossesTests
{
    [Fact]
    public void Positives_weigh_their_target_and_negatives_the_square_of_their_score()
    {
        using var scope = NewDisposeScope();
        // Logit 0 is score 1/2 with entropy ln 2 whatever the target. Positive: 0.8 · ln 2. Negative: 0.75 · 1/4 · ln 2. Divided by 1, the least.
        double expected = (.8 + .75 * .25) * Math.Log(2);
        Assert.Equal(expected, ScoreLosses.AlignedCrossEntropy(tensor(new float[] { 0, 0 }), tensor(new[] { .8f, 0 })).item<float>(), 1e-6);

        // Two positives with target 1: the sum 2 divides. Logit ln 3 is score 3/4.
        Tensor logits = tensor(new[] { 0, (float)Math.Log(3) });
        Assert.Equal((Math.Log(2) - Math.Log(.75)) / 2, ScoreLosses.AlignedCrossEntropy(logits, tensor(new float[] { 1, 1 })).item<float>(), 1e-6);
    }

    [Fact]
    public void A_positive_is_pulled_to_its_target_and_a_sure_negative_is_left_alone()
    {
        using var scope = NewDisposeScope();
        Tensor logits = tensor(new[] { 0f, (float)Math.Log(.6 / .4), -12 }, requires_grad: true);
        ScoreLosses.AlignedCrossEntropy(logits, tensor(new[] { .6f, .6f, 0 })).backward();
        float[] slope = logits.grad!.data<float>().ToArray();
        Assert.True(slope[0] < 0); // below the target: up
        Assert.Equal(0, slope[1], 1e-6); // there
        Assert.Equal(0, slope[2], 1e-6);
    }
}
