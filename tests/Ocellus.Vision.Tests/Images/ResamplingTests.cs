using Ocellus.Vision.Images;

namespace Ocellus.Vision.Tests.Images;

public sealed class ResamplingTests
{
    private static readonly Tone Plain = Tone.Gains(1, 1, 1, 0);

    [Fact]
    public void At_its_own_size_a_part_is_the_image_there()
    {
        DecodedImage image = Numbered(7, 5);

        float[] drawn = Draw(image, left: 2, top: 1, width: 4, height: 3, 4, 3, mirrored: false, Plain);

        Assert.Equal(
            [.. from y in Enumerable.Range(1, 3) from x in Enumerable.Range(2, 4) from c in Enumerable.Range(0, 3) select Normalised(Value(x, y, c))], drawn);
    }

    [Fact]
    public void Mirrored_columns_come_the_other_way_round()
    {
        DecodedImage image = Numbered(7, 5);

        float[] drawn = Draw(image, left: 2, top: 1, width: 4, height: 3, 4, 3, mirrored: true, Plain);

        Assert.Equal(
            [.. from y in Enumerable.Range(1, 3) from x in Enumerable.Range(2, 4).Reverse() from c in Enumerable.Range(0, 3) select Normalised(Value(x, y, c))],
            drawn);
    }

    [Fact]
    public void Shrinking_looks_at_every_pixel()
    {
        // Black and white columns in turns: a filter that skips some would answer black or white.
        var image = new DecodedImage([.. Enumerable.Range(0, 64 * 64).SelectMany(i => Enumerable.Repeat((byte)(i % 2 * 255), 3))], 64, 64, null);

        float[] drawn = Draw(image, 0, 0, 64, 64, 16, 16, mirrored: false, Plain);

        // Half of both in the middle; at the edges the triangle is cut off, 8.6 : 7.4.
        Assert.All(drawn, v => Assert.InRange(v, Normalised(118), Normalised(137)));
    }

    [Fact]
    public void What_lies_outside_the_part_has_no_share_in_it()
    {
        byte[] rgb = new byte[30 * 30 * 3];
        for (int y = 10; y < 20; y++)
        {
            rgb.AsSpan((y * 30 + 10) * 3, 10 * 3).Fill(200); // a bright square in the dark
        }

        float[] drawn = Draw(new DecodedImage(rgb, 30, 30, null), 10, 10, 10, 10, 23, 4, mirrored: true, Plain);

        Assert.All(drawn, v => Assert.Equal(Normalised(200), v, 5));
    }

    [Fact]
    public void A_window_shows_what_the_whole_shows_there()
    {
        DecodedImage image = Numbered(13, 11);
        float[] whole = Draw(image, 0, 0, 13, 11, 9, 8, mirrored: true, Plain);
        var window = new float[5 * 4 * 3];

        Resampling.Draw(image, new ResamplingAxis(0, 13, 9, 3, 8, mirrored: true), new ResamplingAxis(0, 11, 8, 2, 6, mirrored: false), Plain, window, 5 * 3);

        Assert.Equal(
            [.. from y in Enumerable.Range(2, 4) from x in Enumerable.Range(3, 5) from c in Enumerable.Range(0, 3) select whole[(y * 9 + x) * 3 + c]], window);
    }

    [Theory]
    [InlineData(1, 0, 1, 60, 120, 240)]
    [InlineData(.5f, 10, 1, 40, 70, 130)]
    [InlineData(1, 0, 0, 116, 116, 116)] // .299 · 60 + .587 · 120 + .114 · 240 = 115.74
    [InlineData(1, 0, 2, 4, 124, 255)] // cut off at 0 and 255
    public void Tones_move_the_colours(float contrast, float brightness, float saturation, int red, int green, int blue)
    {
        float[] drawn = Draw(
            new DecodedImage([60, 120, 240], 1, 1, null), 0, 0, 1, 1, 2, 1, mirrored: false, Tone.Saturated(contrast, brightness, saturation));

        Assert.Equal([red, green, blue, red, green, blue], drawn.Select(v => (int)Math.Round(v * 128 + 127)));
    }

    private static DecodedImage Numbered(int width, int height) =>
        new(
            [.. from y in Enumerable.Range(0, height) from x in Enumerable.Range(0, width) from c in Enumerable.Range(0, 3) select Value(x, y, c)], width,
            height, null);

    private static byte Value(int x, int y, int c) => (byte)((x * 37 + y * 61 + c * 89) % 256);

    private static float Normalised(int value) => (value - 127f) / 128f;

    private static float[] Draw(DecodedImage image, int left, int top, int width, int height, int toWidth, int toHeight, bool mirrored, Tone tone)
    {
        var target = new float[toWidth * toHeight * 3];
        Resampling.Draw(image, new ResamplingAxis(
            left, width, toWidth, 0, toWidth, mirrored), new ResamplingAxis(top, height, toHeight, 0, toHeight, mirrored: false), tone, target, toWidth * 3);
        return target;
    }
}
