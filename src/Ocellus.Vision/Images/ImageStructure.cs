using System.Buffers.Binary;
using System.Text;

namespace Ocellus.Vision.Images;

/// <summary>Reads the outer structure of JPEG and PNG files without decoding pixels.</summary>
internal static class ImageStructure
{
    private static ReadOnlySpan<byte> PngSignature => [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A];

    internal static bool IsJpeg(ReadOnlySpan<byte> b) => b.Length >= 3 && b[0] == 0xFF && b[1] == 0xD8 && b[2] == 0xFF;

    internal static bool IsPng(ReadOnlySpan<byte> b) => b.StartsWith(PngSignature);

    /// <summary>Names the format by the first bytes; the flag says whether it is an image at all.</summary>
    internal static (string Name, bool Image) Name(ReadOnlySpan<byte> b)
    {
        if (b.IsEmpty)
        {
            return ("nothing", false);
        }

        if (IsJpeg(b))
        {
            return ("JPEG", true);
        }

        if (IsPng(b))
        {
            return ("PNG", true);
        }

        if (b.StartsWith("GIF87a"u8) || b.StartsWith("GIF89a"u8))
        {
            return ("GIF", true);
        }

        if (b.Length >= 12 && b.StartsWith("RIFF"u8) && b[8..].StartsWith("WEBP"u8))
        {
            return ("WebP", true);
        }

        if (b.StartsWith("II*\0"u8) || b.StartsWith("MM\0*"u8))
        {
            return ("TIFF", true);
        }

        if (b.Length >= 26 && b.StartsWith("BM"u8) && b[6..10].IndexOfAnyExcept((byte)0) < 0)
        {
            return ("BMP", true);
        }

        if (b.Length >= 12 && b[4..].StartsWith("ftyp"u8))
        {
            var brand = b[8..12];
            if (brand.SequenceEqual("avif"u8) || brand.SequenceEqual("avis"u8))
            {
                return ("AVIF", true);
            }

            return brand.SequenceEqual("heic"u8) || brand.SequenceEqual("heix"u8) || brand.SequenceEqual("mif1"u8)
                ? ("HEIC", true)
                : ("MP4 video", false);
        }

        if (b.StartsWith("\0\0\0\u000cjP  "u8))
        {
            return ("JPEG 2000", true);
        }

        if (b.StartsWith("8BPS"u8))
        {
            return ("Photoshop", true);
        }

        if (b.StartsWith("%PDF"u8))
        {
            return ("PDF", false);
        }

        if (b.StartsWith("PK\u0003\u0004"u8))
        {
            return ("ZIP", false);
        }

        if (b.Length >= 2 && b[0] == 0x1F && b[1] == 0x8B)
        {
            return ("gzip", false);
        }

        return LooksLikeText(b) ? TextKind(b) : ("unknown binary data", false);
    }

    /// <summary>
    /// Width and height from a JPEG's frame header or a PNG's IHDR, and the number of bytes with everything but pixels: in a JPEG, those before
    /// the first scan's data. Null if not found.
    /// </summary>
    internal static (int Width, int Height, int HeaderBytes)? Header(ReadOnlySpan<byte> b)
    {
        if (IsPng(b))
        {
            if (b.Length < 24 || !b[12..].StartsWith("IHDR"u8))
            {
                return null;
            }

            var width = BinaryPrimitives.ReadUInt32BigEndian(b[16..]);
            var height = BinaryPrimitives.ReadUInt32BigEndian(b[20..]);
            return width is 0 or > int.MaxValue || height is 0 or > int.MaxValue ? null : ((int)width, (int)height, b.Length);
        }

        var jpeg = WalkJpeg(b, headerOnly: true);
        return jpeg.Width > 0 && jpeg.Height > 0 ? (jpeg.Width, jpeg.Height, jpeg.LastScanData > 0 ? jpeg.LastScanData : b.Length) : null;
    }

    /// <summary>Whether a PNG's chunks reach IEND.</summary>
    internal static bool PngEnds(ReadOnlySpan<byte> b)
    {
        var at = 8L;
        while (at + 12 <= b.Length)
        {
            var chunk = b[(int)at..];
            if (chunk[4..].StartsWith("IEND"u8))
            {
                return true;
            }

            at += 12L + BinaryPrimitives.ReadUInt32BigEndian(chunk);
        }

        return false;
    }

