using System.Globalization;
using NetVips;

namespace Ocellus.Vision.Images;

/// <summary>Decodes a JPEG as far as it takes to judge its end by <see cref="JpegTruncation"/>.</summary>
internal static class JpegEnd
{
    /// <summary>Judges a JPEG by its markers: how often it is gone over, and whether it ends.</summary>
    /// <param name="bytes">The file; without a broken segment at its end afterwards, which a decoder would choke on.</param>
    /// <param name="header">Its header.</param>
    /// <returns>A remark on what is missing; null when nothing is.</returns>
    /// <exception cref="ImageRefusedException">A visible part is missing, or the image would take too long to decode.</exception>
    public static ImageWarning? Judge(ref byte[] bytes, ImageHeader header)
    {
        ImageStructure.JpegWalk walk = ImageStructure.WalkJpeg(bytes, headerOnly: false);
        if (JpegTruncation.HasTooManyScans(walk.Scans, header.Width, header.Height))
        {
            string scans = string.Create(CultureInfo.InvariantCulture, $"{walk.Scans:N0} scans, where about ten are usual");
            string received = header.Describe(bytes.Length);
            throw new ImageRefusedException(ImageProblem.Corrupt, $"The image would take too long to decode; received {received} with {scans}.");
        }

        if (walk.Ends)
        {
            return null;
        }

        if (walk.BrokenOff is { } end)
        {
            bytes = bytes[..end];
        }

        return walk.AllScansBegun ? ByRows(bytes, header, walk) : ByColour(bytes, header, walk);
    }

    /// <summary>An image of one colour has scans of a few bytes: several may be among the last ones, and nothing is lost with them.</summary>
    private static ImageWarning ByColour(byte[] bytes, ImageHeader header, ImageStructure.JpegWalk walk)
    {
        (byte[] pixels, int bands) = walk.Scans > 1 ? Lenient(bytes) : ([], 0);
        if (pixels.Length == 0 || !JpegTruncation.IsFlat(pixels, bands))
        {
            throw ImageRefusedException.Truncated(header, bytes.Length, ", without all of its scans");
        }

        return new ImageWarning(string.Create(
            CultureInfo.InvariantCulture,
            $"The file ends early: the JPEG has no end marker after {bytes.Length:N0} bytes. The image is of one colour and used all the same."));
    }

    private static ImageWarning ByRows(byte[] bytes, ImageHeader header, ImageStructure.JpegWalk walk)
    {
        bool single = walk.Scans <= 1;
        (byte[] pixels, int bands) = Lenient(bytes);
        // With the scan's header, so that the decoder smooths the rows without data in both alike.
        byte[] before = single ? [] : Lenient(bytes[..walk.LastScanData]).Pixels;
        double missing = JpegTruncation.MissingRows(pixels, before, header.Height, bands), share = missing / header.Height;
        if (JpegTruncation.IsVisible(missing, header.Height, single ? bytes.Length - walk.LastScanData : null))
        {
            string detail = string.Create(CultureInfo.InvariantCulture, $", the lower {share * 100:0} % missing");
            throw ImageRefusedException.Truncated(header, bytes.Length, detail);
        }

        string lost = string.Create(CultureInfo.InvariantCulture, $"about {share * 100:0.0} % of the rows are missing");
        return new ImageWarning(string.Create(
            CultureInfo.InvariantCulture,
            $"The file ends early: the JPEG has no end marker after {bytes.Length:N0} bytes, and {lost}. It is used all the same."));
    }

    private static (byte[] Pixels, int Bands) Lenient(byte[] bytes)
    {
        using var image = Image.NewFromBuffer(bytes, access: Enums.Access.Sequential, failOn: Enums.FailOn.None);
        int bands = image.Bands;
        return (image.WriteToMemory<byte>(), bands);
    }
}
