using Ocellus.Vision.Boxes;
using Ocellus.Vision.Recipes;

namespace Ocellus.Vision.Tests.Recipes;

public sealed class DetectorViewsTests
{
    private static readonly DetectorInput Input = new(128, 96);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public void Boxes_follow_the_pixels_in_every_orientation(int orientation)
    {
        LabelledBox[] placed = [new(3, new Box(.1f, .2f, .25f, .5f))];
        byte[] bytes = DrawnScenes.Encode(DrawnScenes.Draw([new(0, placed[0].Box)], new Random(1)), DrawnScenes.Width, DrawnScenes.Height, orientation);
        var views = new DetectorViews(DrawnScenes.Files([bytes]), [placed], Input, new DetectorPlan());
        var view = new float[views.ValuesPerView];
        int seen = 0;
        for (int pass = 0; pass < 20; pass++)
        {
            foreach (TrueBox box in views.Random(0, pass, 0, [0], view))
            {
                seen++;
                Assert.Equal(3, box.Label);
                (int left, int top, int right, int bottom) = Red(view);
                Assert.InRange(box.X1, left - 1.5f, left + 1.5f);
                Assert.InRange(box.Y1, top - 1.5f, top + 1.5f);
                Assert.InRange(box.X2, right - 1.5f, right + 1.5f);
                Assert.InRange(box.Y2, bottom - 1.5f, bottom + 1.5f);
            }
        }

        Assert.InRange(seen, 15, 20);
    }

    [Fact]
    public void The_same_pass_gives_the_same_view_and_another_pass_another()
    {
        DetectorTask task = DrawnScenes.Task(4);
        var views = new DetectorViews(task.Images, task.Boxes, Input, new DetectorPlan());
        float[] a = new float[views.ValuesPerView], b = new float[views.ValuesPerView], c = new float[views.ValuesPerView];
        foreach (double mosaic in new[] { 0.0, 1.0 })
        {
            TrueBox[] first = views.Random(1, 5, mosaic, [0, 1, 2, 3], a), again = views.Random(1, 5, mosaic, [0, 1, 2, 3], b);
            views.Random(1, 6, mosaic, [0, 1, 2, 3], c);
            Assert.Equal(first, again);
            Assert.Equal(a, b);
            Assert.NotEqual(a, c);
            Assert.All(a, v => Assert.InRange(v, -1, 1));
        }
    }

    [Fact]
    public void A_mosaic_shows_boxes_of_several_images_inside_the_view()
    {
        DetectorTask task = DrawnScenes.Task(4);
        var views = new DetectorViews(task.Images, task.Boxes, Input, new DetectorPlan());
        var view = new float[views.ValuesPerView];
        TrueBox[] boxes = [.. Enumerable.Range(0, 10).SelectMany(pass => views.Random(0, pass, 1, [0, 1, 2, 3], view))];
        Assert.True(boxes.Length > 20, $"{boxes.Length} boxes in ten mosaics");
        Assert.All(boxes, b => Assert.True(b.X1 >= 0 && b.Y1 >= 0 && b.X2 <= Input.Width && b.Y2 <= Input.Height && b.X2 > b.X1 && b.Y2 > b.Y1));
    }

    [Fact]
    public void Each_quarter_of_a_mosaic_shows_a_small_box_whole_and_of_the_images_that_may_be_there_alone()
    {
        DetectorTask scenes = DrawnScenes.Task(4);
        // A box of another label in each image, 16 × 12 pixels of a view, far from its middle.
        var task = scenes with { Boxes = [.. Enumerable.Range(0, 4).Select(i => new[] { new LabelledBox(i, new Box(.02f, .85f, .1f, .1f)) })] };
        var views = new DetectorViews(task.Images, task.Boxes, Input, new DetectorPlan { ScaleMin = 1.2, ScaleMax = 1.2 });
        var view = new float[views.ValuesPerView];
        for (int pass = 0; pass < 20; pass++)
        {
            TrueBox[] boxes = views.Random(0, pass, 1, [0, 2], view);

            Assert.Equal(4, boxes.Length);
            Assert.All(boxes, b => Assert.Contains(b.Label, new[] { 0, 2 }));
            Assert.All(boxes, b => Assert.InRange((b.X2 - b.X1) * (b.Y2 - b.Y1), .9 * .01 * 1.44 * 128 * 96, 1.1 * .01 * 1.44 * 128 * 96));
        }
    }

    [Fact]
    public void Boxes_outside_the_image_and_without_area_are_no_examples()
    {
        DetectorTask task = DrawnScenes.Task(1);
        LabelledBox[] bad = [new(0, new Box(1.2f, .1f, .2f, .2f)), new(0, new Box(.5f, .5f, 0, .2f)), new(0, new Box(-.1f, -.1f, 2, 2))];
        var views = new DetectorViews(task.Images, [bad], Input, new DetectorPlan { ScaleMin = 1, ScaleMax = 1 });

        TrueBox only = Assert.Single(views.Random(0, 0, 0, [0], new float[views.ValuesPerView]));

        Assert.Equal(new TrueBox(0, 0, 128, 96, 0), only); // cut off at the edge of the image
    }

    private static (int Left, int Top, int Right, int Bottom) Red(float[] view)
    {
        var all = Enumerable.Range(0, Input.Width * Input.Height).Where(i => view[3 * i] - view[3 * i + 1] > .5f).ToList();
        return (all.Min(i => i % Input.Width), all.Min(i => i / Input.Width), all.Max(i => i % Input.Width) + 1, all.Max(i => i / Input.Width) + 1);
    }
}
