using Ocellus.Vision.Images;

namespace Ocellus.Vision.Tests.Images;

public sealed class JpegTruncationTests
{
    private const byte Grey = JpegTruncation.MidGrey;

    [Fact]
    public void Rows_that_the_only_scan_left_grey_are_missing_with_the_end_of_those_above()
    {
        // Five rows of four pixels, one byte each. Two rows are grey, and of the row above them three of four values; the row above that is whole.
        byte[] pixels = [1, 2, 3, 4, 1, 2, 3, 4, 9, Grey, Grey, Grey, Grey, Grey, Grey, Grey, Grey, Grey, Grey, Grey];
        Assert.Equal(2.75, JpegTruncation.MissingRows(pixels, [], height: 5, bands: 1));
    }

    [Fact]
    public void Rows_that_the_last_scan_did_not_reach_are_missing_unless_they_are_of_one_colour()
    {
        byte[] pixels = [1, 2, 3, 4, 5, 6, 7, 7, 7, 8, 9, 8], before = [0, 2, 3, 4, 5, 6, 7, 7, 7, 8, 9, 8];
        Assert.Equal(2, JpegTruncation.MissingRows(pixels, before, height: 4, bands: 1)); // 8 9 8 and 4 5 6; 7 7 7 has nothing to refine, and 1 2 3 was refined
    }

    [Theory]
    [InlineData(30, 1000, 100_000, false)] // 3 % is the maximum that is no loss
    [InlineData(31, 1000, 100_000, true)]
    [InlineData(15, 400, 100_000, false)] // 3.75 %, but less than a row of MCUs
    [InlineData(17, 400, 100_000, true)]
    [InlineData(9, 150, 100_000, false)] // 6 % of a small image
    [InlineData(10, 150, 100_000, true)] // more than a sixteenth
    [InlineData(50, 150, 128, false)] // a third is missing, and two thirds took 128 bytes: 64 are missing
    [InlineData(50, 150, 130, true)] // 65
    [InlineData(60, 150, 10, true)] // no count of bytes excuses four tenths
    public void The_loss_of_a_single_scan_is_judged_by_rows_and_bytes(double missing, int height, int scanBytes, bool visible) =>
        Assert.Equal(visible, JpegTruncation.IsVisible(missing, height, scanBytes));

    [Theory]
    [InlineData(16, 150, false)] // a row of MCUs
    [InlineData(17, 150, true)]
    [InlineData(17, 600, false)] // 2.8 %
    public void The_loss_of_a_progressive_image_is_judged_by_rows_alone(double missing, int height, bool visible) =>
        Assert.Equal(visible, JpegTruncation.IsVisible(missing, height, scanBytes: null));

    [Theory]
    [InlineData(40, 4096, 4096, false)]
    [InlineData(41, 4096, 4096, true)]
    [InlineData(2688, 100, 100, false)] // as many as the format allows, over few pixels
    public void Forty_scans_of_the_largest_image_are_the_maximum(int scans, int width, int height, bool tooMany) =>
        Assert.Equal(tooMany, JpegTruncation.HasTooManyScans(scans, width, height));

    [Fact]
    public void One_colour_is_flat_whatever_its_bands()
    {
        Assert.True(JpegTruncation.IsFlat([1, 2, 3, 1, 2, 3], bands: 3));
        Assert.False(JpegTruncation.IsFlat([1, 2, 3, 1, 2, 4], bands: 3));
        Assert.False(JpegTruncation.IsFlat([1, 2, 3, 1, 2, 3], bands: 1));
    }
}
