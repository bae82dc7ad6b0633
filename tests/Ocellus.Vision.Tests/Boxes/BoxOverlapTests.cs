using Ocellus.Vision.Boxes;

namespace Ocellus.Vision.Tests.Boxes;

public sealed class BoxOverlapTests
{
    [Theory]
    [InlineData(0, 0, 2, 2, 0, 0, 2, 2, 1.0)] // equal
    [InlineData(0, 0, 2, 2, 1, 1, 2, 2, 1 / 7.0)] // 1 of 4 + 4 - 1
    [InlineData(0, 0, 4, 2, 2, 0, 4, 2, 1 / 3.0)] // 4 of 8 + 8 - 4
    [InlineData(0, 0, 4, 4, 1, 1, 2, 2, .25)] // one inside the other: 4 of 16
    [InlineData(0, 0, 2, 2, 2, 0, 2, 2, 0.0)] // side by side
    [InlineData(0, 0, 2, 2, 5, 5, 1, 1, 0.0)] // apart
    [InlineData(0, 0, 0, 2, 0, 0, 2, 2, 0.0)] // without area
    public void Iou_is_what_the_boxes_share_of_what_they_cover(float l1, float t1, float w1, float h1, float l2, float t2, float w2, float h2, double expected)
    {
        Assert.Equal(expected, BoxOverlap.Iou(new Box(l1, t1, w1, h1), new Box(l2, t2, w2, h2)), 1e-12);
        Assert.Equal(expected, BoxOverlap.Iou(new Box(l2, t2, w2, h2), new Box(l1, t1, w1, h1)), 1e-12);
    }

    [Fact]
    public void Suppression_keeps_the_best_and_what_it_does_not_cover()
    {
        // 0 and 1: 9 of 11, covered too far. 0 and 2: 5 of 15, stays. 3 lies on 1, which is gone, and has 8 of 12 with 0.
        Box[] boxes = [new(0, 0, 10, 1), new(1, 0, 10, 1), new(5, 0, 10, 1), new(2, 0, 10, 1), new(50, 0, 10, 1)];
        float[] scores = [.9f, .8f, .3f, .7f, .95f];

        Assert.Equal([4, 0, 2], Suppression.Suppress(boxes, scores, .6));
        Assert.Equal([4, 0, 3, 2], Suppression.Suppress(boxes, scores, .7));
        Assert.Equal([4, 0, 1, 3, 2], Suppression.Suppress(boxes, scores, 1));
        Assert.Empty(Suppression.Suppress([], [], .6));
    }
}
