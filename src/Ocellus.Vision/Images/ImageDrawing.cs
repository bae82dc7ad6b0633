using NetVips;
using Ocellus.Vision.Boxes;

namespace Ocellus.Vision.Images;

/// <summary>A box to draw, with its text.</summary>
/// <param name="Text">Written above the box; characters missing from the built-in font become question marks.</param>
/// <param name="Box">Ratios of the image as shown.</param>
/// <param name="Colour">Any number; the same number gives the same colour.</param>
public readonly record struct DrawnBox(string Text, Box Box, int Colour);

/// <summary>A label to draw as a translucent shade where its evidence is.</summary>
/// <param name="Text">Written in the upper left corner, below those before it.</param>
/// <param name="Strength">0 to 1 for a point given as shares of the image's width and height; null for no shade.</param>
/// <param name="Colour">Any number; the same number gives the same colour.</param>
public readonly record struct DrawnEvidence(string Text, Func<double, double, double>? Strength, int Colour);

/// <summary>Draws boxes with their labels into images, and where the evidence for labels is.</summary>
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
            byte[] colour = ColourOf(box.Colour);
            int left = (int)Math.Round(box.Box.Left * decoded.Width), top = (int)Math.Round(box.Box.Top * decoded.Height);
            int right = (int)Math.Round((box.Box.Left + box.Box.Width) * decoded.Width);
            int bottom = (int)Math.Round((box.Box.Top + box.Box.Height) * decoded.Height);
            canvas.Fill(left, top, right, top + line, colour);
            canvas.Fill(left, bottom - line, right, bottom, colour);
            canvas.Fill(left, top, left + line, bottom, colour);
            canvas.Fill(right - line, top, right, bottom, colour);
            Write(canvas, box.Text, left, top, dot, colour);
        }

        return Jpeg(decoded);
    }

    /// <summary>The image, upright, shaded where the evidence for each label is, as JPEG.</summary>
    /// <param name="image">JPEG or PNG.</param>
    /// <param name="labels">In drawing order.</param>
    /// <param name="longSideMax">Larger images are reduced.</param>
    /// <exception cref="ImageRefusedException">Not an image that can be decoded.</exception>
    public static byte[] DrawEvidence(ReadOnlyMemory<byte> image, IReadOnlyList<DrawnEvidence> labels, int longSideMax = LongSideDefault)
    {
        ArgumentNullException.ThrowIfNull(labels);
        DecodedImage decoded = ImageDecoder.DecodeUpright(image, longSideMax);
        var canvas = new Canvas(decoded.Rgb, decoded.Width, decoded.Height);
        int dot = Math.Max(1, Math.Max(decoded.Width, decoded.Height) / SidePerLetterDot);
        foreach (DrawnEvidence label in labels)
        {
            if (label.Strength is { } strength)
            {
                canvas.Shade(strength, ColourOf(label.Colour));
            }
        }

        for (int i = 0; i < labels.Count; i++)
        {
            Write(canvas, labels[i].Text, 0, (i + 1) * (RasterLetters.Height + 2) * dot, dot, ColourOf(labels[i].Colour));
        }

        return Jpeg(decoded);
    }

    private static byte[] ColourOf(int number) => _colours[(int)((uint)number % _colours.Length)];

    private static byte[] Jpeg(DecodedImage decoded)
    {
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
        // Weak evidence is everywhere and would only tint the image; the strongest must not hide what it is about.
        private const double StrengthMin = .3, OpacityMax = .6;

        /// <summary>Mixes in a colour: the more the stronger, from nothing at weak strengths on.</summary>
        public void Shade(Func<double, double, double> strength, ReadOnlySpan<byte> colour)
        {
            for (int y = 0; y < Height; y++)
            {
                for (int x = 0; x < Width; x++)
                {
                    double opacity = OpacityMax * Math.Max(0, strength((x + .5) / Width, (y + .5) / Height) - StrengthMin) / (1 - StrengthMin);
                    Span<byte> pixel = Rgb.AsSpan((y * Width + x) * 3, 3);
                    for (int c = 0; c < 3 && opacity > 0; c++)
                    {
                        pixel[c] = (byte)Math.Round(pixel[c] + opacity * (colour[c] - pixel[c]));
                    }
                }
            }
        }

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
