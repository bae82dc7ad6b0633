using System.Buffers.Binary;
using NetVips;

namespace Ocellus.Vision.Tests.Images;

/// <summary>Images of all the kinds that people have, whole and damaged, each by a name.</summary>
internal static class OddImages
{
    private const int Width = 331, Height = 223;

    public static IEnumerable<(string Name, byte[] Bytes)> All() =>
        [.. Orientations(), .. Kinds(), .. Sizes(), .. Profiles(), .. Cut(), .. Markers(), .. Chunks(), .. NoImages()];

    /// <summary>Every byte of a file's head and some of its body changed, one at a time.</summary>
    public static IEnumerable<(string Name, byte[] Bytes)> Mutated(string name, byte[] bytes, int count)
    {
        var random = new Random(18);
        for (var i = 0; i < count; i++)
        {
            var changed = (byte[])bytes.Clone();
            changed[random.Next(2, i % 2 == 0 ? Math.Min(700, bytes.Length) : bytes.Length)] = (byte)random.Next(256);
            yield return ($"{name}-{i}", changed);
        }
    }

    /// <summary>Smooth and coarse, with every colour somewhere.</summary>
    public static Image Colours(int width = Width, int height = Height, int seed = 3)
    {
        using var noise = Image.Gaussnoise(width, height, mean: 0, sigma: 14, seed: seed);
        using var place = Image.Xyz(width, height);
        using var x = place[0] * (255.0 / width);
        using var y = place[1] * (255.0 / height);
        using var third = (((x + y) / 2) - 128).Abs() * 2;
        using var joined = x.Bandjoin(y, third);
        using var noisy = joined + noise;
        using var bytes = noisy.Cast(Enums.BandFormat.Uchar);
        return bytes.Copy(interpretation: Enums.Interpretation.Srgb).CopyMemory();
    }

    public static byte[] WithProfile(Image image, byte[] profile, bool png = false)
    {
        using var carrying = image.Mutate(m => m.Set(GValue.BlobType, "icc-profile-data", profile));
        return png ? carrying.PngsaveBuffer(keep: Enums.ForeignKeep.Icc) : carrying.JpegsaveBuffer(q: 92, keep: Enums.ForeignKeep.Icc);
    }

    /// <summary>A file with a segment after its start.</summary>
    public static byte[] WithSegment(byte[] jpeg, byte marker, ReadOnlySpan<byte> body) =>
        [.. jpeg[..2], 0xFF, marker, (byte)((body.Length + 2) >> 8), (byte)(body.Length + 2), .. body, .. jpeg[2..]];

    private static IEnumerable<(string, byte[])> Orientations()
    {
        using var image = Colours();
        for (var orientation = 0; orientation <= 9; orientation++)
        {
            using var turned = image.Mutate(m => m.Set(GValue.GIntType, "orientation", orientation));
            yield return ($"turned-{orientation}.jpg", turned.JpegsaveBuffer(q: 90));
            yield return ($"turned-{orientation}.png", turned.PngsaveBuffer());
        }

        using var large = Colours(1201, 907);
        using var turnedLarge = large.Mutate(m => m.Set(GValue.GIntType, "orientation", 6));
        yield return ("turned-large.jpg", turnedLarge.JpegsaveBuffer(q: 90));
    }

