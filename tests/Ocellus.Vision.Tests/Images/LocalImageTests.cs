using NetVips;
using Ocellus.Vision.Images;
using Xunit;

namespace Ocellus.Vision.Tests.Images;

public sealed class LocalImageTests
{
    private static readonly int[] _red = [255, 0, 0];
    private static readonly int[] _blue = [0, 0, 255];

    [Theory]
    [InlineData(".webp")]
    [InlineData(".tif")]
    [InlineData(".gif")]
    [InlineData(".avif")]
    public void Other_formats_become_png(string suffix)
    {
        using var image = Halves(128, 96);
        Sees(suffix == ".webp" ? image.WebpsaveBuffer(lossless: true) : suffix == ".avif" ? Avif(image) : image.WriteToBuffer(suffix));
    }

    [Theory]
    [InlineData(24)]
    [InlineData(32)]
    public void Bmp_is_read_though_libvips_has_no_reader_of_it(int bits) => Sees(Bmp(128, 96, bits));

    [Fact]
    public void Sixteen_bits_stay_and_unnamed_bands_are_taken_for_colours()
    {
        using var image = Halves(128, 96);
        using var wide = image.Colourspace(Enums.Interpretation.Rgb16);
        Sees(wide.TiffsaveBuffer());
        using var bands = image.Copy(interpretation: Enums.Interpretation.Multiband);
        Sees(bands.TiffsaveBuffer());
    }

    [Fact]
    public void What_fits_stays_as_it_is()
    {
        using var image = Halves(4096, 64);
        foreach (var bytes in new[] { image.JpegsaveBuffer(), image.PngsaveBuffer() })
        {
            Assert.False(LocalImage.NeedsCopy(bytes));
            Assert.Same(bytes, LocalImage.Accept(bytes));
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_large_image_is_reduced_and_keeps_its_orientation(bool jpeg)
    {
        using var image = Halves(5120, 640);
        using var turned = image.Mutate(m => m.Set(GValue.GIntType, "orientation", 6));
        var bytes = jpeg ? turned.JpegsaveBuffer() : turned.PngsaveBuffer(keep: Enums.ForeignKeep.All);
        Assert.True(LocalImage.NeedsCopy(bytes));

        var header = ImageDecoder.ReadHeader(LocalImage.Accept(bytes));

        Assert.Equal((jpeg ? ImageFormat.Jpeg : ImageFormat.Png, 4096, 512, 6), (header.Format, header.Width, header.Height, header.Orientation));
    }

    [Fact]
    public void What_cannot_be_read_is_refused_in_words()
    {
        using var image = Halves(64, 64);
        using var cast = image.Cast(Enums.BandFormat.Float);
        using var real = cast.Copy(interpretation: Enums.Interpretation.Multiband);
        Assert.Contains("numbers of the type float", Refusal(real.TiffsaveBuffer()).Message, StringComparison.Ordinal);
        Assert.Equal(ImageProblem.NotAImage, Refusal("%PDF-1.7 and more"u8.ToArray()).Problem);
        Assert.Contains("it is nothing", Refusal([]).Message, StringComparison.Ordinal);
        var webp = image.WebpsaveBuffer();
        Assert.Contains("The WebP cannot be decoded", Refusal(webp[..(webp.Length / 2)]).Message, StringComparison.Ordinal);
        var bmp = Bmp(64, 64, 24);
        Assert.Equal(ImageProblem.Truncated, Refusal(bmp[..100]).Problem);
        Assert.Contains("HEIC cannot be decoded", Refusal([0, 0, 0, 24, .. "ftypheic"u8, .. new byte[40]]).Message, StringComparison.Ordinal);
    }

    /// <summary>A bitmap's header claims more pixels than fit into memory: nothing is allocated for it.</summary>
    [Fact]
    public void A_huge_bmp_is_refused_by_its_header()
    {
        var bmp = Bmp(64, 64, 24);
        BitConverter.TryWriteBytes(bmp.AsSpan(18), 60_000);
        BitConverter.TryWriteBytes(bmp.AsSpan(22), 60_000);
        Assert.Equal(ImageProblem.TooLarge, Refusal(bmp).Problem);
    }

    private static ImageRefusedException Refusal(byte[] bytes) => Assert.Throws<ImageRefusedException>(() => LocalImage.Accept(bytes));

    private static void Sees(byte[] bytes)
    {
        Assert.True(LocalImage.NeedsCopy(bytes));
        var decoded = ImageDecoder.DecodeSquashed(LocalImage.Accept(bytes), 64, 64);
        Near(_red, decoded, 8);
        Near(_blue, decoded, 56);
    }

    private static void Near(int[] colour, DecodedImage image, int x)
    {
        var at = ((32 * image.Width) + x) * 3;
        Assert.All(Enumerable.Range(0, 3), band => Assert.InRange(image.Rgb[at + band], colour[band] - 12, colour[band] + 12));
    }

    /// <summary>Red on the left, blue on the right.</summary>
    private static Image Halves(int width, int height)
    {
        ImageDecoder.SetUp();
        using var black = Image.Black(width / 2, height, bands: 3);
        using var red = (black + new double[] { 255, 0, 0 }).Cast(Enums.BandFormat.Uchar);
        using var blue = (black + new double[] { 0, 0, 255 }).Cast(Enums.BandFormat.Uchar);
        using var both = red.Join(blue, Enums.Direction.Horizontal);
        return both.Copy(interpretation: Enums.Interpretation.Srgb);
    }

    private static byte[] Avif(Image image) => image.HeifsaveBuffer(q: 90, compression: Enums.ForeignHeifCompression.Av1, effort: 0);

    /// <summary>By hand from the format's description: two headers, then rows from the bottom up, blue first, each of a multiple of four bytes.</summary>
    private static byte[] Bmp(int width, int height, int bits)
    {
        var bytes = new byte[54 + (width * height * bits / 8)];
        "BM"u8.CopyTo(bytes);
        BitConverter.TryWriteBytes(bytes.AsSpan(2), bytes.Length);
        foreach (var (at, value) in new[] { (10, 54), (14, 40), (18, width), (22, height), (26, 1 | (bits << 16)) })
        {
            BitConverter.TryWriteBytes(bytes.AsSpan(at), value);
        }

        for (var i = 0; i < width * height; i++)
        {
            bytes[54 + (i * bits / 8) + (i % width < width / 2 ? 2 : 0)] = 255;
        }

        return bytes;
    }
}
