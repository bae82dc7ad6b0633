using Ocellus.Vision.Boxes;
using Ocellus.Vision.Networks;
using Ocellus.Vision.Recipes;

namespace Ocellus.Vision.Tests.Recipes;

public sealed class BoxCalibrationTests
{
    private static readonly BoxCalibrationPlan _plan = new();

    [Theory]
    [InlineData(1.5, .8)]
    [InlineData(.6, -1)]
    [InlineData(1, 0)]
    public void The_factor_and_shift_that_boxes_were_drawn_with_are_found(double factor, double shift)
    {
        var random = new Random(3);
        var scale = new LogitScale((float)factor, (float)shift);
        (double Score, bool Hit)[] found = [.. Enumerable.Range(0, 20_000).Select(_ =>
        {
            double score = .01 + .98 * random.NextDouble();
            return (score, random.NextDouble() < scale.Apply(score));
        })];

        LogitScale fitted = BoxCalibration.Fit(found, 1, 0);

        Assert.Equal(factor, fitted.Factor, .1);
        Assert.Equal(shift, fitted.Shift, .1);
    }

    [Fact]
    public void A_few_boxes_change_little_and_none_change_nothing()
    {
        Assert.Equal(new LogitScale(1.2f, .5f), BoxCalibration.Fit([], 1.2, .5));
        // Three wrong boxes of a score of 0.9: the expected scale makes 0.96 of it.
        LogitScale few = BoxCalibration.Fit([(.9, false), (.9, false), (.9, false)], 1.2, .5);
        Assert.InRange(few.Apply(.9), .7, .96);
    }

    [Fact]
    public void Scores_that_tell_the_opposite_do_not_turn_the_order_round()
    {
        (double, bool)[] found = [.. Enumerable.Range(0, 5_000).Select(i => i % 2 == 0 ? (.9, false) : (.1, true))];

        Assert.InRange(BoxCalibration.Fit(found, 1, 0).Factor, .2f, .21f);
    }

    [Fact]
    public void Scores_of_nothing_and_certainty_are_no_error() => Assert.True(float.IsFinite(BoxCalibration.Fit([(0, false), (1, true)], 1, 0).Factor));

    [Fact]
    public void Each_label_holds_back_no_more_than_its_share()
    {
        // 100 images with label 0, of which 20 have label 1 too and 5 label 2; 10 without boxes.
        DetectorTask task = Task(
            [.. Enumerable.Range(0, 100).Select(i => i < 20 ? [0, 1] : i < 25 ? [0, 2] : (int[])[0]), .. Enumerable.Repeat<int[]>([], 10)]);

        int[] held = BoxCalibration.HeldBack(task, _plan, seed: 1);

        Assert.Equal(held, BoxCalibration.HeldBack(task, _plan, seed: 1));
        Assert.NotEqual(held, BoxCalibration.HeldBack(task, _plan, seed: 2));
        Assert.Equal(12, held.Count(i => i < 100)); // 12 % of 100
        Assert.InRange(held.Count(i => i < 20), 0, 2); // and of 20
        Assert.Equal(0, held.Count(i => i is >= 20 and < 25));
        Assert.InRange(held.Count(i => i >= 100), 0, 1);
    }

    [Fact]
    public void Few_images_are_all_learnt_from_and_of_many_a_few_are_enough()
    {
        Assert.Empty(BoxCalibration.HeldBack(Task([.. Enumerable.Repeat<int[]>([0], 41)]), _plan, seed: 1)); // 4 of them
        Assert.Equal(5, BoxCalibration.HeldBack(Task([.. Enumerable.Repeat<int[]>([0], 42)]), _plan, seed: 1).Length);
        Assert.Equal(40, BoxCalibration.HeldBack(Task([.. Enumerable.Repeat<int[]>([0], 5_000)]), _plan, seed: 1).Length);
    }

    private static DetectorTask Task(int[][] labels) => new(
        DrawnScenes.Files([.. labels.Select(_ => Array.Empty<byte>())]),
        [.. labels.Select(here => (IReadOnlyList<LabelledBox>)[.. here.Select(l => new LabelledBox(l, new Box(.1f, .1f, .2f, .2f)))])],
        ["a", "b", "c"]);
}