    /// <summary>
    /// Walks the markers. Segments are skipped by their length, so the end marker of a thumbnail
    /// inside EXIF is not mistaken for the image's.
    /// </summary>
    /// <param name="b">The file.</param>
    /// <param name="headerOnly">Stops where the first scan's data begin.</param>
    internal static JpegWalk WalkJpeg(ReadOnlySpan<byte> b, bool headerOnly)
    {
        var walk = new JpegWalk();
        var at = 2;
        while (true)
        {
            // To the next marker: skips entropy-coded data, stuffed zeros, fill bytes and restart markers.
            var found = at < b.Length ? b[at..].IndexOf((byte)0xFF) : -1;
            if (found < 0 || at + found + 1 >= b.Length)
            {
                return walk;
            }

            at += found + 1;
            var marker = b[at];
            if (marker == 0xFF)
            {
                continue;
            }

            at++;
            if (marker is 0x00 or 0x01 or (>= 0xD0 and <= 0xD8))
            {
                continue;
            }

            if (marker == 0xD9)
            {
                walk.Ends = true;
                return walk;
            }

            if (at + 2 > b.Length)
            {
                walk.BrokenOff = at - 2;
                return walk;
            }

            var length = BinaryPrimitives.ReadUInt16BigEndian(b[at..]);
            if (length < 2 || at + length > b.Length)
            {
                walk.BrokenOff = at - 2;
                return walk;
            }

            var body = b.Slice(at + 2, length - 2);
            if (marker is >= 0xC0 and <= 0xCF and not (0xC4 or 0xC8 or 0xCC) && walk.Width == 0 && body.Length >= 6)
            {
                walk.Height = BinaryPrimitives.ReadUInt16BigEndian(body[1..]);
                walk.Width = BinaryPrimitives.ReadUInt16BigEndian(body[3..]);
                for (var c = 0; c < body[5] && 6 + (3 * c) < body.Length; c++)
                {
                    walk.Open[body[6 + (3 * c)]] = ulong.MaxValue;
                }
            }
            else if (marker == 0xDA)
            {
                walk.LastScanData = at + length;
                if (headerOnly)
                {
                    return walk;
                }

                walk.Scans++;
                walk.StartScan(body);
            }

            at += length;
        }
    }

    private static bool LooksLikeText(ReadOnlySpan<byte> b)
    {
        var head = b[..Math.Min(512, b.Length)];
        foreach (var c in head)
        {
            if (c < 0x20 && c is not (0x09 or 0x0A or 0x0D))
            {
                return false;
            }
        }

        // The 512 bytes may end within a multi-byte character, so the last three need not be valid.
        return !Encoding.UTF8.GetString(head)[..^Math.Min(3, Encoding.UTF8.GetString(head).Length)].Contains('\uFFFD', StringComparison.Ordinal);
    }

    private static (string Name, bool Image) TextKind(ReadOnlySpan<byte> b)
    {
        var head = Encoding.UTF8.GetString(b[..Math.Min(512, b.Length)]);
        if (head.Contains("<svg", StringComparison.OrdinalIgnoreCase))
        {
            return ("SVG", true);
        }

        return head.TrimStart().StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase)
            || head.TrimStart().StartsWith("<html", StringComparison.OrdinalIgnoreCase)
            ? ("HTML", false)
            : ("text", false);
    }

    /// <summary>What a walk through a JPEG's markers has found.</summary>
    internal sealed class JpegWalk
    {
        internal int Width { get; set; }

        internal int Height { get; set; }

        /// <summary>The end marker was found.</summary>
        internal bool Ends { get; set; }

        /// <summary>Offset of the last scan's data; 0 if there is none.</summary>
        internal int LastScanData { get; set; }

        /// <summary>Offset of a marker with an incomplete segment, which a decoder would choke on; null if there is none.</summary>
        internal int? BrokenOff { get; set; }

        /// <summary>Scans that began.</summary>
        internal int Scans { get; set; }

        /// <summary>For each component, one bit for each coefficient whose last bit no scan has begun to deliver.</summary>
        internal Dictionary<byte, ulong> Open { get; } = [];

        /// <summary>For every coefficient of every component, the scan that completes it has at least begun.</summary>
        internal bool AllScansBegun => Open.Count > 0 && Open.Values.All(open => open == 0);

        internal void StartScan(ReadOnlySpan<byte> body)
        {
            if (body.IsEmpty || body.Length < 4 + (2 * body[0]))
            {
                return;
            }

            var tail = body[(1 + (2 * body[0]))..];
            var (first, last, low) = (tail[0], Math.Min(tail[1], (byte)63), tail[2] & 15);
            if (low != 0)
            {
                return;
            }

            for (var c = 0; c < body[0]; c++)
            {
                var id = body[1 + (2 * c)];
                for (int k = first; k <= last && Open.ContainsKey(id); k++)
                {
                    Open[id] &= ~(1UL << k);
                }
            }
        }
    }
}
