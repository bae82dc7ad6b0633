using Ocellus.Vision.Embeddings;

namespace Ocellus.Vision.Tests.Embeddings;

public sealed class PerceptualHashTests
{
    // Brightness that falls from left to right is a sum of odd half waves across, all positive, and of nothing down: bits 1, 3, 5 and 7 of the first row.
    [Fact]
    public void A_ramp_has_the_signs_of_its_waves()
    {
        ulong hash = PerceptualHash.Of(Ramp(x => (byte)(248 - 8 * x)), 32), mirrored = PerceptualHash.Of(Ramp(x => (byte)(8 * x)), 32);

        const ulong Odd = 0b1010_1010;
        Assert.Equal(Odd, hash & Odd);
        Assert.Equal(0UL, mirrored & Odd);
    }

    [Fact]
    public void The_hash_of_a_mirrored_image_follows_from_that_of_the_image()
    {
        byte[] rgb = new byte[64 * 64 * 3], mirrored = new byte[rgb.Length];
        new Random(5).NextBytes(rgb);
        for (int i = 0; i < rgb.Length; i++)
        {
            int pixel = i / 3;
            mirrored[(pixel / 64 * 64 + 63 - pixel % 64) * 3 + i % 3] = rgb[i];
        }

        Assert.Equal(PerceptualHash.Of(mirrored, 64), PerceptualHash.Mirrored(PerceptualHash.Of(rgb, 64)));
        Assert.True(PerceptualHash.Distance(PerceptualHash.Of(mirrored, 64), PerceptualHash.Of(rgb, 64)) > 10);
    }

    [Fact]
    public void Distance_counts_differing_bits() => Assert.Equal(3, PerceptualHash.Distance(0b1011, 0b0000));

    [Fact]
    public void An_image_of_another_size_is_refused() => Assert.Throws<ArgumentException>(() => PerceptualHash.Of(new byte[33 * 33 * 3], 33));

    private static byte[] Ramp(Func<int, byte> brightness) => [.. Enumerable.Range(0, 32 * 32 * 3).Select(i => brightness(i / 3 % 32))];
}
