using Ocellus.Vision.Boxes;
using Ocellus.Vision.Evaluation;
using Ocellus.Vision.Inference;

namespace Ocellus.Vision.Tests.Evaluation;

public sealed class BoxMatchingTests
{
    [Fact]
    public void The_more_confident_box_takes_the_true_one_and_each_is_taken_once()
    {
        LabelledBox[] truth = [Truth(0, 0, 10)];
        // Both cover it by more than half; the first is nearer but less sure.
        Assert.Equal([-1, 0], BoxMatching.Match(truth, [Found(0, .5f, 0, 10), Found(0, .6f, 2, 10)]));
    }

    [Fact]
    public void A_match_needs_the_same_label_and_half_the_area()
    {
        LabelledBox[] truth = [Truth(1, 0, 10)];
        Assert.Equal([-1], BoxMatching.Match(truth, [Found(0, .9f, 0, 10)]));
        Assert.Equal([0], BoxMatching.Match(truth, [Found(1, .9f, 0, 5)])); // 5 of 10: exactly one half
        Assert.Equal([-1], BoxMatching.Match(truth, [Found(1, .9f, 0, 4)])); // 4 of 10
        Assert.Equal([-1], BoxMatching.Match([], [Found(1, .9f, 0, 4)]));
        Assert.Empty(BoxMatching.Match(truth, []));
    }

    [Fact]
    public void The_second_best_true_box_is_taken_when_the_best_is_gone()
    {
        LabelledBox[] truth = [Truth(0, 0, 10), Truth(0, 2, 10)];
        // Both found boxes cover the first one best: 10 of 10 and 9.5 of 10.5; the second one still has 8.5 of 11.5 with the other.
        Assert.Equal([0, 1], BoxMatching.Match(truth, [Found(0, .9f, 0, 10), Found(0, .8f, .5f, 10)]));
    }

    private static LabelledBox Truth(int label, float left, float width) => new(label, new Box(left, 0, width, 1));

    private static Prediction Found(int label, float score, float left, float width) => new(label, score, new Box(left, 0, width, 1));
}
