using System.Globalization;
using System.Runtime.InteropServices;
using NetVips;

namespace Ocellus.Vision.Images;

/// <summary>
/// Reads images. Training, evaluation and serving all go through here, so that a model sees images prepared exactly as those it
/// learned from.
/// </summary>
/// <remarks>
/// The recipe: decode a JPEG at a fraction of its size if it is at least four times as large as wanted; turn upright by EXIF; convert CMYK to sRGB
/// through its profile (or a standard one); reduce 16 bits to the upper 8; repeat grey three times; put transparency on white; resize with
/// antialiased Lanczos-3; convert RGB or grey to sRGB by the embedded profile (<see cref="ColourProfile"/>). <c>predict.py</c> of an export follows
/// the same recipe, with the same refusals: changes here must be made there too.
/// </remarks>
public static class ImageDecoder
{
    // More than any configurable limit needs; protects the memory from a caller that forgot Check.
    private const long PixelsMax = 1L << 28;

    // One row of blocks in a JPEG with subsampled colours: it is decoded at once.
    private const int StripRows = 16;

    private static readonly double[] _white = [255, 255, 255];

    // Kept alive for ever: native code calls it.
    private static readonly Log.LogDelegate _mute = static (_, _, _) => { };

    private static readonly Lazy<uint> _setUp = new(
        static () =>
        {
            NetVips.NetVips.Concurrency = 1;
            Cache.Max = 0;
            Cache.MaxMem = 0;
            Cache.MaxFiles = 0;
            NetVips.NetVips.BlockUntrusted = true;

            // Otherwise a warning for each bad line of an image goes to stderr.
            return Log.SetLogHandler("VIPS", Enums.LogLevelFlags.All, _mute);
        },
        LazyThreadSafetyMode.ExecutionAndPublication);

    /// <summary>Type, size and orientation from the content, without decoding pixels.</summary>
    /// <exception cref="ImageRefusedException">Neither JPEG nor PNG, or no readable header.</exception>
    public static ImageHeader ReadHeader(ReadOnlyMemory<byte> bytes)
    {
        var span = bytes.Span;
        var isJpeg = ImageStructure.IsJpeg(span);
        if (!isJpeg && !ImageStructure.IsPng(span))
        {
            var (name, image) = ImageStructure.Name(span);
            throw new ImageRefusedException(
                image ? ImageProblem.UnsupportedFormat : ImageProblem.NotAImage,
                string.Create(CultureInfo.InvariantCulture, $"The image must be JPEG or PNG; received {name} ({span.Length:N0} bytes)."));
        }

        var format = isJpeg ? ImageFormat.Jpeg : ImageFormat.Png;
        if (ImageStructure.Header(span) is not var (width, height, headerBytes))
        {
            throw new ImageRefusedException(
                ImageProblem.Corrupt,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The {format.Name()} has no readable header; received {span.Length:N0} bytes that begin as {format.Name()}."));
        }

        return new ImageHeader(format, width, height, Orientation(bytes[..headerBytes], isJpeg));
    }

    /// <summary>Refuses what is outside the limits.</summary>
    public static void Check(ImageHeader header, ImageLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        var small = Math.Min(header.Width, header.Height);
        var large = Math.Max(header.Width, header.Height);
        (ImageProblem Problem, string Rule)? broken =
            large > limits.SideMax ? (ImageProblem.TooLarge, string.Create(CultureInfo.InvariantCulture, $"sides of at most {limits.SideMax:N0} pixels"))
            : small < limits.SideMin ? (ImageProblem.TooSmall, string.Create(CultureInfo.InvariantCulture, $"sides of at least {limits.SideMin:N0} pixels"))
            : large > (long)small * limits.AspectMax
                ? (ImageProblem.AspectRatio, string.Create(CultureInfo.InvariantCulture, $"an aspect ratio of at most {limits.AspectMax}:1"))
            : null;
        if (broken is var (problem, rule))
        {
            throw new ImageRefusedException(
                problem,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The image must have {rule}; received {header.Format.Name()} of {header.Width:N0}×{header.Height:N0} pixels."));
        }
    }

    /// <summary>Upright, exactly <paramref name="width"/> × <paramref name="height"/>, ignoring the aspect ratio.</summary>
    public static DecodedImage DecodeSquashed(ReadOnlyMemory<byte> bytes, int width, int height) => DecodeSquashed(bytes, ReadHeader(bytes), width, height);

    /// <summary>As above, for an image whose header has been read.</summary>
    internal static DecodedImage DecodeSquashed(ReadOnlyMemory<byte> bytes, ImageHeader header, int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        return Decode(bytes, header, width, height, Fit.Squash);
    }

    /// <summary>Upright, the aspect ratio kept, the long side at most <paramref name="longSideMax"/>; never enlarged.</summary>
    public static DecodedImage DecodeUpright(ReadOnlyMemory<byte> bytes, int longSideMax) => DecodeUpright(bytes, ReadHeader(bytes), longSideMax);

    /// <summary>As above, for an image whose header has been read.</summary>
    internal static DecodedImage DecodeUpright(ReadOnlyMemory<byte> bytes, ImageHeader header, int longSideMax)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(longSideMax);
        return Decode(bytes, header, longSideMax, longSideMax, Fit.ShrinkInto);
    }

    /// <summary>Upright, the aspect ratio kept, as large as fits into <paramref name="width"/> × <paramref name="height"/>; enlarged if smaller.</summary>
    public static DecodedImage DecodeFitted(ReadOnlyMemory<byte> bytes, int width, int height) => DecodeFitted(bytes, ReadHeader(bytes), width, height);

    /// <summary>As above, for an image whose header has been read.</summary>
    internal static DecodedImage DecodeFitted(ReadOnlyMemory<byte> bytes, ImageHeader header, int width, int height)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(height);
        return Decode(bytes, header, width, height, Fit.Into);
    }

