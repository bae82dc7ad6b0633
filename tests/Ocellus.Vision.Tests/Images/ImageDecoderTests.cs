using NetVips;
using Ocellus.Vision.Images;
using Xunit;

namespace Ocellus.Vision.Tests.Images;

public sealed class ImageDecoderTests
{
    private static readonly int[] Red = [255, 0, 0];
    private static readonly int[] Green = [0, 255, 0];
    private static readonly int[] Blue = [0, 0, 255];
    private static readonly int[] WhiteColour = [255, 255, 255];

    // The upright image, 128 × 64, has red, green / blue, white quarters. Each orientation is stored by hand:
    // the stored quarters in reading order, from the EXIF specification's row-0 and column-0 table.
    [Theory]
    [InlineData(1, "RGBW")]
    [InlineData(2, "GRWB")]
    [InlineData(3, "WBGR")]
    [InlineData(4, "BWRG")]
    [InlineData(5, "RBGW")]
    [InlineData(6, "GWRB")]
    [InlineData(7, "WGBR")]
    [InlineData(8, "BRWG")]
    public void Every_orientation_comes_out_upright(int orientation, string stored)
    {
        using var image = Quarters(stored, orientation >= 5 ? 64 : 128, orientation >= 5 ? 128 : 64);
        using var turned = image.Mutate(m => m.Set(GValue.GIntType, "orientation", orientation));
        var bytes = turned.JpegsaveBuffer(q: 95);

        var header = ImageDecoder.ReadHeader(bytes);
        Assert.Equal((orientation, 128, 64), (header.Orientation, header.UprightWidth, header.UprightHeight));

        foreach (var decoded in new[] { ImageDecoder.DecodeUpright(bytes, 128), ImageDecoder.DecodeSquashed(bytes, 128, 64) })
        {
            Assert.Equal((128, 64), (decoded.Width, decoded.Height));
            Near(Red, decoded, 32, 16);
            Near(Green, decoded, 96, 16);
            Near(Blue, decoded, 32, 48);
            Near(WhiteColour, decoded, 96, 48);
        }
    }

