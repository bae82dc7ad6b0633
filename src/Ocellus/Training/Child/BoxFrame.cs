using Ocellus.Vision.Boxes;
using Ocellus.Vision.Images;

namespace Ocellus.Training.Child;

/// <summary>
/// Converts boxes between pixels of a manifest line's <c>image_size</c> and ratios of the upright image. If the size is that of the
/// upright image, or has the shape of neither orientation, boxes refer to the upright image; if it is the stored size of a rotated image, or that before a reduction, boxes
/// are rotated with it.
/// </summary>
internal readonly struct BoxFrame
{
    private readonly double _width;
    private readonly double _height;

    /// <summary>EXIF orientation; 1 for none. Values below 5 do not swap the sides, so the stored size is then the upright one.</summary>
    private readonly int _rotation;

    public BoxFrame(double imageWidth, double imageHeight, ImageHeader header)
    {
        (_width, _height) = (imageWidth, imageHeight);
        var upright = imageWidth == header.UprightWidth && imageHeight == header.UprightHeight;
        var stored = imageWidth == header.Width && imageHeight == header.Height;
        // An image that was reduced has the same shape still.
        if (!upright && !stored)
        {
            upright = IsOfShape(imageWidth, imageHeight, header.UprightWidth, header.UprightHeight);
            stored = IsOfShape(imageWidth, imageHeight, header.Width, header.Height);
        }

        _rotation = stored && !upright ? header.Orientation : 1;
    }

    /// <summary>Whether a reduction of the one size to whole pixels gives the other.</summary>
    private static bool IsOfShape(double fullWidth, double fullHeight, int width, int height) =>
        fullWidth >= width && Math.Abs(fullWidth * height - fullHeight * width) <= Math.Max(fullWidth, fullHeight) / 2 + 1;

    /// <summary>From pixels of the line's size.</summary>
    public Box ToUpright(double left, double top, double width, double height)
    {
        var (l, t, w, h) = (left / _width, top / _height, width / _width, height / _height);
        var (x, y, across, down) = _rotation switch
        {
            5 => (t, l, h, w),
            6 => (1 - t - h, l, h, w),
            7 => (1 - t - h, 1 - l - w, h, w),
            8 => (t, 1 - l - w, h, w),
            _ => (l, t, w, h),
        };
        return new Box((float)x, (float)y, (float)across, (float)down);
    }

    /// <summary>To whole pixels of the line's size. Edges are rounded, not sizes, so that a box inside the image stays inside.</summary>
    public (int Left, int Top, int Width, int Height) FromUpright(Box box)
    {
        var (x, y, across, down) = ((double)box.Left, (double)box.Top, (double)box.Width, (double)box.Height);
        var (l, t, w, h) = _rotation switch
        {
            5 => (y, x, down, across),
            6 => (y, 1 - x - across, down, across),
            7 => (1 - y - down, 1 - x - across, down, across),
            8 => (1 - y - down, x, down, across),
            _ => (x, y, across, down),
        };
        int left = Pixel(l, _width), top = Pixel(t, _height);
        return (left, top, Pixel(l + w, _width) - left, Pixel(t + h, _height) - top);
    }

    private static int Pixel(double ratio, double side) => (int)Math.Round(Math.Clamp(ratio, 0, 1) * side, MidpointRounding.AwayFromZero);
}