    private static DecodedImage Decode(ReadOnlyMemory<byte> bytes, ImageHeader header, int width, int height, Fit fit)
    {
        if ((long)header.Width * header.Height > PixelsMax)
        {
            throw new ImageRefusedException(
                ImageProblem.TooLarge,
                string.Create(CultureInfo.InvariantCulture, $"The image is too large to decode; received {header.Describe(bytes.Length)}."));
        }

        var buffer = AsArray(bytes);
        try
        {
            // The decoder silently fills the missing rows of a truncated PNG, so the end marker decides.
            var warning = header.Format == ImageFormat.Jpeg ? JpegEnd.Judge(ref buffer, header)
                : ImageStructure.PngEnds(buffer) ? null
                : throw ImageRefusedException.Truncated(header, bytes.Length, ", without end marker");
            var (toWidth, toHeight) = Target(header, width, height, fit);
            using var source = Source.NewFromMemory(buffer);
            var factor = Math.Min((double)header.UprightWidth / toWidth, (double)header.UprightHeight / toHeight);
            using var image = Open(source, header, factor);
            var profile = ColourProfile.Embedded(image);
            var isCmyk = image.Interpretation == Enums.Interpretation.Cmyk;
            using var rgb = ToRgb(image, profile);
            var pixels = Resized(rgb, toWidth, toHeight);
            return new DecodedImage(
                profile is null || isCmyk ? pixels : ColourProfile.ToSrgb(pixels, toWidth, toHeight, profile), toWidth, toHeight, warning);
        }
        catch (VipsException e)
        {
            throw new ImageRefusedException(
                ImageProblem.Corrupt,
                $"The image cannot be decoded; received {header.Describe(bytes.Length)}.",
                e);
        }
    }

