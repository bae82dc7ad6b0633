using System.Security.Cryptography;
using Ocellus.Vision.Images;
using Xunit;

namespace Ocellus.Vision.Tests.Images;

public sealed class LanczosTests
{
    // What Pillow 9.4 makes of the same pixels: Image.frombytes("RGB", (w, h), pixels).resize((tw, th), Image.LANCZOS).
    [Theory]
    [InlineData(5, 4, 3, 2, "186eb29e6a7aeace9ad5faafef295fd5cb7ae9cb7fbb9869776708351deb2fdd")]
    [InlineData(3, 2, 5, 4, "748aae8cb01d2b98ce96e9a10e296b851053af913948f5e6e8c389300453fc64")]
    [InlineData(40, 30, 7, 30, "195aeacf39d5c777c86dce02bec459125aedda0a9a5f4ad4e8e145ef11959842")]
    [InlineData(40, 30, 40, 9, "840edea2cc5a8ab31216c12b2eedb46a6fe9031b9b85e449b2b62785253bbde6")]
    [InlineData(61, 47, 33, 29, "69b0775ee8e1045aaf6c744459efe03aca8fca54abd5ca4edb97f1cf51bec907")]
    [InlineData(20, 300, 17, 16, "758ac59ac43d92561a6a9110a288edaa46ff052c2372bc4807ae3069f0980413")]
    [InlineData(500, 375, 224, 224, "589a6e55b0bca18ce4715d18c830077eba6b36710c4101e755b5a6d665401016")]
    [InlineData(31, 17, 224, 50, "dfb5d411dc1cf5dbdb3984ecd1e0c322d452fcebc006278c0e7bf90ddbe7e11d")]
    [InlineData(4032, 9, 224, 9, "43cabd423c9ec7ab620f247a359ad77ab1e0da50cc987819ebcaab920f384da4")]
    public void Every_byte_is_as_pillow_computes_it(int width, int height, int toWidth, int toHeight, string sha256)
    {
        foreach (var rows in new[] { 1, 7, height })
        {
            Assert.Equal(sha256, Convert.ToHexStringLower(SHA256.HashData(Resize(width, height, toWidth, toHeight, rows))));
        }
    }

    [Fact]
    public void Small_numbers_can_be_read()
    {
        byte[] expected = [80, 124, 156, 129, 139, 124, 113, 113, 176, 130, 130, 111, 116, 126, 175, 128, 173, 154];
        Assert.Equal(expected, Resize(5, 4, 3, 2, 4));
    }

    [Fact]
    public void An_image_of_the_wanted_size_stays_as_it_is() => Assert.Equal(Pixels(9, 6), Resize(9, 6, 9, 6, 5));

    [Fact]
    public void One_colour_stays_one_colour_at_any_size()
    {
        foreach (var (width, height) in new[] { (1, 1), (2, 7), (64, 64), (500, 3) })
        {
            using var lanczos = new Lanczos(width, height, 31, 17);
            lanczos.Add(Enumerable.Repeat<byte>(201, width * height * 3).ToArray());
            Assert.All(lanczos.Finish(), b => Assert.Equal(201, b));
        }
    }

    [Fact]
    public void Rows_that_are_missing_or_too_many_are_told()
    {
        using var lanczos = new Lanczos(4, 4, 2, 2);
        lanczos.Add(new byte[4 * 3 * 3]);
        Assert.Contains("3 of 4", Assert.Throws<InvalidOperationException>(() => lanczos.Finish()).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => lanczos.Add(new byte[2 * 4 * 3]));
        Assert.Throws<ArgumentOutOfRangeException>(() => lanczos.Add(new byte[5]));
    }

    private static byte[] Resize(int width, int height, int toWidth, int toHeight, int rows)
    {
        using var lanczos = new Lanczos(width, height, toWidth, toHeight);
        foreach (var strip in Pixels(width, height).Chunk(width * 3 * rows))
        {
            lanczos.Add(strip);
        }

        return lanczos.Finish();
    }

    private static byte[] Pixels(int width, int height) =>
        [.. from y in Enumerable.Range(0, height) from x in Enumerable.Range(0, width) from c in Enumerable.Range(0, 3) select (byte)(
            (x * 37) + (y * 91) + (c * 53) + (x * y * 7 % 61))];
}
