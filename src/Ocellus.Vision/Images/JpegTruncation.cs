namespace Ocellus.Vision.Images;

/// <summary>Rules for using or refusing a JPEG without an end marker: every viewer opens one that lacks its last bytes.</summary>
/// <remarks>
/// The number of missing bytes cannot be known, but what the last scan contributed can: decode with and without it, and find the last row in
/// which the two differ. In a progressive file each scan refines the whole image, so all scans must have begun. Rows of one colour have nothing
/// to refine, and do not count.
/// </remarks>
internal static class JpegTruncation
{
    /// <summary>What the decoder leaves where a file's only scan has no data.</summary>
    public const byte MidGrey = 128;

    // Above this share of missing rows the image is truncated, below it a viewer shows no difference.
    private const double MissingShareMax = 0.03;

    // Obvious at any size, even if it is less than a row of MCUs: 15 rows of 150, for example.
    private const double MissingShareObvious = 1.0 / 16;

    // An image of few bytes loses many rows with its last 20 bytes, as in an incomplete download. So the missing rows are judged by the bytes of as
    // many rows above them.
    private const int MissingBytesMax = 64;

    // However few bytes are missing, this is an image cut in half.
    private const double MissingShareHalf = 0.4;

    // One MCU row of 4:2:0; the row in which the file ends is always partly missing.
    private const int McuRow = 16;

    // Each scan of a progressive JPEG goes over the whole image, however few bytes it has, and the format allows up to 2,688. Encoders write about
    // ten; forty over the largest allowed image take about two seconds.
    private const long ScannedPixelsMax = 40L * 4096 * 4096;

    /// <summary>Whether an image would take too long to decode.</summary>
    public static bool HasTooManyScans(int scans, int width, int height) => (long)scans * width * height > ScannedPixelsMax;

    /// <summary>Rows missing at the end of the file, including fractions of rows.</summary>
    /// <param name="pixels">Decoded, row by row.</param>
    /// <param name="before">The same without the last scan; empty if there is only one.</param>
    /// <param name="height">Rows.</param>
    /// <param name="bands">Bytes a pixel.</param>
    public static double MissingRows(ReadOnlySpan<byte> pixels, ReadOnlySpan<byte> before, int height, int bands)
    {
        int stride = pixels.Length / height, y = height - 1;
        double missing = 0;
        for (; y >= 0; y--)
        {
            ReadOnlySpan<byte> row = pixels.Slice(y * stride, stride);
            bool same = before.IsEmpty ? row.IndexOfAnyExcept(MidGrey) < 0 : row.SequenceEqual(before.Slice(y * stride, stride));
            if (!same)
            {
                break;
            }

            // A frame or plain background below says nothing about the rows above it, and is not missing itself.
            if (before.IsEmpty || !IsFlat(row, bands))
            {
                missing++;
            }
        }

        // The right parts of the rows in which the file ends.
        for (int part = y; before.IsEmpty && part >= 0 && part > y - McuRow; part--)
        {
            missing += (stride - 1 - pixels.Slice(part * stride, stride).LastIndexOfAnyExcept(MidGrey)) / (double)stride;
        }

        return missing;
    }

    /// <summary>Whether a person would see that rows are missing.</summary>
    /// <param name="missing">From <see cref="MissingRows"/>.</param>
    /// <param name="height">Rows in all.</param>
    /// <param name="scanBytes">Bytes of the only scan; null if there are several: each refines all rows, so bytes say nothing about rows.</param>
    public static bool IsVisible(double missing, int height, int? scanBytes)
    {
        double share = missing / height;
        bool few = scanBytes is { } bytes && share < MissingShareHalf && share / (1 - share) * bytes <= MissingBytesMax;
        return share > MissingShareMax && (missing > McuRow || (scanBytes is not null && share > MissingShareObvious)) && !few;
    }

    /// <summary>Whether all pixels are of one colour.</summary>
    /// <param name="pixels">One row, or several.</param>
    /// <param name="bands">Bytes a pixel.</param>
    public static bool IsFlat(ReadOnlySpan<byte> pixels, int bands) => pixels[bands..].SequenceEqual(pixels[..^bands]);
}
