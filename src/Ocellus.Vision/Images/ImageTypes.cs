using System.Globalization;

namespace Ocellus.Vision.Images;

/// <summary>The picture formats that are read.</summary>
public enum PictureFormat
{
    /// <summary>JPEG, baseline or progressive.</summary>
    Jpeg,

    /// <summary>PNG.</summary>
    Png,
}

/// <summary>Names of the formats.</summary>
internal static class PictureFormats
{
    /// <summary>As people write it.</summary>
    public static string Name(this PictureFormat format) => format == PictureFormat.Jpeg ? "JPEG" : "PNG";
}

/// <summary>Why a picture was refused.</summary>
public enum PictureProblem
{
    /// <summary>The bytes are no picture (text, PDF, nothing at all).</summary>
    NotAPicture,

    /// <summary>A picture, but neither JPEG nor PNG.</summary>
    UnsupportedFormat,

    /// <summary>A side is shorter than allowed.</summary>
    TooSmall,

    /// <summary>A side is longer than allowed.</summary>
    TooLarge,

    /// <summary>The long side is too many times the short one.</summary>
    AspectRatio,

    /// <summary>A visible part of the picture is missing.</summary>
    Truncated,

    /// <summary>The bytes begin like a picture but cannot be decoded.</summary>
    Corrupt,
}

/// <summary>What the header says. Width and height are as stored; the upright ones follow the orientation.</summary>
public readonly record struct PictureHeader(PictureFormat Format, int Width, int Height, int Orientation)
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
public sealed record PictureLimits(int SideMin = 64, int SideMax = 4096, int AspectMax = 20)
{
    /// <summary>The documented limits.</summary>
    public static PictureLimits Default { get; } = new();
}

/// <summary>A remark on a picture that was decoded all the same.</summary>
public sealed record PictureWarning(string Message);

/// <summary>Pixels, three bytes (red, green, blue) each, row by row without padding.</summary>
public sealed record DecodedPicture(byte[] Rgb, int Width, int Height, PictureWarning? Warning);

/// <summary>A picture is refused; the message says what was received.</summary>
public sealed class PictureRefusedException(PictureProblem problem, string message, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>The kind of problem.</summary>
    public PictureProblem Problem { get; } = problem;

    /// <summary>A visible part is missing.</summary>
    /// <param name="header">Of the picture.</param>
    /// <param name="length">Its bytes.</param>
    /// <param name="detail">What shows it, for the end of the message.</param>
    internal static PictureRefusedException Truncated(PictureHeader header, int length, string detail) =>
        new(PictureProblem.Truncated, $"The picture is cut short; received {header.Describe(length)}{detail}.");
}
