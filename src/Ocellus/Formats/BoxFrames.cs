using Ocellus.Vision.Images;

namespace Ocellus.Formats;

/// <summary>
/// Turns the boxes of a description to the picture as a person sees it. If the description tells the size of the picture as it is stored, and the picture is
/// shown turned (EXIF), its boxes refer to the stored picture; otherwise to the picture as it is seen, as today's labelling tools show it.
/// </summary>
internal static class BoxFrames
{
    /// <summary>Whether a declared size is that of the stored picture and not that of the upright one.</summary>
    public static bool IsStored(double width, double height, ImageHeader header) =>
        width == header.Width && height == header.Height && !(width == header.UprightWidth && height == header.UprightHeight);

    /// <summary>A box of a stored picture in pixels of the upright one.</summary>
    /// <param name="box">In pixels of the stored picture.</param>
    /// <param name="width">Pixels across of the stored picture.</param>
    /// <param name="height">Pixels down of the stored picture.</param>
    /// <param name="orientation">The EXIF orientation. Only 5 to 8 swap the sides, so only with them a declared size tells which picture is meant.</param>
    public static ImageBox ToUpright(ImageBox box, double width, double height, int orientation)
    {
        var (l, t, w, h) = (box.Left, box.Top, box.Width, box.Height);
        return orientation switch
        {
            5 => new(box.Label, t, l, h, w),
            6 => new(box.Label, height - t - h, l, h, w),
            7 => new(box.Label, height - t - h, width - l - w, h, w),
            8 => new(box.Label, t, width - l - w, h, w),
            _ => box,
        };
    }
}
