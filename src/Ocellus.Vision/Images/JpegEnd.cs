using System.Globalization;
using NetVips;

namespace Ocellus.Vision.Images;

/// <summary>Decodes as much of a JPEG as <see cref="JpegTruncation"/> needs to judge its end.</summary>
internal static class JpegEnd
{
    /// <summary>Judges a JPEG by its markers: how many scans it has, and whether it is complete.</summary>
    /// <param name="bytes">The file; an incomplete segment at its end, which a decoder would choke on, is removed.</param>
    /// <param name="header">Its header.</param>
    /// <returns>A warning about what is missing; null if nothing is.</returns>
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

        return walk.AllScansBegun ? JudgeByRows(bytes, header, walk) : JudgeByColour(bytes, header, walk);
    }

    /// <summary>An image of one colour has scans of a few bytes, so several may be missing without any loss.</summary>
    private static ImageWarning JudgeByColour(byte[] bytes, ImageHeader header, ImageStructure.JpegWalk walk)
    {
        (byte[] pixels, int bands) = walk.Scans > 1 ? DecodeLeniently(bytes) : ([], 0);
        if (pixels.Length == 0 || !JpegTruncation.IsFlat(pixels, bands))
        {
            throw ImageRefusedException.Truncated(header, bytes.Length, ", without all of its scans");
        }

        return new ImageWarning(string.Create(
            CultureInfo.InvariantCulture,
            $"The file ends early: the JPEG has no end marker after {bytes.Length:N0} bytes. The image is of one colour and used all the same."));
    }

    private static ImageWarning JudgeByRows(byte[] bytes, ImageHeader header, ImageStructure.JpegWalk walk)
    {
        bool single = walk.Scans <= 1;
        (byte[] pixels, int bands) = DecodeLeniently(bytes);
        // With the scan's header, so that the decoder smooths rows without data the same way in both.
        byte[] before = single ? [] : DecodeLeniently(bytes[..walk.LastScanData]).Pixels;
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

    private static (byte[] Pixels, int Bands) DecodeLeniently(byte[] bytes)
    {
        using var image = Image.NewFromBuffer(bytes, access: Enums.Access.Sequential, failOn: Enums.FailOn.None);
        int bands = image.Bands;
        return (image.WriteToMemory<byte>(), bands);
    }
}
