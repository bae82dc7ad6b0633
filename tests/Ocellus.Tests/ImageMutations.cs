using System.Buffers.Binary;
using System.IO.Hashing;

namespace Ocellus.Tests;

/// <summary>Damages images as disks, networks and enemies do. The same seed brings the same damage.</summary>
internal static class ImageMutations
{
    private const int PngSignature = 8;

    /// <summary>One to three damages of the image.</summary>
    public static byte[] Mutate(byte[] image, Random random)
    {
        var mutated = image;
        for (var times = random.Next(1, 4); times > 0 && mutated.Length > 0; times--)
        {
            mutated = Once(mutated, random);
        }

        // A PNG reader stops at the first wrong checksum; with right ones the damage goes on to the decoder.
        return IsPng(mutated) && random.Next(2) == 0 ? WithChecksums(mutated) : mutated;
    }

    private static byte[] Once(byte[] image, Random random)
    {
        int at = random.Next(image.Length), length = random.Next(1, 1 + Math.Min(64, image.Length - at));
        switch (random.Next(8))
        {
            case 0:
                return Flipped(image, random, 0, image.Length);
            case 1:
                // Headers and tables say more than pixels do.
                return Flipped(image, random, 0, Math.Min(image.Length, 700));
            case 2:
                return image[..at];
            case 3:
                var inserted = new byte[length];
                random.NextBytes(inserted);
                return [.. image[..at], .. inserted, .. image[at..]];
            case 4:
                return [.. image[..at], .. image[(at + length)..]];
            case 5:
                var filled = (byte[])image.Clone();
                filled.AsSpan(at, length).Fill(random.Next(2) == 0 ? (byte)0 : (byte)0xFF);
                return filled;
            case 6:
                return [.. image[..(at + length)], .. image[at..]];
            default:
                return Swapped(image, random);
        }
    }

    private static byte[] Flipped(byte[] image, Random random, int from, int to)
    {
        var flipped = (byte[])image.Clone();
        for (var bits = random.Next(1, 17); bits > 0; bits--)
        {
            flipped[random.Next(from, to)] ^= (byte)(1 << random.Next(8));
        }

        return flipped;
    }

    /// <summary>Two segments of a JPEG or chunks of a PNG change places.</summary>
    private static byte[] Swapped(byte[] image, Random random)
    {
        var segments = IsPng(image) ? Chunks(image) : Segments(image);
        if (segments.Count < 2)
        {
            return image[..^1];
        }

        var one = random.Next(segments.Count - 1);
        var other = random.Next(one + 1, segments.Count);
        var (first, second) = (segments[one], segments[other]);
        return [.. image[..first.Start.Value], .. image[second], .. image[first.End..second.Start], .. image[first], .. image[second.End..]];
    }

    private static List<Range> Segments(byte[] jpeg)
    {
        var found = new List<Range>();
        for (var at = 2; at + 4 <= jpeg.Length && jpeg[at] == 0xFF && jpeg[at + 1] != 0xD9;)
        {
            var end = at + 2 + BinaryPrimitives.ReadUInt16BigEndian(jpeg.AsSpan(at + 2));
            if (jpeg[at + 1] == 0xDA)
            {
                // A scan's data goes with its header, up to the next marker that is none of its own.
                while (end + 1 < jpeg.Length && (jpeg[end] != 0xFF || jpeg[end + 1] is 0 or (>= 0xD0 and <= 0xD7)))
                {
                    end++;
                }
            }

            if (end > jpeg.Length)
            {
                break;
            }

            found.Add(at..end);
            at = end;
        }

        return found;
    }

    private static List<Range> Chunks(byte[] png)
    {
        var found = new List<Range>();
        for (var at = PngSignature; at + 12 <= png.Length;)
        {
            var end = at + 12L + BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan(at));
            if (end > png.Length)
            {
                break;
            }

            found.Add(at..(int)end);
            at = (int)end;
        }

        return found;
    }

    private static byte[] WithChecksums(byte[] png)
    {
        var mended = (byte[])png.Clone();
        foreach (var chunk in Chunks(png))
        {
            var whole = mended.AsSpan()[chunk];
            BinaryPrimitives.WriteUInt32BigEndian(whole[^4..], Crc32.HashToUInt32(whole[4..^4]));
        }

        return mended;
    }

    private static bool IsPng(byte[] image) => image is [0x89, (byte)'P', (byte)'N', (byte)'G', _, _, _, _, ..];
}
