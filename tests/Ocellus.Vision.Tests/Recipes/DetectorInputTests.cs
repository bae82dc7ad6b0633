using Ocellus.Vision.Boxes;
using Ocellus.Vision.Recipes;

namespace Ocellus.Vision.Tests.Recipes;

public sealed class DetectorInputTests
{
    [Theory]
    [InlineData(640, 480, 416, 320)] // 312 rows, to a multiple of 32
    [InlineData(480, 640, 320, 416)]
    [InlineData(1000, 1000, 416, 416)]
    [InlineData(1280, 64, 416, 32)]
    public void The_shape_is_that_of_the_images(int width, int height, int inputWidth, int inputHeight) =>
        Assert.Equal(new DetectorInput(inputWidth, inputHeight), DetectorInput.Choose([(width, height)], [[Box(.5f)]], null));

    [Fact]
    public void Images_of_both_orientations_get_a_square_and_a_few_of_another_shape_do_not_count()
    {
        Assert.Equal(new DetectorInput(416, 416), Of(Enumerable.Repeat((640, 480), 5).Concat(Enumerable.Repeat((480, 640), 5))));
        Assert.Equal(new DetectorInput(416, 320), Of(Enumerable.Repeat((640, 480), 9).Append((480, 640))));

        static DetectorInput Of(IEnumerable<(int, int)> sizes) => DetectorInput.Choose([.. sizes], [.. sizes.Select(_ => new[] { Box(.5f) })], null);
    }

    [Theory]
    [InlineData(.05f, 416)] // 20.8 px
    [InlineData(.02f, 800)] // 8.3 px: 416 · 16 / 8.32 = 800
    [InlineData(.001f, 1024)] // never more
    public void Small_boxes_get_a_larger_input(float side, int expected) =>
        Assert.Equal(new DetectorInput(expected, expected), DetectorInput.Choose([(2000, 2000)], [[Box(side), Box(side), Box(.9f)]], null));

    [Fact]
    public void Images_without_boxes_do_not_matter() =>
        Assert.Equal(new DetectorInput(416, 416), DetectorInput.Choose([(500, 500), (500, 500)], [[], [Box(.3f)]], null));

    private static LabelledBox Box(float side) => new(0, new Box(.05f, .05f, side, side));
}