    private static IEnumerable<(string, byte[])> Kinds()
    {
        using var rgb = Colours();
        using var grey = rgb.Colourspace(Enums.Interpretation.Bw);
        using var wide = Image.Gaussnoise(Width, Height, mean: 30000, sigma: 9000, seed: 5).Cast(Enums.BandFormat.Ushort);
        using var wideGrey = wide.Copy(interpretation: Enums.Interpretation.Grey16);
        using var wideRgb = wide.Bandjoin(wide.Rot180(), 65535 - wide).Cast(Enums.BandFormat.Ushort).Copy(interpretation: Enums.Interpretation.Rgb16);
        using var alpha = grey.Rot180();
        using var clear = rgb.Bandjoin(alpha);
        using var greyClear = grey.Bandjoin(alpha).Copy(interpretation: Enums.Interpretation.Bw);
        using var wideClear = wideRgb.Bandjoin(wide).Copy(interpretation: Enums.Interpretation.Rgb16);
        using var wideGreyClear = wideGrey.Bandjoin(wide).Copy(interpretation: Enums.Interpretation.Grey16);
        foreach (var interlace in new[] { false, true })
        {
            var name = interlace ? "interlaced" : "plain";
            yield return ($"{name}-rgb.png", rgb.PngsaveBuffer(interlace: interlace));
            yield return ($"{name}-grey.png", grey.PngsaveBuffer(interlace: interlace));
            yield return ($"{name}-rgb16.png", wideRgb.PngsaveBuffer(interlace: interlace));
            yield return ($"{name}-grey16.png", wideGrey.PngsaveBuffer(interlace: interlace));
            yield return ($"{name}-rgba.png", clear.PngsaveBuffer(interlace: interlace));
            yield return ($"{name}-greya.png", greyClear.PngsaveBuffer(interlace: interlace));
            yield return ($"{name}-rgba16.png", wideClear.PngsaveBuffer(interlace: interlace));
            yield return ($"{name}-greya16.png", wideGreyClear.PngsaveBuffer(interlace: interlace));
            yield return ($"{name}-palette.png", rgb.PngsaveBuffer(palette: true, interlace: interlace));
            yield return ($"{name}-palette-clear.png", clear.PngsaveBuffer(palette: true, interlace: interlace));
            yield return ($"{name}-rgb.jpg", rgb.JpegsaveBuffer(q: 85, interlace: interlace));
            yield return ($"{name}-444.jpg", rgb.JpegsaveBuffer(q: 97, interlace: interlace, subsampleMode: Enums.ForeignSubsample.Off));
            yield return ($"{name}-grey.jpg", grey.JpegsaveBuffer(q: 85, interlace: interlace));
        }

        foreach (var bits in new[] { 1, 2, 4 })
        {
            yield return ($"grey-{bits}.png", grey.PngsaveBuffer(bitdepth: bits));
            yield return ($"palette-{bits}.png", rgb.PngsaveBuffer(palette: true, bitdepth: bits));
            yield return ($"grey-{bits}-key.png", WithKey(grey.PngsaveBuffer(bitdepth: bits), 1));
        }

        yield return ("grey-key.png", WithKey(grey.PngsaveBuffer(), 128));
        yield return ("rgb-key.png", WithKey((rgb & 192).PngsaveBuffer(), 128, 128, 128));
        yield return ("grey16-key.png", WithKey((wideGrey & 57344).PngsaveBuffer(), 32768));
        yield return ("rgb16-key.png", WithKey((wideRgb & 32768).PngsaveBuffer(), 32768, 32768, 0));
        using var cmyk = rgb.Colourspace(Enums.Interpretation.Cmyk);
        yield return ("cmyk.jpg", cmyk.JpegsaveBuffer(q: 95));
        yield return ("cmyk-progressive.jpg", cmyk.JpegsaveBuffer(q: 95, interlace: true, keep: Enums.ForeignKeep.None));
        yield return ("cmyk-no-profile.jpg", cmyk.JpegsaveBuffer(q: 95, keep: Enums.ForeignKeep.None));
        yield return ("cmyk-no-adobe.jpg", Without(cmyk.JpegsaveBuffer(q: 95, keep: Enums.ForeignKeep.None), 0xEE));
        yield return ("cmyk-rgb-profile.jpg", WithProfile(cmyk, TestProfiles.AdobeRgb));
        yield return ("cmyk-short-profile.jpg", WithProfile(cmyk, Image.ProfileLoad("cmyk")[..9000]));
        foreach (var smaller in new[] { 3, 5, 9, 17 })
        {
            using var large = Colours((224 * smaller) + 5, (224 * smaller) + 3);
            yield return ($"large-{smaller}.jpg", large.JpegsaveBuffer(q: 80));
        }
    }

    private static IEnumerable<(string, byte[])> Sizes()
    {
        foreach (var (width, height) in new[] { (64, 64), (63, 64), (64, 1280), (64, 1281), (4096, 300), (4097, 300), (1, 1) })
        {
            using var image = Colours(width, height);
            yield return ($"size-{width}-{height}.jpg", image.JpegsaveBuffer());
            yield return ($"size-{width}-{height}.png", image.PngsaveBuffer());
        }
    }