    [Fact]
    public void Grey_16_bit_palette_cmyk_and_transparent_images_become_rgb()
    {
        using var rgb = Quarters("RGBW", 128, 64);
        using var wide = rgb.Colourspace(Enums.Interpretation.Rgb16);
        using var cmyk = rgb.Colourspace(Enums.Interpretation.Cmyk);
        using var clear = rgb.Bandjoin(0);
        using var grey = (Image.Black(128, 64) + 77).Cast(Enums.BandFormat.Uchar);
        Near(Red, ImageDecoder.DecodeSquashed(wide.PngsaveBuffer(), 32, 32), 8, 8);
        Near(Blue, ImageDecoder.DecodeSquashed(rgb.PngsaveBuffer(palette: true), 32, 32), 8, 24);
        Near(WhiteColour, ImageDecoder.DecodeSquashed(clear.PngsaveBuffer(), 32, 32), 8, 8);
        Near([77, 77, 77], ImageDecoder.DecodeSquashed(grey.PngsaveBuffer(), 32, 32), 8, 8);
        Near([77, 77, 77], ImageDecoder.DecodeSquashed(grey.JpegsaveBuffer(), 32, 32), 8, 8);
        foreach (var keep in new[] { Enums.ForeignKeep.All, Enums.ForeignKeep.None })
        {
            var decoded = ImageDecoder.DecodeSquashed(cmyk.JpegsaveBuffer(q: 95, keep: keep), 32, 32);
            Assert.Equal(32 * 32 * 3, decoded.Rgb.Length);
            Assert.True(Pixel(decoded, 8, 8) is [> 180, < 90, < 90]);
            Assert.True(Pixel(decoded, 24, 24) is [> 240, > 240, > 240]);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_jpeg_without_its_last_20_bytes_is_decoded_with_a_warning_and_half_of_one_is_refused(bool progressive)
    {
        using var noise = Image.Gaussnoise(400, 300, mean: 128, sigma: 40, seed: 7);
        using var image = noise.Bandjoin(noise, noise).Cast(Enums.BandFormat.Uchar).Copy(interpretation: Enums.Interpretation.Srgb);
        var bytes = image.JpegsaveBuffer(q: 80, interlace: progressive);
        Assert.Null(ImageDecoder.DecodeSquashed(bytes, 64, 64).Warning);
        Assert.NotNull(ImageDecoder.DecodeSquashed(bytes.AsMemory(0, bytes.Length - 20), 64, 64).Warning);
        Refused(ImageProblem.Truncated, () => ImageDecoder.DecodeSquashed(bytes.AsMemory(0, bytes.Length / 2), 64, 64));
    }

    // Grounds and frames of one colour, noise of all strengths, smooth changes: what a cut leaves of them looks different each time.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_progressive_jpeg_cut_in_half_is_refused_whatever_it_shows(int kind)
    {
        for (var i = 0; i < 6; i++)
        {
            int width = 150 + (67 * i), height = 420 - (53 * i);
            using var noise = Image.Gaussnoise(width, height, mean: 128, sigma: 10 + (8 * i), seed: i);
            using var strip = Image.Gaussnoise(width, height / 3, mean: 180, sigma: 40, seed: i);
            using var image = kind switch
            {
                0 => noise.Copy(),
                1 => strip.Embed(0, 0, width, height, background: [200]),
                2 => strip.Embed(0, height / 2, width, height, background: [10]),
                _ => Image.Perlin(width, height, cellSize: 32, seed: i) * 100 + 128,
            };
            using var colours = image.Bandjoin(image, image * .7);
            using var pixels = colours.Cast(Enums.BandFormat.Uchar);
            using var rgb = pixels.Copy(interpretation: Enums.Interpretation.Srgb);
            var bytes = rgb.JpegsaveBuffer(q: 50 + (8 * i), interlace: true);

            Refused(ImageProblem.Truncated, () => ImageDecoder.DecodeSquashed(bytes.AsMemory(0, bytes.Length / 2), 64, 64));
            Assert.NotNull(ImageDecoder.DecodeSquashed(bytes.AsMemory(0, bytes.Length - 20), 64, 64).Warning);
        }
    }

    [Fact]
    public void A_progressive_jpeg_of_one_colour_without_its_last_20_bytes_is_decoded_with_a_warning()
    {
        using var plain = (Image.Black(222, 157, bands: 3) + new double[] { 90, 120, 60 }).Cast(Enums.BandFormat.Uchar);
        using var rgb = plain.Copy(interpretation: Enums.Interpretation.Srgb);
        var bytes = rgb.JpegsaveBuffer(q: 80, interlace: true);

        var decoded = ImageDecoder.DecodeSquashed(bytes.AsMemory(0, bytes.Length - 20), 64, 64);

        Assert.NotNull(decoded.Warning);
        Near([90, 120, 60], decoded, 32, 32);
    }

    // 150 rows: fifteen of them missing are a tenth of what is seen, and less than one row of the decoder's blocks.
    [Theory]
    [InlineData(Enums.ForeignSubsample.On)]
    [InlineData(Enums.ForeignSubsample.Off)]
    public void A_small_baseline_jpeg_that_lacks_a_tenth_is_refused(Enums.ForeignSubsample subsample)
    {
        using var noise = Image.Gaussnoise(150, 150, mean: 110, sigma: 40, seed: 7);
        using var image = noise.Bandjoin(noise, noise).Cast(Enums.BandFormat.Uchar).Copy(interpretation: Enums.Interpretation.Srgb);
        var bytes = image.JpegsaveBuffer(q: 80, subsampleMode: subsample);
        Assert.NotNull(ImageDecoder.DecodeSquashed(bytes.AsMemory(0, bytes.Length - 20), 64, 64).Warning);
        Refused(ImageProblem.Truncated, () => ImageDecoder.DecodeSquashed(bytes.AsMemory(0, bytes.Length * 9 / 10), 64, 64));
    }

    // Its last 20 bytes hold a visible part of the rows, for there are only some hundred in all.
    [Theory]
    [InlineData(96)]
    [InlineData(160)]
    [InlineData(400)]
    public void A_baseline_jpeg_of_one_colour_without_its_last_20_bytes_is_decoded_with_a_warning_and_half_of_its_rows_are_refused(int side)
    {
        using var plain = (Image.Black(side, side, bands: 3) + new double[] { 90, 120, 60 }).Cast(Enums.BandFormat.Uchar);
        using var rgb = plain.Copy(interpretation: Enums.Interpretation.Srgb);
        var bytes = rgb.JpegsaveBuffer(q: 80);
        var scan = bytes.AsSpan().LastIndexOf<byte>([0xFF, 0xDA]);
        Assert.NotNull(ImageDecoder.DecodeSquashed(bytes.AsMemory(0, bytes.Length - 20), 64, 64).Warning);
        Refused(ImageProblem.Truncated, () => ImageDecoder.DecodeSquashed(bytes.AsMemory(0, (scan + bytes.Length) / 2), 64, 64));
    }

    [Fact]
    public void A_jpeg_of_thousands_of_scans_is_refused_before_it_is_decoded()
    {
        using var noise = Image.Gaussnoise(1024, 1024, mean: 128, sigma: 40, seed: 7).Cast(Enums.BandFormat.Uchar);
        var bytes = noise.JpegsaveBuffer(q: 80, interlace: true);
        var last = bytes.AsSpan().LastIndexOf<byte>([0xFF, 0xDA]);
        byte[] scan = bytes[last..(last + 60)], bomb = [.. bytes[..^2], .. Enumerable.Repeat(scan, 2000).SelectMany(s => s), 0xFF, 0xD9];

        Assert.Contains("2,00", Refused(ImageProblem.Corrupt, () => ImageDecoder.DecodeSquashed(bomb, 64, 64)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_png_cut_in_half_is_refused()
    {
        using var image = Quarters("RGBW", 128, 64);
        var bytes = image.PngsaveBuffer(compression: 0);
        Refused(ImageProblem.Truncated, () => ImageDecoder.DecodeSquashed(bytes.AsMemory(0, bytes.Length / 2), 64, 64));
    }

    [Fact]
    public void A_huge_png_is_refused_from_its_header_alone()
    {
        byte[] bytes = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, .. "IHDR"u8, 0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF, 8, 2, 0, 0, 0];
        var before = GC.GetAllocatedBytesForCurrentThread();
        var header = ImageDecoder.ReadHeader(bytes);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 100_000);
        Assert.Equal((65535, 65535), (header.Width, header.Height));
        Assert.Contains("65,535×65,535", Refused(ImageProblem.TooLarge, () => ImageDecoder.Check(header, ImageLimits.Default)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(64, 64, null)]
    [InlineData(4096, 4096, null)]
    [InlineData(1280, 64, null)]
    [InlineData(1, 1, ImageProblem.TooSmall)]
    [InlineData(63, 64, ImageProblem.TooSmall)]
    [InlineData(4097, 4096, ImageProblem.TooLarge)]
    [InlineData(1281, 64, ImageProblem.AspectRatio)]
    public void The_limits_are_inclusive(int width, int height, ImageProblem? problem)
    {
        var header = new ImageHeader(ImageFormat.Png, width, height, 1);
        var caught = Record.Exception(() => ImageDecoder.Check(header, ImageLimits.Default));
        Assert.Equal(problem, (caught as ImageRefusedException)?.Problem);
    }

    [Fact]
    public void What_is_no_jpeg_or_png_is_named()
    {
        Assert.Contains(
            "received text (11 bytes)", Refused(ImageProblem.NotAImage, () => ImageDecoder.ReadHeader("hello world"u8.ToArray())), StringComparison.Ordinal);
        Assert.Contains("received GIF (10 bytes)", Refused(
            ImageProblem.UnsupportedFormat, () => ImageDecoder.ReadHeader("GIF89a\0\0\0\0"u8.ToArray())), StringComparison.Ordinal);
        Assert.Contains("received nothing", Refused(ImageProblem.NotAImage, () => ImageDecoder.ReadHeader(default)), StringComparison.Ordinal);
        Refused(ImageProblem.Corrupt, () => ImageDecoder.ReadHeader(new byte[] { 0xFF, 0xD8, 0xFF, 0xE0 }));
    }

    private static string Refused(ImageProblem problem, Action action)
    {
        var caught = Assert.Throws<ImageRefusedException>(action);
        Assert.Equal(problem, caught.Problem);
        return caught.Message;
    }

    private static Image Quarters(string colours, int width, int height)
    {
        var pixels = new byte[width * height * 3];
        for (var i = 0; i < width * height; i++)
        {
            var (x, y) = (i % width, i / width);
            var colour = colours[(y < height / 2 ? 0 : 2) + (x < width / 2 ? 0 : 1)];
            pixels[3 * i] = colour is 'R' or 'W' ? (byte)255 : (byte)0;
            pixels[(3 * i) + 1] = colour is 'G' or 'W' ? (byte)255 : (byte)0;
            pixels[(3 * i) + 2] = colour is 'B' or 'W' ? (byte)255 : (byte)0;
        }

        using var raw = Image.NewFromMemoryCopy(pixels, width, height, 3, Enums.BandFormat.Uchar);
        return raw.Copy(interpretation: Enums.Interpretation.Srgb);
    }

    private static int[] Pixel(DecodedImage image, int x, int y)
    {
        var at = 3 * ((y * image.Width) + x);
        return [image.Rgb[at], image.Rgb[at + 1], image.Rgb[at + 2]];
    }

    private static void Near(int[] expected, DecodedImage image, int x, int y)
    {
        var actual = Pixel(image, x, y);
        Assert.True(expected.Zip(actual).All(p => Math.Abs(p.First - p.Second) <= 6), $"at {x},{y}: {string.Join(',', actual)}");
    }
}
