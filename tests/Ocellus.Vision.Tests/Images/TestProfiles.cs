using System.Buffers.Binary;
using System.Text;
using Ocellus.Vision.Images;

namespace Ocellus.Vision.Tests.Images;

/// <summary>ICC profiles of well-known colour spaces, made from their published numbers.</summary>
internal static class TestProfiles
{
    private static readonly double[] SrgbCurve = [2.4, 1 / 1.055, .055 / 1.055, 1 / 12.92, .04045];

    // Red, green and blue as XYZ under D50, from the spaces' specifications.
    public static byte[] ProPhoto { get; } = Make("RGB ", Gamma(1.8), [.7977, .2880, 0], [.1352, .7119, 0], [.0313, .0001, .8249]);

    public static byte[] AdobeRgb { get; } = Make("RGB ", Gamma(563 / 256.0), [.6097, .3111, .0195], [.2053, .6257, .0609], [.1492, .0632, .7446]);

    public static byte[] DisplayP3 { get; } = Make("RGB ", Parametric(SrgbCurve), [.5151, .2412, -.0011], [.2920, .6922, .0419], [.1571, .0666, .7841]);

    /// <summary>sRGB as scanners and cameras write it: other bytes than the one that is converted to, the same colours.</summary>
    public static byte[] Srgb { get; } = Make("RGB ", Parametric(SrgbCurve), [.4361, .2225, .0139], [.3851, .7169, .0971], [.1431, .0606, .7141]);

    public static byte[] LinearRgb { get; } = Make("RGB ", Gamma(1), [.4361, .2225, .0139], [.3851, .7169, .0971], [.1431, .0606, .7141]);

    public static byte[] GreyGamma { get; } = Make("GRAY", Gamma(1.4));

    public static byte[] GreySrgb { get; } = Make("GRAY", Parametric(SrgbCurve));

    public static IEnumerable<(string Name, byte[] Profile)> All() =>
    [
        ("prophoto", ProPhoto), ("adobe-rgb", AdobeRgb), ("display-p3", DisplayP3), ("srgb", Srgb), ("linear", LinearRgb),
        ("grey-gamma", GreyGamma), ("grey-srgb", GreySrgb), ("srgb-itself", ColourProfile.Srgb()),
    ];

    public static bool IsGrey(byte[] profile) => profile.AsSpan(16).StartsWith("GRAY"u8);

    private static byte[] Make(string space, byte[] curve, params double[][] primaries)
    {
        var text = Encoding.ASCII.GetBytes("test");
        byte[] description = [.. "desc"u8, 0, 0, 0, 0, 0, 0, 0, (byte)(text.Length + 1), .. text, 0, .. new byte[78]];
        List<(string Name, byte[] Body)> tags = [("desc", description), ("cprt", [.. "text"u8, 0, 0, 0, 0, .. "none\0"u8]), ("wtpt", Xyz([.9642, 1, .8249]))];
        for (var i = 0; i < primaries.Length; i++)
        {
            tags.Add(("rgb"[i] + "XYZ", Xyz(primaries[i])));
            tags.Add(("rgb"[i] + "TRC", curve));
        }

        if (primaries.Length == 0)
        {
            tags.Add(("kTRC", curve));
        }

        var table = new List<byte>();
        var body = new List<byte>();
        var start = 128 + 4 + (12 * tags.Count);
        foreach (var (name, content) in tags)
        {
            table.AddRange([.. Encoding.ASCII.GetBytes(name), .. Number(start + body.Count), .. Number(content.Length)]);
            body.AddRange([.. content, .. new byte[-content.Length & 3]]);
        }

        byte[] header =
        [
            .. Number(start + body.Count), .. "none"u8, 2, 0x40, 0, 0, .. "mntr"u8, .. Encoding.ASCII.GetBytes(space), .. "XYZ "u8,
            7, 232, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, .. "acsp"u8, .. new byte[28], .. Fixed(.9642), .. Fixed(1), .. Fixed(.8249), .. new byte[48],
        ];
        return [.. header, .. Number(tags.Count), .. table, .. body];
    }

    private static byte[] Xyz(double[] values) => [.. "XYZ "u8, 0, 0, 0, 0, .. values.SelectMany(Fixed)];

    private static byte[] Gamma(double gamma) => [.. "curv"u8, 0, 0, 0, 0, 0, 0, 0, 1, .. Number((int)Math.Round(gamma * 256))[2..]];

    private static byte[] Parametric(double[] values) => [.. "para"u8, 0, 0, 0, 0, 0, 3, 0, 0, .. values.SelectMany(Fixed)];

    private static byte[] Fixed(double value) => Number((int)Math.Round(value * 65536));

    private static byte[] Number(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }
}
