using System.Globalization;

namespace Ocellus.Vision.Images;

/// <summary>The image formats that are read.</summary>
public enum ImageFormat
{
    /// <summary>JPEG, baseline or progressive.</summary>
    Jpeg,

    /// <summary>PNG.</summary>
    Png,
}

/// <summary>Names of the formats.</summary>
internal static class ImageFormats
{
    /// <summary>As commonly written.</summary>
    public static string Name(this ImageFormat format) => format == ImageFormat.Jpeg ? "JPEG" : "PNG";
}

/// <summary>Why an image was refused.</summary>
public enum ImageProblem
{
    /// <summary>The bytes are not an image (text, PDF, nothing at all).</summary>
    NotAImage,

    /// <summary>An image, but neither JPEG nor PNG.</summary>
    UnsupportedFormat,

    /// <summary>A side is shorter than allowed.</summary>
    TooSmall,

    /// <summary>A side is longer than allowed.</summary>
    TooLarge,

    /// <summary>The long side is too many times the short one.</summary>
    AspectRatio,

    /// <summary>A visible part of the image is missing.</summary>
    Truncated,

    /// <summary>The bytes begin like an image but cannot be decoded.</summary>
    Corrupt,
}

/// <summary>What the header says. Width and height are as stored; the upright ones follow the orientation.</summary>
public readonly record struct ImageHeader(ImageFormat Format, int Width, int Height, int Orientation)
{
    /// <summary>Width after the EXIF orientation is applied.</summary>
    public int UprightWidth => Orientation >= 5 ? Height : Width;

    /// <summary>Height after the EXIF orientation is applied.</summary>
    public int UprightHeight => Orientation >= 5 ? Width : Height;

    /// <summary>Format, size and bytes, for a message.</summary>
    internal string Describe(int length) =>
        string.Create(CultureInfo.InvariantCulture, $"{Format.Name()} of {Width:N0}×{Height:N0} pixels in {length:N0} bytes");
}

/// <summary>The sizes that are accepted; the bounds are inclusive.</summary>
public sealed record ImageLimits(int SideMin = 64, int SideMax = 4096, int AspectMax = 20)
{
    /// <summary>The documented limits.</summary>
    public static ImageLimits Default { get; } = new();
}

/// <summary>A warning about an image that was decoded nevertheless.</summary>
public sealed record ImageWarning(string Message);

/// <summary>Pixels, three bytes (red, green, blue) each, row by row without padding.</summary>
public sealed record DecodedImage(byte[] Rgb, int Width, int Height, ImageWarning? Warning);

/// <summary>An image is refused; the message says what was received.</summary>
public sealed class ImageRefusedException(ImageProblem problem, string message, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>The kind of problem.</summary>
    public ImageProblem Problem { get; } = problem;

    /// <summary>A visible part is missing.</summary>
    /// <param name="header">Of the image.</param>
    /// <param name="length">Its bytes.</param>
    /// <param name="detail">What shows it, for the end of the message.</param>
    internal static ImageRefusedException Truncated(ImageHeader header, int length, string detail) =>
        new(ImageProblem.Truncated, $"The image is cut short; received {header.Describe(length)}{detail}.");
}
