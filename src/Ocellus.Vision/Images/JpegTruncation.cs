namespace Ocellus.Vision.Images;

/// <summary>The rules by which a JPEG without end marker is used or refused: every viewer opens one that lacks its last bytes.</summary>
/// <remarks>
/// How many bytes are missing cannot be known. What the last scan brought can: decode with and without it and see down to which row the two
/// differ. In a progressive file each scan refines the whole image, so all scans must have begun. Rows of one colour hold nothing that
/// a refinement could change, and do not count.
/// </remarks>
internal static class JpegTruncation
{
    /// <summary>What the decoder leaves where the only scan of a file brought nothing.</summary>
    public const byte MidGrey = 128;

    // Above this share of missing rows the image is truncated, below it a viewer shows no difference.
    private const double MissingShareMax = 0.03;

    // So much is plain to see at any size, also where it is less than a row of MCUs: 15 rows of 150, say.
    private const double MissingShareSeen = 1.0 / 16;

    // An image of few bytes loses many rows with its last 20, as a download that lacks them does. What is missing is judged by the bytes that as
    // many rows above it took.
    private const int MissingBytesMax = 64;

    // No count of bytes excuses this: it is an image cut in half.
    private const double MissingShareHalf = 0.4;

    // One MCU row of 4:2:0; the row that the end of the file runs through is always partly missing.
    private const int McuRow = 16;

    // Each scan of a progressive JPEG goes over the whole image, however few bytes it has, and up to 2,688 are allowed by the format. Encoders
    // write about ten; forty over the largest allowed image take about two seconds.
    private const long ScannedPixelsMax = 40L * 4096 * 4096;

    /// <summary>Whether an image would take too long to decode.</summary>
    public static bool HasTooManyScans(int scans, int width, int height) => (long)scans * width * height > ScannedPixelsMax;

    /// <summary>Rows that the end of the file took, parts of rows with them.</summary>
    /// <param name="pixels">Decoded, row by row.</param>
    /// <param name="before">The same without what the last scan brought; empty where there is only one scan.</param>
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

            // A frame or a plain ground below says nothing about the rows above it, and is not missing itself.
            if (before.IsEmpty || !IsFlat(row, bands))
            {
                missing++;
            }
        }

        // Of the rows that the end of the file runs through, their right parts.
        for (int part = y; before.IsEmpty && part >= 0 && part > y - McuRow; part--)
        {
            missing += (stride - 1 - pixels.Slice(part * stride, stride).LastIndexOfAnyExcept(MidGrey)) / (double)stride;
        }

        return missing;
    }

    /// <summary>Whether a person would see that rows are missing.</summary>
    /// <param name="missing">From <see cref="MissingRows"/>.</param>
    /// <param name="height">Rows in all.</param>
    /// <param name="scanBytes">Bytes of the only scan; null where there are several: they refine all rows a little, so that bytes tell nothing of rows.</param>
    public static bool IsVisible(double missing, int height, int? scanBytes)
    {
        double share = missing / height;
        bool few = scanBytes is { } bytes && share < MissingShareHalf && share / (1 - share) * bytes <= MissingBytesMax;
        return share > MissingShareMax && (missing > McuRow || (scanBytes is not null && share > MissingShareSeen)) && !few;
    }

    /// <summary>Whether all pixels are of one colour.</summary>
    /// <param name="pixels">One row, or several.</param>
    /// <param name="bands">Bytes a pixel.</param>
    public static bool IsFlat(ReadOnlySpan<byte> pixels, int bands) => pixels[bands..].SequenceEqual(pixels[..^bands]);
}
