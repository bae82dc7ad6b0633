using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using NetVips;

namespace Ocellus.Vision.Images;

/// <summary>
/// Converts images with an embedded ICC profile to sRGB by the LittleCMS of libvips: relative colorimetric, without black point compensation,
/// from 8 bits to 8 bits.
/// </summary>
/// <remarks>
/// <c>predict.py</c> of an export does the same by the LittleCMS of Pillow, bit for bit: changes here must be made there too. RGB and grey are converted
/// after resizing, when the image is small; CMYK before it, because resizing handles three channels only.
/// </remarks>
public static class ColourProfile
{
    // 4 MiB: more than any profile of a camera, scanner or printer; the largest in use, of printers, have about 2.5 MB.
    private const int BytesMax = 4 << 20;

    private const int HeaderBytes = 128;

    private const int TagBytes = 12;

    // The limit of LittleCMS.
    private const int TagsMax = 100;

    // One level of difference is less than the difference between two encoders.
    private const int SameMax = 1;

    // Maximum remembered verdicts on profiles, 50 bytes each. A site has a handful of cameras.
    private const int VerdictsMax = 1024;

    private const string Field = "icc-profile-data";

    // Levels of each channel in the grid of colours that is tested: 0, 32, …, 224, 255.
    private const int ProbeSide = 9;

    private static readonly ConcurrentDictionary<UInt128, bool> _verdicts = new();

    private static readonly byte[] _probeColours = [.. Grid(ProbeSide)];

    private static readonly byte[] _probeGreys = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];

    /// <summary>sRGB as an ICC profile: the target of every conversion. 480 bytes, by Clinton Ingram (saucecontrol), CC0.</summary>
    public static byte[] Srgb() => Image.ProfileLoad("srgb");

    /// <summary>The profile assumed for a CMYK image without a usable one. About 1 MB, by Graeme Gill, in the public domain.</summary>
    public static byte[] Cmyk() => Image.ProfileLoad("cmyk");

    /// <summary>
    /// The embedded profile of an image, if it is complete and for the image's colour space; otherwise null, as for an image without one.
    /// </summary>
    internal static byte[]? Embedded(Image image) =>
        image.Contains(Field) && image.Get(Field) is byte[] profile && IsUsable(profile, Space(image.Interpretation)) ? profile : null;

    /// <summary>The same pixels in sRGB.</summary>
    /// <param name="rgb">width × height × 3 bytes; all three equal in a grey image.</param>
    /// <param name="width">Pixels of a row.</param>
    /// <param name="height">Rows.</param>
    /// <param name="profile">The profile of the values: RGB or grey.</param>
    internal static byte[] ToSrgb(byte[] rgb, int width, int height, byte[] profile)
    {
        var grey = IsGrey(profile);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(profile, hash);
        var key = BinaryPrimitives.ReadUInt128BigEndian(hash);
        if (!_verdicts.TryGetValue(key, out var changes))
        {
            changes = Changes(profile, grey);
            if (_verdicts.Count >= VerdictsMax)
            {
                _verdicts.Clear();
            }

            _verdicts[key] = changes;
        }

        if (!changes)
        {
            return rgb;
        }

        var pixels = rgb;
        if (grey)
        {
            pixels = new byte[rgb.Length / 3];
            for (var i = 0; i < pixels.Length; i++)
            {
                pixels[i] = rgb[3 * i];
            }
        }

        return Converted(pixels, width, height, profile) ?? rgb;
    }

    /// <summary>A CMYK image in sRGB.</summary>
    internal static Image FromCmyk(Image image, byte[]? profile)
    {
        try
        {
            return image.IccTransform("srgb", intent: Enums.Intent.Relative, embedded: profile is not null, inputProfile: "cmyk", depth: 8);
        }
        catch (VipsException) when (profile is not null)
        {
            return image.IccTransform("srgb", intent: Enums.Intent.Relative, embedded: false, inputProfile: "cmyk", depth: 8);
        }
    }

    /// <summary>
    /// Most profiles are sRGB under one of many names. Those are recognised by their effect on a grid of colours, and their images stay as they are.
    /// </summary>
    private static bool Changes(byte[] profile, bool grey)
    {
        var before = grey ? _probeGreys : _probeColours;
        var after = Converted(before, grey ? before.Length : before.Length / 3, 1, profile);
        for (var i = 0; i < after?.Length; i++)
        {
            if (Math.Abs(after[i] - before[grey ? i / 3 : i]) > SameMax)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Null if LittleCMS cannot use the profile, which is then ignored.</summary>
    private static byte[]? Converted(byte[] pixels, int width, int height, byte[] profile)
    {
        var grey = IsGrey(profile);
        try
        {
            using var raw = Image.NewFromMemory(pixels, width, height, grey ? 1 : 3, Enums.BandFormat.Uchar);
            using var named = raw.Copy(interpretation: grey ? Enums.Interpretation.Bw : Enums.Interpretation.Srgb);
            using var tagged = named.Mutate(image => image.Set(GValue.BlobType, Field, profile));
            using var srgb = tagged.IccTransform("srgb", intent: Enums.Intent.Relative, embedded: true, depth: 8);
            using var region = Region.New(srgb);
            return region.Fetch(0, 0, width, height);
        }
        catch (VipsException)
        {
            return null;
        }
    }

    private static bool IsUsable(ReadOnlySpan<byte> profile, ReadOnlySpan<byte> space)
    {
        if (profile.Length is < HeaderBytes + 4 or > BytesMax || space.IsEmpty
            || BinaryPrimitives.ReadUInt32BigEndian(profile) is var length && (length < HeaderBytes + 4 || length > profile.Length)
            || !profile[36..].StartsWith("acsp"u8)
            || !profile[16..].StartsWith(space)
            || !(profile[20..].StartsWith("XYZ "u8) || profile[20..].StartsWith("Lab "u8))
            || !(profile[12..].StartsWith("mntr"u8) || profile[12..].StartsWith("scnr"u8)
                || profile[12..].StartsWith("prtr"u8) || profile[12..].StartsWith("spac"u8)))
        {
            return false;
        }

        var tags = BinaryPrimitives.ReadUInt32BigEndian(profile[HeaderBytes..]);
        if (tags is 0 or > TagsMax || HeaderBytes + 4 + (tags * TagBytes) > length)
        {
            return false;
        }

        for (var i = 0; i < tags; i++)
        {
            var tag = profile.Slice(HeaderBytes + 4 + (i * TagBytes), TagBytes);
            // Programs with any number of steps: a hostile one could take a minute.
            if (tag.StartsWith("D2B"u8) || (long)BinaryPrimitives.ReadUInt32BigEndian(tag[4..]) + BinaryPrimitives.ReadUInt32BigEndian(tag[8..]) > length)
            {
                return false;
            }
        }

        return true;
    }

    private static ReadOnlySpan<byte> Space(Enums.Interpretation colours) => colours switch
    {
        Enums.Interpretation.Srgb or Enums.Interpretation.Rgb16 => "RGB "u8,
        Enums.Interpretation.Bw or Enums.Interpretation.Grey16 => "GRAY"u8,
        Enums.Interpretation.Cmyk => "CMYK"u8,
        _ => default,
    };

    private static bool IsGrey(ReadOnlySpan<byte> profile) => profile[16..].StartsWith("GRAY"u8);

    private static IEnumerable<byte> Grid(int side)
    {
        byte Level(int i) => (byte)Math.Min(255, i * 256 / (side - 1));
        for (var i = 0; i < side * side * side; i++)
        {
            yield return Level(i / (side * side));
            yield return Level(i / side % side);
            yield return Level(i % side);
        }
    }
}
