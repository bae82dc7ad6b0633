using Ocellus.Training.Child;
using Ocellus.Vision.Images;

namespace Ocellus.Tests.Training.Child;

/// <summary>An image stored as 80×40 with a box placed by hand at left 10, top 5, width 20, height 10 of the stored pixels.</summary>
public sealed class BoxFrameTests
{
    [Theory]
    // Turned values: where the box is in the upright 40×80 image.
    [InlineData(5, 5, 10, 10, 20)]
    [InlineData(6, 25, 10, 10, 20)]
    [InlineData(7, 25, 50, 10, 20)]
    [InlineData(8, 5, 50, 10, 20)]
    public void Boxes_in_stored_pixels_turn_with_the_image(int orientation, int left, int top, int width, int height)
    {
        var frame = new BoxFrame(80, 40, new ImageHeader(ImageFormat.Jpeg, 80, 40, orientation));

        var box = frame.ToUpright(10, 5, 20, 10);

        Assert.Equal((left / 40f, top / 80f, width / 40f, height / 80f), (box.Left, box.Top, box.Width, box.Height));
        Assert.Equal((10, 5, 20, 10), frame.FromUpright(box));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Without_a_turn_the_stored_size_is_the_shown_one_and_boxes_stay(int orientation)
    {
        var frame = new BoxFrame(80, 40, new ImageHeader(ImageFormat.Jpeg, 80, 40, orientation));

        var box = frame.ToUpright(10, 5, 20, 10);

        Assert.Equal((10 / 80f, 5 / 40f, 20 / 80f, 10 / 40f), (box.Left, box.Top, box.Width, box.Height));
        Assert.Equal((10, 5, 20, 10), frame.FromUpright(box));
    }

    [Theory]
    // The size of the upright image, and one that fits neither way: boxes are in the image as shown, scaled.
    [InlineData(40, 80)]
    [InlineData(400, 800)]
    [InlineData(100, 100)]
    public void Boxes_in_other_sizes_refer_to_the_image_as_shown(int width, int height)
    {
        var frame = new BoxFrame(width, height, new ImageHeader(ImageFormat.Jpeg, 80, 40, 6));

        var box = frame.ToUpright(width / 4.0, height / 2.0, width / 4.0, height / 4.0);

        Assert.Equal((.25f, .5f, .25f, .25f), (box.Left, box.Top, box.Width, box.Height));
    }

    [Fact]
    public void A_box_that_leaves_the_image_is_cut_at_its_edge()
    {
        var frame = new BoxFrame(80, 40, new ImageHeader(ImageFormat.Png, 80, 40, 1));

        Assert.Equal((0, 30, 80, 10), frame.FromUpright(new(-.1f, .75f, 1.3f, .5f)));
    }

    /// <summary>The image was 800×400 when it was labelled and has been reduced since: its shape tells which way round the pixels were counted.</summary>
    [Theory]
    [InlineData(800, 400, 25, 10, 10, 20)]
    [InlineData(799, 400, 25, 10, 10, 20)]
    [InlineData(400, 800, 5, 10, 20, 10)]
    public void A_reduced_image_is_known_by_its_shape(int imageWidth, int imageHeight, int left, int top, int width, int height)
    {
        var frame = new BoxFrame(imageWidth, imageHeight, new ImageHeader(ImageFormat.Jpeg, 80, 40, 6));

        var box = frame.ToUpright(imageWidth > imageHeight ? 100 : 50, imageWidth > imageHeight ? 50 : 100, 200, 100);

        Assert.Equal(left / 40.0, box.Left, 0.002);
        Assert.Equal(top / 80.0, box.Top, 0.002);
        Assert.Equal(width / 40.0, box.Width, 0.002);
        Assert.Equal(height / 80.0, box.Height, 0.002);
    }
}