    private static IEnumerable<(string, byte[])> Profiles()
    {
        using var rgb = Colours();
        using var grey = rgb.Colourspace(Enums.Interpretation.Bw);
        foreach (var (name, profile) in TestProfiles.All())
        {
            yield return ($"{name}.jpg", WithProfile(TestProfiles.IsGrey(profile) ? grey : rgb, profile));
            yield return ($"{name}.png", WithProfile(TestProfiles.IsGrey(profile) ? grey : rgb, profile, png: true));
        }

        var wide = TestProfiles.ProPhoto;
        using var clear = rgb.Bandjoin(grey);
        yield return ("prophoto-clear.png", WithProfile(clear, wide, png: true));
        using var sixteen = rgb.Colourspace(Enums.Interpretation.Rgb16);
        yield return ("prophoto-16.png", WithProfile(sixteen, wide, png: true));
        using var large = Colours(2047, 1311);
        using var turned = large.Mutate(m => m.Set(GValue.GIntType, "orientation", 6));
        using var carrying = turned.Mutate(m => m.Set(GValue.BlobType, "icc-profile-data", wide));
        yield return ("prophoto-turned.jpg", carrying.JpegsaveBuffer(interlace: true));
        yield return ("grey-with-rgb-profile.jpg", Segmented(grey.JpegsaveBuffer(), wide));
        yield return ("rgb-with-grey-profile.jpg", Segmented(rgb.JpegsaveBuffer(), TestProfiles.GreyGamma));
        yield return ("rgb-with-cmyk-profile.jpg", Segmented(rgb.JpegsaveBuffer(), Image.ProfileLoad("cmyk")[..60000]));
        for (var i = 0; i < 24; i++)
        {
            var damaged = (byte[])wide.Clone();
            new Random(i).NextBytes(damaged.AsSpan(i * damaged.Length / 24, damaged.Length / 24));
            yield return ($"damaged-profile-{i}.jpg", Segmented(rgb.JpegsaveBuffer(), damaged));
        }

        yield return ("profile-cut.jpg", Segmented(rgb.JpegsaveBuffer(), wide[..^100]));
        yield return ("profile-longer.jpg", Segmented(rgb.JpegsaveBuffer(), [.. wide, 0, 0, 0]));
        yield return ("profile-empty.jpg", Segmented(rgb.JpegsaveBuffer(), []));
        var plain = rgb.JpegsaveBuffer();
        yield return ("profile-second-piece-missing.jpg", WithSegment(plain, 0xE2, [.. "ICC_PROFILE\0"u8, 1, 2, .. wide[..200]]));
        yield return ("profile-pieces-swapped.jpg", WithSegment(
            WithSegment(plain, 0xE2, [.. "ICC_PROFILE\0"u8, 1, 2, .. wide[..200]]), 0xE2, [.. "ICC_PROFILE\0"u8, 2, 2, .. wide[200..]]));
    }

    private static IEnumerable<(string, byte[])> Cut()
    {
        for (var kind = 0; kind < 4; kind++)
        {
            for (var i = 0; i < 3; i++)
            {
                int width = 150 + (67 * i), height = 420 - (53 * i);
                using var noise = Image.Gaussnoise(width, height, mean: 128, sigma: 10 + (8 * i), seed: i);
                using var strip = Image.Gaussnoise(width, height / 3, mean: 180, sigma: 40, seed: i);
                using var image = kind switch
                {
                    0 => noise.Copy(),
                    1 => strip.Embed(0, 0, width, height, background: [200]),
                    2 => strip.Embed(0, height / 2, width, height, background: [10]),
                    _ => (Image.Black(width, height) + 90),
                };
                using var rgb = image.Bandjoin(image, image * .7).Cast(Enums.BandFormat.Uchar).Copy(interpretation: Enums.Interpretation.Srgb);
                foreach (var interlace in new[] { false, true })
                {
                    var bytes = rgb.JpegsaveBuffer(q: 50 + (8 * i), interlace: interlace);
                    int[] shares = [bytes.Length * 97 / 100, bytes.Length * 9 / 10, bytes.Length / 2, bytes.Length / 5];
                    foreach (var length in (int[])[bytes.Length - 2, bytes.Length - 20, .. shares, 300, 30])
                    {
                        yield return ($"cut-{kind}-{i}-{(interlace ? "progressive" : "baseline")}-{length}.jpg", bytes[..length]);
                    }
                }
            }
        }

        using var colours = Colours();
        using var cmyk = colours.Colourspace(Enums.Interpretation.Cmyk);
        var four = cmyk.JpegsaveBuffer(keep: Enums.ForeignKeep.None);
        yield return ("cut-cmyk.jpg", four[..^20]);
        yield return ("cut-cmyk-half.jpg", four[..(four.Length / 2)]);
        var png = colours.PngsaveBuffer();
        foreach (var length in new[] { png.Length - 4, png.Length - 12, png.Length / 2, 60, 30, 20 })
        {
            yield return ($"cut-{length}.png", png[..length]);
        }
    }

