using Ocellus.Vision.Boxes;
using Ocellus.Vision.Recipes;

namespace Ocellus.Vision.Tests.Recipes;

public sealed class DetectorBatchesTests
{
    private static readonly DetectorInput _input = new(64, 64);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Images_that_are_held_back_are_seen_from_the_join_on_and_not_before(double mosaic)
    {
        DetectorBatches batches = Batches(mosaic, [1, 4]);

        // Six images of which four are learnt from at first, two a step: a pass takes two steps, and three after the join.
        int[] before = [.. Enumerable.Range(0, 10).SelectMany(step => Seen(batches.Make(step, 100, 2, joinedAt: 10)))];
        int[] after = [.. Enumerable.Range(10, 3).SelectMany(step => Seen(batches.Make(step, 100, 2, joinedAt: 10)))];

        Assert.Equal([0, 2, 3, 5], before.Distinct().Order());
        Assert.Equal([0, 1, 2, 3, 4, 5], after.Distinct().Order());
        Assert.Equal(before[..4], Seen(batches.Make(0, 100, 2)).Concat(Seen(batches.Make(1, 100, 2))).Take(4)); // the join is not known yet
    }

    [Fact]
    public void Without_images_held_back_every_pass_shows_each_once()
    {
        DetectorBatches batches = Batches(mosaic: 0, held: []);

        Assert.Equal([0, 1, 2, 3, 4, 5], Enumerable.Range(3, 3).SelectMany(step => Seen(batches.Make(step, 100, 2))).Order());
    }

    [Fact]
    public void The_pass_under_way_at_the_join_shows_each_image_once()
    {
        DetectorBatches batches = Batches(mosaic: 0, [1, 4]);

        // The join comes after a pass of four and half of the next: what that has not shown follows, and the two that were held back.
        int[] seen = [.. Enumerable.Range(2, 3).SelectMany(step => Seen(batches.Make(step, 100, 2, joinedAt: 3)))];
        Assert.Equal([0, 1, 2, 3, 4, 5], seen.Order());
        Assert.Equal([0, 1, 2, 3, 4, 5], Enumerable.Range(5, 3).SelectMany(step => Seen(batches.Make(step, 100, 2, joinedAt: 3))).Order());
    }

    private static int[] Seen(DetectorBatch batch) => [.. batch.Truth.SelectMany(t => t.Select(b => b.Label))];

    /// <summary>Six images, each with a box whose label is the image's number.</summary>
    private static DetectorBatches Batches(double mosaic, int[] held)
    {
        DetectorTask scenes = DrawnScenes.Task(6);
        var task = scenes with { Boxes = [.. Enumerable.Range(0, 6).Select(i => new[] { new LabelledBox(i, new Box(.4f, .4f, .2f, .2f)) })] };
        var plan = new DetectorPlan { Mosaic = mosaic };
        return new DetectorBatches(task, plan, new DetectorViews(task.Images, task.Boxes, _input, plan), held);
    }
}