    private static (int Width, int Height) Target(ImageHeader header, int width, int height, Fit fit)
    {
        if (fit == Fit.Squash)
        {
            return (width, height);
        }

        var scale = Math.Min((double)width / header.UprightWidth, (double)height / header.UprightHeight);
        scale = fit == Fit.ShrinkInto ? Math.Min(scale, 1) : scale;
        return (Side(header.UprightWidth, width), Side(header.UprightHeight, height));

        int Side(int side, int max) => Math.Clamp((int)Math.Round(side * scale), 1, max);
    }

    /// <summary>
    /// Opens an image that will be reduced by a factor. The JPEG decoder can leave out detail that would be lost anyway, but its filter is
    /// coarse: it stops at twice the wanted size.
    /// </summary>
    private static Image Open(Source source, ImageHeader header, double factor)
    {
        // Turning reads the image in another order than it is stored in.
        var access = header.Orientation == 1 ? Enums.Access.Sequential : Enums.Access.Random;
        return header.Format == ImageFormat.Jpeg
            ? Image.JpegloadSource(source, shrink: factor >= 16 ? 8 : factor >= 8 ? 4 : factor >= 4 ? 2 : 1, access: access, failOn: Enums.FailOn.None)
            : Image.PngloadSource(source, access: access, failOn: Enums.FailOn.Truncated);
    }

    /// <summary>Upright, three bands of a byte; CMYK by <paramref name="profile"/>, other colours as they are.</summary>
    private static Image ToRgb(Image image, byte[]? profile)
    {
        using var turned = image.Contains("orientation") ? image.Autorot() : null;
        var upright = turned ?? image;
        if (upright is { Bands: 3, Interpretation: Enums.Interpretation.Srgb, Format: Enums.BandFormat.Uchar })
        {
            return upright.Copy();
        }

        if (upright.Interpretation == Enums.Interpretation.Cmyk)
        {
            return ColourProfile.FromCmyk(upright, profile);
        }

        using var colour = upright.Colourspace(Enums.Interpretation.Srgb);
        using var flat = colour.HasAlpha() ? colour.Flatten(background: _white) : colour.Copy();
        using var three = flat.Bands > 3 ? flat.ExtractBand(0, n: 3) : flat.Copy();
        return three.Cast(Enums.BandFormat.Uchar);
    }

    private static byte[] Resized(Image rgb, int width, int height)
    {
        // Strip by strip on this thread: libvips' own write to memory passes them to another thread and back.
        using var region = Region.New(rgb);
        using var lanczos = new Lanczos(rgb.Width, rgb.Height, width, height);
        for (var y = 0; y < rgb.Height; y += StripRows)
        {
            lanczos.Add(region.Fetch(0, y, rgb.Width, Math.Min(StripRows, rgb.Height - y)));
        }

        return lanczos.Finish();
    }

    /// <param name="bytes">Only the header if possible, because libvips copies its input.</param>
    /// <param name="isJpeg">Or a PNG.</param>
    private static int Orientation(ReadOnlyMemory<byte> bytes, bool isJpeg)
    {
        // Only EXIF holds one; most images have none and need not be opened twice.
        if (bytes.Span.IndexOf(isJpeg ? "Exif\0"u8 : "eXIf"u8) < 0)
        {
            return 1;
        }

        SetUp();
        try
        {
            using var image = Image.NewFromBuffer(AsArray(bytes), access: Enums.Access.Sequential);
            return image.Contains("orientation") && image.Get("orientation") is int value and >= 1 and <= 8 ? value : 1;
        }
        catch (VipsException)
        {
            return 1;
        }
    }

    /// <summary>Prepares libvips for this process, once.</summary>
    internal static void SetUp() => _ = _setUp.Value;

    private static byte[] AsArray(ReadOnlyMemory<byte> bytes)
    {
        SetUp();
        return MemoryMarshal.TryGetArray(bytes, out var segment) && segment.Offset == 0 && segment.Array is { } whole && whole.Length == bytes.Length
            ? whole
            : bytes.ToArray();
    }

    private enum Fit
    {
        Squash,
        Into,
        ShrinkInto,
    }
}