    private static IEnumerable<(string, byte[])> Markers()
    {
        using var image = Colours();
        var jpeg = image.JpegsaveBuffer(q: 90);
        byte[] exif = [.. "Exif\0\0"u8, .. Enumerable.Repeat((byte)'z', 60)];
        yield return ("exif-nonsense.jpg", WithSegment(jpeg, 0xE1, exif));
        foreach (var (name, big, kind, count, value) in new[]
        {
            ("plain", false, 3, 1, 6), ("big", true, 3, 1, 6), ("two", false, 3, 2, 6), ("twelve", false, 3, 1, 12),
        })
        {
            yield return ($"exif-{name}.jpg", WithSegment(jpeg, 0xE1, Exif(big, (ushort)kind, (uint)count, (ushort)value)));
        }

        var whole = Exif(false, 3, 1, 8);
        for (var length = 6; length < whole.Length; length += 4)
        {
            yield return ($"exif-cut-{length}.jpg", WithSegment(jpeg, 0xE1, whole.AsSpan(0, length)));
        }

        byte[] far = [.. whole];
        BinaryPrimitives.WriteUInt32LittleEndian(far.AsSpan(10), 0xFFFFFFF0);
        yield return ("exif-far.jpg", WithSegment(jpeg, 0xE1, far));
        yield return ("exif-two.jpg", WithSegment(WithSegment(jpeg, 0xE1, Exif(false, 3, 1, 3)), 0xE1, Exif(false, 3, 1, 6)));
        yield return ("mpf-nonsense.jpg", WithSegment(jpeg, 0xE2, [.. "MPF\0"u8, .. exif]));
        yield return ("photoshop-nonsense.jpg", WithSegment(jpeg, 0xED, [.. "Photoshop 3.0\0"u8, .. "8BIM"u8, 3, 0xED, 255, 255, 255, 255]));
        yield return ("comment.jpg", WithSegment(jpeg, 0xFE, [0xFF, 0xD9, 0xFF, 0xD8]));
        yield return ("after-the-end.jpg", [.. jpeg, 1, 2, 3, .. jpeg]);
        yield return ("stray-bytes.jpg", [.. jpeg[..2], 0, 1, 2, .. jpeg[2..]]);
        yield return ("filled.jpg", [.. jpeg[..2], 0xFF, 0xFF, .. jpeg[2..]]);
    }

    private static IEnumerable<(string, byte[])> Chunks()
    {
        using var image = Colours();
        var png = image.PngsaveBuffer();
        yield return ("exif.png", WithChunk(png, "eXIf"u8, Exif(true, 3, 1, 5).AsSpan(6)));
        yield return ("exif-nonsense.png", WithChunk(png, "eXIf"u8, "zzzzzzzzzzzzzzzzzzzzzzzzz"u8));
        yield return ("profile-nonsense.png", WithChunk(png, "iCCP"u8, "zzz\0\0zzzzzzzzzzzzzz"u8));
        yield return ("text-nonsense.png", WithChunk(png, "zTXt"u8, "zzzzzzzzzzz"u8));
        yield return ("animated.png", WithChunk(WithChunk(png, "acTL"u8, [0, 0, 0, 2, 0, 0, 0, 0]), "fcTL"u8, new byte[26]));
        yield return ("gamma.png", WithChunk(png, "gAMA"u8, [0, 0, 0xB1, 0x8F]));
        var wrong = WithChunk(png, "tEXt"u8, "a\0b"u8);
        wrong[8 + 25 + 8] ^= 1;
        yield return ("wrong-sum-of-text.png", wrong);
        yield return ("after-the-end.png", [.. png, 1, 2, 3]);
    }

