using System.Numerics;

namespace Ocellus.Vision.Embeddings;

/// <summary>
/// A hash that stays nearly the same when an image is scaled, compressed or brightened: the signs of the lowest frequencies of its brightness.
/// </summary>
/// <remarks>
/// The "pHash" of Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions", section 3.2.1: a discrete cosine transform of
/// 32×32 brightness values. Signs are compared with 0, not with the median: then the hash of the mirrored image follows from that of the image.
/// </remarks>
internal static class PerceptualHash
{
    /// <summary>Frequencies along each side; the constant part has no sign of its own.</summary>
    private const int Frequencies = 8;

    /// <summary>Side of the brightness values.</summary>
    private const int Side = 32;

    private static readonly float[] _cosines = Cosines();

    /// <summary>Bits whose sign turns when the image is mirrored: those with an odd number of half waves across.</summary>
    private static readonly ulong _odd = Odd();

    /// <summary>The hash of an image.</summary>
    /// <param name="rgb">side × side × 3 bytes, interleaved, the image squashed to a square.</param>
    /// <param name="side">Pixels, a multiple of 32.</param>
    public static ulong Of(ReadOnlySpan<byte> rgb, int side)
    {
        if (side % Side != 0 || rgb.Length != side * side * 3)
        {
            throw new ArgumentException($"{rgb.Length} bytes are not an image of {side}×{side} pixels, or the side is no multiple of {Side}.", nameof(rgb));
        }

        Span<float> brightness = stackalloc float[Side * Side];
        int cell = side / Side;
        for (int y = 0; y < side; y++)
        {
            for (int x = 0; x < side; x++)
            {
                int at = (y * side + x) * 3;
                // Shares of the channels: ITU-R BT.601.
                brightness[y / cell * Side + x / cell] += .299f * rgb[at] + .587f * rgb[at + 1] + .114f * rgb[at + 2];
            }
        }

        Span<float> across = stackalloc float[Side * Frequencies];
        for (int y = 0; y < Side; y++)
        {
            for (int u = 0; u < Frequencies; u++)
            {
                float sum = 0;
                for (int x = 0; x < Side; x++)
                {
                    sum += brightness[y * Side + x] * _cosines[u * Side + x];
                }

                across[y * Frequencies + u] = sum;
            }
        }

        ulong hash = 0;
        for (int v = 0; v < Frequencies; v++)
        {
            for (int u = 0; u < Frequencies; u++)
            {
                float sum = 0;
                for (int y = 0; y < Side; y++)
                {
                    sum += across[y * Frequencies + u] * _cosines[v * Side + y];
                }

                hash |= u + v > 0 && sum > 0 ? 1UL << (v * Frequencies + u) : 0;
            }
        }

        return hash;
    }

    /// <summary>Bits in which two hashes differ, 0 to 63. Images that have nothing in common differ in about 32.</summary>
    public static int Distance(ulong a, ulong b) => BitOperations.PopCount(a ^ b);

    /// <summary>The hash of the image mirrored left to right.</summary>
    public static ulong Mirrored(ulong hash) => hash ^ _odd;

    private static float[] Cosines()
    {
        var values = new float[Frequencies * Side];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (float)Math.Cos(Math.PI * (i / Side) * (2 * (i % Side) + 1) / (2 * Side));
        }

        return values;
    }

    private static ulong Odd()
    {
        ulong bits = 0;
        for (int i = 0; i < Frequencies * Frequencies; i++)
        {
            bits |= i % 2 == 1 ? 1UL << i : 0;
        }

        return bits;
    }
}
