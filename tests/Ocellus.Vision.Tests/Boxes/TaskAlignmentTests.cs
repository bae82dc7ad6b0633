using Ocellus.Vision.Boxes;

namespace Ocellus.Vision.Tests.Boxes;

public sealed class TaskAlignmentTests
{
    // Four points in a row, one label unless said otherwise.
    private static readonly float[] Row = [10, 10, 20, 10, 30, 10, 90, 10];

    [Fact]
    public void The_best_point_is_to_reach_its_overlap_and_the_others_less_in_proportion()
    {
        TrueBox[] truth = [new(0, 0, 40, 20, 0)];
        // Overlaps 1, 20/40 = 0.5 (half as wide), 0.8; the last point lies outside.
        float[] boxes = [0, 0, 40, 20, /**/ 0, 0, 20, 20, /**/ 0, 0, 32, 20, /**/ 0, 0, 40, 20];
        (int[] matches, float[] targets) = Assign(Row, boxes, [.5f, .9f, .8f, .9f], 1, truth);

        Assert.Equal([0, 0, 0, -1], matches);
        // Metrics: 0.5 · 1, 0.9 · 0.5^6, 0.8 · 0.8^6; the largest is 0.5, the largest overlap 1.
        Assert.Equal(1, targets[0], 1e-5);
        Assert.Equal(.9 * Math.Pow(.5, 6) / .5, targets[1], 1e-5);
        Assert.Equal(.8 * Math.Pow(.8, 6) / .5, targets[2], 1e-5);
        Assert.Equal(0, targets[3]);
    }

    [Fact]
    public void A_point_in_two_boxes_goes_to_the_one_it_covers_better()
    {
        TrueBox[] truth = [new(0, 0, 40, 20, 0), new(0, 0, 24, 20, 1)];
        float[] boxes = [0, 0, 40, 20, /**/ 0, 0, 24, 20, /**/ 0, 0, 40, 20, /**/ 0, 0, 1, 1];
        (int[] matches, float[] targets) = Assign(Row, boxes, [.5f, .5f, .5f, .5f, .25f, .5f, .5f, .5f], 2, truth);

        // The first and third point answer the first box, the second the second, although its score for both is 0.5.
        Assert.Equal([0, 1, 0, -1], matches);
        Assert.Equal([1, 1, .5f, 0], targets.Select(t => MathF.Round(t, 4)));
    }

    [Fact]
    public void At_most_thirteen_points_stand_for_a_box()
    {
        float[] points = [.. Enumerable.Range(0, 20).SelectMany(i => new[] { 5f + i, 10 })];
        float[] boxes = [.. Enumerable.Range(0, 20).SelectMany(_ => new[] { 0f, 0, 40, 20 })];
        (int[] matches, _) = Assign(points, boxes, [.. Enumerable.Range(0, 20).Select(i => i / 20f)], 1, [new(0, 0, 40, 20, 0)]);

        Assert.Equal(Enumerable.Range(0, 20).Select(i => i < 7 ? -1 : 0), matches);
    }

    [Fact]
    public void A_box_between_the_points_is_still_found()
    {
        // Narrower than the stride of 8 and between two points: the nearer ones are taken.
        float[] points = [4, 4, 12, 4, 20, 4];
        (int[] matches, _) = Assign(points, [4, 2, 9, 6, /**/ 6, 2, 12, 6, /**/ 6, 2, 20, 6], [.1f, .1f, .1f], 1, [new(6, 2, 10, 6, 0)]);

        Assert.Equal([0, 0, -1], matches);
    }

    [Fact]
    public void Without_boxes_every_point_is_a_negative()
    {
        (int[] matches, float[] targets) = Assign(Row, new float[16], [.5f, .5f, .5f, .5f], 1, []);
        Assert.All(matches, m => Assert.Equal(-1, m));
        Assert.All(targets, t => Assert.Equal(0, t));
    }

    private static (int[] Matches, float[] Targets) Assign(float[] points, float[] boxes, float[] scores, int labels, TrueBox[] truth)
    {
        var matches = new int[points.Length / 2];
        var targets = new float[matches.Length];
        TaskAlignment.Assign(points, boxes, scores, labels, truth, matches, targets);
        return (matches, targets);
    }
}