    private static IEnumerable<(string, byte[])> NoImages()
    {
        using var image = Colours();
        yield return ("empty.jpg", []);
        yield return ("text.jpg", "hello world"u8.ToArray());
        yield return ("start.jpg", [0xFF, 0xD8, 0xFF, 0xE0]);
        yield return ("gif.jpg", image.GifsaveBuffer());
        yield return ("webp.png", image.WebpsaveBuffer());
        yield return ("tiff.png", image.TiffsaveBuffer());
        yield return (
            "huge.png", [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A, 0, 0, 0, 13, .. "IHDR"u8, 0, 0, 0xFF, 0xFF, 0, 0, 0xFF, 0xFF, 8, 2, 0, 0, 0]);
    }

    private static byte[] Segmented(byte[] jpeg, byte[] profile)
    {
        const int piece = 60000;
        var pieces = profile.Length == 0 ? [[]] : profile.Chunk(piece).ToArray();
        for (var i = pieces.Length - 1; i >= 0; i--)
        {
            jpeg = WithSegment(jpeg, 0xE2, [.. "ICC_PROFILE\0"u8, (byte)(i + 1), (byte)pieces.Length, .. pieces[i]]);
        }

        return jpeg;
    }

    private static byte[] Exif(bool big, ushort kind, uint count, ushort value)
    {
        var exif = new byte[6 + 8 + 2 + 12 + 4];
        "Exif\0\0"u8.CopyTo(exif);
        void Two(int at, ushort number) => (big ? (Action)(
            () => BinaryPrimitives.WriteUInt16BigEndian(exif.AsSpan(at), number)) : () => BinaryPrimitives.WriteUInt16LittleEndian(exif.AsSpan(at), number))();
        void Four(int at, uint number) => (big ? (Action)(
            () => BinaryPrimitives.WriteUInt32BigEndian(exif.AsSpan(at), number)) : () => BinaryPrimitives.WriteUInt32LittleEndian(exif.AsSpan(at), number))();
        exif[6] = exif[7] = (byte)(big ? 'M' : 'I');
        Two(8, 42);
        Four(10, 8);
        Two(14, 1);
        Two(16, 0x0112);
        Two(18, kind);
        Four(20, count);
        Two(24, value);
        return exif;
    }

    /// <summary>A PNG whose pixels of one colour are transparent.</summary>
    private static byte[] WithKey(byte[] png, params ushort[] key)
    {
        var body = new byte[2 * key.Length];
        for (var i = 0; i < key.Length; i++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(body.AsSpan(2 * i), key[i]);
        }

        return WithChunk(png, "tRNS"u8, body);
    }

    /// <summary>A PNG with a chunk after its header.</summary>
    private static byte[] WithChunk(byte[] png, ReadOnlySpan<byte> name, ReadOnlySpan<byte> body)
    {
        const int header = 8 + 25;
        var length = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, body.Length);
        byte[] inner = [.. name, .. body];
        var sum = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(sum, Crc32(inner));
        return [.. png[..header], .. length, .. inner, .. sum, .. png[header..]];
    }

    private static byte[] Without(byte[] jpeg, byte marker)
    {
        var at = jpeg.AsSpan().IndexOf<byte>([0xFF, marker]);
        return [.. jpeg[..at], .. jpeg[(at + 2 + BinaryPrimitives.ReadUInt16BigEndian(jpeg.AsSpan(at + 2)))..]];
    }

    private static uint Crc32(byte[] bytes)
    {
        var sum = uint.MaxValue;
        foreach (var b in bytes)
        {
            sum ^= b;
            for (var i = 0; i < 8; i++)
            {
                sum = (sum & 1) != 0 ? (sum >> 1) ^ 0xEDB88320 : sum >> 1;
            }
        }

        return ~sum;
    }
}
