using System.Buffers.Binary;
using System.Globalization;
using NetVips;
using StbImageSharp;

namespace Ocellus.Vision.Images;

/// <summary>
/// Images of a person's own disk. The wire takes JPEG and PNG of at most 4,096 pixels a side, as AWS does; here everything counts that libvips reads, and BMP,
/// at any size: it becomes a JPEG or PNG that <see cref="ImageDecoder"/> accepts, with its EXIF orientation and colour profile.
/// </summary>
public static class LocalImage
{
    /// <summary>Maximum bytes of a file: more than any camera writes, and little enough to be read whole.</summary>
    public const long BytesMax = 1L << 29;

    /// <summary>Maximum pixels: 16,384 × 16,384.</summary>
    private const long PixelsMax = 1L << 28;

    /// <summary>Of the copy of a large JPEG; what is lost is far below what the reduction itself takes away.</summary>
    private const int Quality = 95;

    /// <summary>Extensions by which images are found in a folder, in lower case. What is in a file is decided by its content alone.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif", ".avif", ".heic", ".heif"];

    /// <summary>Whether a name has one of the <see cref="Extensions"/>.</summary>
    public static bool IsNamed(string file) => Extensions.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase);

    /// <summary>A file as JPEG or PNG of accepted size.</summary>
    /// <exception cref="ImageRefusedException">Not an image that can be read; the message says what it is.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static byte[] Read(string file)
    {
        var length = new FileInfo(file).Length;
        // Pipes and devices have no length. To open one would wait for somebody who writes to it.
        return length == 0 ? throw new ImageRefusedException(ImageProblem.NotAImage, "The file is empty, or is no regular file.")
            : length > BytesMax
            ? throw new ImageRefusedException(ImageProblem.TooLarge, $"The image has {length:N0} bytes; the maximum is {BytesMax:N0}.")
            : Accept(File.ReadAllBytes(file));
    }

    /// <summary>The extension of a file that begins with these bytes; null if that is no image of a kind that is read.</summary>
    public static string? ExtensionOf(ReadOnlySpan<byte> head) => ImageStructure.Name(head).Name switch
    {
        "JPEG" => ".jpg",
        "TIFF" => ".tif",
        "PNG" or "WebP" or "BMP" or "GIF" or "AVIF" or "HEIC" => $".{ImageStructure.Name(head).Name.ToLowerInvariant()}",
        _ => null,
    };

    /// <summary>Whether <see cref="Accept"/> returns other bytes than it is given.</summary>
    /// <exception cref="ImageRefusedException">The bytes begin as JPEG or PNG but have no readable header.</exception>
    public static bool NeedsCopy(ReadOnlySpan<byte> bytes) => IsForeign(bytes) || IsLarge(ImageStructure.Header(bytes));

    /// <summary>An image as JPEG or PNG of accepted size: the same bytes if they are that already.</summary>
    /// <exception cref="ImageRefusedException">Not an image that can be read; the message says what it is.</exception>
    public static byte[] Accept(byte[] bytes)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        if (!NeedsCopy(bytes))
        {
            return bytes;
        }

        var (name, known) = ImageStructure.Name(bytes);
        ImageDecoder.SetUp();
        try
        {
            using var image = name == "BMP" ? Bitmap(bytes) : Image.NewFromBuffer(bytes, access: Enums.Access.Random, failOn: Enums.FailOn.Truncated);
            Check(image, name);
            var factor = Math.Min(1, (double)ImageLimits.Default.SideMax / Math.Max(image.Width, image.Height));
            using var colours = Colours(image);
            using var reduced = factor < 1 ? colours.Resize(factor) : colours.Copy();
            return name == "JPEG"
                ? reduced.JpegsaveBuffer(q: Quality, subsampleMode: Enums.ForeignSubsample.Off, keep: Enums.ForeignKeep.All)
                // Quick rather than small: it is read again at once, or lies in a training's folder until that ends.
                : reduced.PngsaveBuffer(compression: 1, keep: Enums.ForeignKeep.All);
        }
        catch (VipsException failure)
        {
            throw new ImageRefusedException(
                known ? ImageProblem.Corrupt : ImageProblem.NotAImage,
                !known ? $"This is no image that can be read; it is {name} ({bytes.Length:N0} bytes)."
                    : name == "HEIC" ? "HEIC cannot be decoded by the image library that comes with Ocellus; save the image as JPEG, PNG or WebP."
                    : $"The {name} cannot be decoded ({bytes.Length:N0} bytes); save the image as JPEG or PNG.",
                failure);
        }
    }

    private static bool IsForeign(ReadOnlySpan<byte> bytes) => !ImageStructure.IsJpeg(bytes) && !ImageStructure.IsPng(bytes);

    /// <summary>An image without a readable header is refused later, in the decoder's words.</summary>
    private static bool IsLarge((int Width, int Height, int HeaderBytes)? header) =>
        header is var (width, height, _) && Math.Max(width, height) > ImageLimits.Default.SideMax;

    private static void Check(Image image, string name)
    {
        if ((long)image.Width * image.Height > PixelsMax)
        {
            throw TooLarge(name, image.Width, image.Height);
        }

        if (image.Format is not (Enums.BandFormat.Uchar or Enums.BandFormat.Ushort))
        {
            throw new ImageRefusedException(
                ImageProblem.UnsupportedFormat,
                $"The pixels of the {name} are numbers of the type {image.Format.ToString().ToLowerInvariant()}, of which nobody knows what is black and what "
                    + "is white; save it with 8 or 16 bits.");
        }
    }

    private static ImageRefusedException TooLarge(string name, int width, int height) => new(
        ImageProblem.TooLarge,
        string.Create(CultureInfo.InvariantCulture, $"The {name} has {width:N0}×{height:N0} pixels; the maximum is {PixelsMax:N0} in all."));

    /// <summary>What a PNG can hold as it is; everything else as sRGB.</summary>
    private static Image Colours(Image image) => image.Interpretation switch
    {
        Enums.Interpretation.Srgb or Enums.Interpretation.Bw or Enums.Interpretation.Rgb16 or Enums.Interpretation.Grey16 => image.Copy(),
        Enums.Interpretation.Cmyk => ColourProfile.FromCmyk(image, ColourProfile.Embedded(image)),
        // Some cameras write TIFFs that do not say what their bands are.
        Enums.Interpretation.Multiband when image.Bands < 5 => image.Copy(interpretation: (image.Bands, image.Format) switch
        {
            ( < 3, Enums.BandFormat.Uchar) => Enums.Interpretation.Bw,
            ( < 3, _) => Enums.Interpretation.Grey16,
            (_, Enums.BandFormat.Uchar) => Enums.Interpretation.Srgb,
            _ => Enums.Interpretation.Rgb16,
        }),
        _ => image.Colourspace(Enums.Interpretation.Srgb),
    };

    /// <summary>libvips has no reader of BMP.</summary>
    private static Image Bitmap(byte[] bytes)
    {
        try
        {
            // The reader makes black of what is missing at the end; the header says how long the file should be.
            if (BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(2)) > bytes.Length)
            {
                throw new ImageRefusedException(ImageProblem.Truncated, $"The BMP is cut short ({bytes.Length:N0} bytes).");
            }

            using var stream = new MemoryStream(bytes, writable: false);
            if (ImageInfo.FromStream(stream) is { } info && (long)info.Width * info.Height > PixelsMax)
            {
                throw TooLarge("BMP", info.Width, info.Height);
            }

            var pixels = ImageResult.FromMemory(bytes, ColorComponents.RedGreenBlue);
            using var image = Image.NewFromMemoryCopy(pixels.Data, pixels.Width, pixels.Height, 3, Enums.BandFormat.Uchar);
            return image.Copy(interpretation: Enums.Interpretation.Srgb);
        }
        catch (Exception failure) when (failure is not (ImageRefusedException or OutOfMemoryException or VipsException))
        {
            // The reader throws whatever it comes upon: end of stream, index out of range, its own exceptions.
            throw new ImageRefusedException(
                ImageProblem.Corrupt, $"The BMP cannot be decoded ({bytes.Length:N0} bytes); save the image as JPEG or PNG.", failure);
        }
    }
}
