using NetVips;

namespace Ocellus.Vision.Images;

/// <summary>Images as a browser shows them: upright, without metadata.</summary>
public static class Thumbnail
{
    private const int WebpQuality = 80, JpegQuality = 92;

    /// <summary>Effort of the encoder, 0 to 6: beyond 2 a thumbnail takes twice as long and is hardly smaller.</summary>
    private const int WebpEffort = 2;

    /// <summary>The upright image as WebP, its long side at most <paramref name="longSideMax"/> pixels; never enlarged.</summary>
    /// <exception cref="ImageRefusedException">Not an image that can be decoded.</exception>
    public static byte[] Webp(ReadOnlyMemory<byte> image, int longSideMax) =>
        Encoded(ImageDecoder.DecodeUpright(image, longSideMax), rgb => rgb.WebpsaveBuffer(q: WebpQuality, effort: WebpEffort));

    /// <summary>The upright image in its own size, as JPEG.</summary>
    /// <exception cref="ImageRefusedException">Not an image that can be decoded.</exception>
    public static byte[] UprightJpeg(ReadOnlyMemory<byte> image) =>
        Encoded(ImageDecoder.DecodeUpright(image, int.MaxValue), rgb => rgb.JpegsaveBuffer(q: JpegQuality));

    private static byte[] Encoded(DecodedImage decoded, Func<Image, byte[]> encode)
    {
        using Image raw = Image.NewFromMemory(decoded.Rgb, decoded.Width, decoded.Height, 3, Enums.BandFormat.Uchar);
        using Image rgb = raw.Copy(interpretation: Enums.Interpretation.Srgb);
        return encode(rgb);
    }
}
