using Ocellus.Vision.Evaluation;

namespace Ocellus.Vision.Tests.Evaluation;

public sealed class ShuffleTestTests
{
    [Fact]
    public void Scores_without_a_relation_to_the_labels_are_chance_however_good_the_threshold()
    {
        // Not security: any numbers.
#pragma warning disable CA5394
        var random = new Random(7);
        ShuffleResult result = Run(120, i => i % 2 == 0, _ => random.NextSingle());
#pragma warning restore CA5394
        Assert.True(result.IsChance);
        Assert.Equal(2 / 3.0, result.Always, 12); // precision one half, recall 1
        Assert.True(result.F1 >= result.Always);
    }

    [Fact]
    public void Equal_scores_for_all_images_are_chance()
    {
        ShuffleResult result = Run(20, i => i < 5, _ => .5f);
        Assert.Equal((1, .4), (result.P, result.F1)); // 2 · 5 / (20 + 5)
        Assert.True(result.IsChance);
    }

    [Fact]
    public void Scores_that_find_most_images_of_a_rare_label_are_not_chance()
    {
        // One in ten: always answering no would be right in 90 of 100 images.
        ShuffleResult result = Run(100, i => i % 10 == 0, i => i % 10 == 0 && i % 50 != 0 ? .9f : .1f + i / 1000f);
        Assert.False(result.IsChance);
        Assert.True(result.P < .01);
    }

    [Fact]
    public void A_few_images_cannot_tell_good_answers_from_luck()
    {
        // Two of four: one order in six is as good.
        ShuffleResult four = Run(4, i => i < 2, i => i < 2 ? 1 : 0);
        Assert.InRange(four.PerfectP, .12, .22);
        Assert.False(four.CanTell);
        Assert.False(four.IsChance);
        Assert.True(Run(10, i => i < 5, i => i < 5 ? 1 : 0).CanTell);
    }

    [Fact]
    public void Labels_that_all_images_have_say_nothing()
    {
        Assert.Null(ShuffleTest.Run(new float[,] { { 1 }, { 0 } }, new[,] { { true }, { true } }));
        Assert.Null(ShuffleTest.Run(new float[,] { { 1 }, { 0 } }, new[,] { { false }, { false } }));
        Assert.Throws<ArgumentException>(() => ShuffleTest.Run(new float[1, 2], new bool[1, 1]));
    }

    private static ShuffleResult Run(int images, Func<int, bool> truth, Func<int, float> score)
    {
        var scores = new float[images, 1];
        var labels = new bool[images, 1];
        for (int i = 0; i < images; i++)
        {
            (scores[i, 0], labels[i, 0]) = (score(i), truth(i));
        }

        return ShuffleTest.Run(scores, labels)!.Value;
    }
}
