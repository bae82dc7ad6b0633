using NetVips;
using Ocellus.Vision.Boxes;

namespace Ocellus.Vision.Images;

/// <summary>A box to draw, with its text.</summary>
/// <param name="Text">Written above the box; characters missing from the built-in font become question marks.</param>
/// <param name="Box">Ratios of the image as shown.</param>
/// <param name="Colour">Any number; the same number gives the same colour.</param>
public readonly record struct DrawnBox(string Text, Box Box, int Colour);

/// <summary>Draws boxes with their labels into images.</summary>
public static class ImageDrawing
{
    /// <summary>Default long side of the drawing in pixels: enough for a screen.</summary>
    public const int LongSideDefault = 1280;

    private const int Quality = 90;

    // Pixels of the long side for each pixel of thickness: thin enough to show what is inside, thick enough for a small view.
    private const int SidePerLine = 320, SidePerLetterDot = 480;

    // Easy to tell apart, even with red-green blindness (Okabe and Ito 2008), each readable under black letters.
    private static readonly byte[][] _colours =
        [[230, 159, 0], [86, 180, 233], [0, 190, 130], [240, 228, 66], [255, 120, 60], [214, 140, 190], [120, 160, 255], [220, 220, 220]];

    /// <summary>The image, upright, with the boxes drawn, as JPEG.</summary>
    /// <param name="image">JPEG or PNG.</param>
    /// <param name="boxes">In drawing order.</param>
    /// <param name="longSideMax">Larger images are reduced.</param>
    /// <exception cref="ImageRefusedException">Not an image that can be decoded.</exception>
    public static byte[] DrawBoxes(ReadOnlyMemory<byte> image, IReadOnlyList<DrawnBox> boxes, int longSideMax = LongSideDefault)
    {
        ArgumentNullException.ThrowIfNull(boxes);
        DecodedImage decoded = ImageDecoder.DecodeUpright(image, longSideMax);
        var canvas = new Canvas(decoded.Rgb, decoded.Width, decoded.Height);
        int side = Math.Max(decoded.Width, decoded.Height), line = Math.Max(1, side / SidePerLine), dot = Math.Max(1, side / SidePerLetterDot);
        foreach (DrawnBox box in boxes)
        {
            byte[] colour = _colours[(int)((uint)box.Colour % _colours.Length)];
            int left = (int)Math.Round(box.Box.Left * decoded.Width), top = (int)Math.Round(box.Box.Top * decoded.Height);
            int right = (int)Math.Round((box.Box.Left + box.Box.Width) * decoded.Width);
            int bottom = (int)Math.Round((box.Box.Top + box.Box.Height) * decoded.Height);
            canvas.Fill(left, top, right, top + line, colour);
            canvas.Fill(left, bottom - line, right, bottom, colour);
            canvas.Fill(left, top, left + line, bottom, colour);
            canvas.Fill(right - line, top, right, bottom, colour);
            Write(canvas, box.Text, left, top, dot, colour);
        }

        using Image raw = Image.NewFromMemory(decoded.Rgb, decoded.Width, decoded.Height, 3, Enums.BandFormat.Uchar);
        using Image rgb = raw.Copy(interpretation: Enums.Interpretation.Srgb);
        return rgb.JpegsaveBuffer(q: Quality);
    }

    /// <summary>Black letters on a bar of the box's colour, above the box, or inside it where there is no room above; moved into the image.</summary>
    private static void Write(Canvas canvas, string text, int left, int top, int dot, byte[] colour)
    {
        if (text.Length == 0)
        {
            return;
        }

        int width = (text.Length * RasterLetters.Advance + 1) * dot, height = (RasterLetters.Height + 2) * dot;
        int x = Math.Max(0, Math.Min(left, canvas.Width - width)), y = top - height >= 0 ? top - height : top;
        canvas.Fill(x, y, x + width, y + height, colour);
        for (int i = 0; i < text.Length; i++)
        {
            ReadOnlySpan<byte> columns = RasterLetters.Columns(text[i]);
            for (int c = 0; c < columns.Length; c++)
            {
                for (int r = 0; r < RasterLetters.Height; r++)
                {
                    if ((columns[c] >> r & 1) == 1)
                    {
                        int at = x + (i * RasterLetters.Advance + c + 1) * dot, under = y + (r + 1) * dot;
                        canvas.Fill(at, under, at + dot, under + dot, [0, 0, 0]);
                    }
                }
            }
        }
    }

    private readonly record struct Canvas(byte[] Rgb, int Width, int Height)
    {
        /// <summary>Fills a rectangle as far as it lies inside the image.</summary>
        public void Fill(int left, int top, int right, int bottom, ReadOnlySpan<byte> colour)
        {
            for (int y = Math.Max(0, top); y < Math.Min(Height, bottom); y++)
            {
                for (int x = Math.Max(0, left); x < Math.Min(Width, right); x++)
                {
                    colour.CopyTo(Rgb.AsSpan((y * Width + x) * 3));
                }
            }
        }
    }
}
