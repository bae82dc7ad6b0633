using Ocellus.Vision.Boxes;
using Ocellus.Vision.Images;
using Ocellus.Vision.Tests.Recipes;

namespace Ocellus.Vision.Tests.Images;

public sealed class ImageDrawingTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(6)]
    public void A_box_is_drawn_where_it_is_shown_and_nothing_else_changes(int orientation)
    {
        byte[] grey = new byte[320 * 240 * 3];
        Array.Fill(grey, (byte)128);
        byte[] jpeg = DrawnScenes.Encode(grey, 320, 240, orientation);

        byte[] drawn = ImageDrawing.DrawBoxes(jpeg, [new DrawnBox("ball 98 %", new Box(.25f, .5f, .5f, .25f), 1)]);

        ImageHeader header = ImageDecoder.ReadHeader(drawn);
        Assert.Equal((ImageFormat.Jpeg, 320, 240, 1), (header.Format, header.Width, header.Height, header.Orientation));
        DecodedImage image = ImageDecoder.DecodeUpright(drawn, 320);
        Assert.True(Blueish(160, 120)); // upper edge: y = 120
        Assert.True(Blueish(160, 179)); // lower edge
        Assert.True(Blueish(80, 150)); // left edge
        Assert.True(Blueish(239, 150)); // right edge
        Assert.False(Blueish(160, 150)); // inside
        Assert.False(Blueish(160, 60)); // outside
        Assert.False(Blueish(300, 230));
        // The letters stand on a bar above the box.
        Assert.Contains(Enumerable.Range(80, 50), x => Blueish(x, 113));
        Assert.Contains(Enumerable.Range(80, 50), x => image.Rgb[(115 * 320 + x) * 3 + 2] < 80); // black dots

        bool Blueish(int x, int y) => image.Rgb[(y * 320 + x) * 3 + 2] - image.Rgb[(y * 320 + x) * 3] > 60;
    }

    [Fact]
    public void Evidence_is_shaded_where_it_is_strong_and_nothing_else_changes()
    {
        byte[] grey = new byte[320 * 240 * 3];
        Array.Fill(grey, (byte)128);

        byte[] drawn = ImageDrawing.DrawEvidence(
            DrawnScenes.Encode(grey, 320, 240),
            [new DrawnEvidence("scratched 97", (x, y) => x > .5 && y > .5 ? 1 : .2, 1), new DrawnEvidence("good 3", null, 2)]);

        DecodedImage image = ImageDecoder.DecodeUpright(drawn, 320);
        Assert.True(Blueness(240, 180) > 40); // strong
        Assert.InRange(Blueness(80, 180), -5, 5); // weak
        Assert.InRange(Blueness(240, 80), -5, 5);
        Assert.True(image.Rgb[(180 * 320 + 240) * 3] > 60); // the image still shows through
        Assert.Contains(Enumerable.Range(0, 40), x => Blueness(x, 2) > 60); // the bar with the text

        int Blueness(int x, int y) => image.Rgb[(y * 320 + x) * 3 + 2] - image.Rgb[(y * 320 + x) * 3];
    }

    [Fact]
    public void Boxes_at_the_edges_and_foreign_letters_are_no_trouble()
    {
        byte[] jpeg = DrawnScenes.Encode(new byte[160 * 120 * 3], 160, 120);
        byte[] drawn = ImageDrawing.DrawBoxes(jpeg, [new DrawnBox(
            "Blutplättchen, a very long label that does not fit at all", new Box(0, 0, 1, 1), -1), new DrawnBox("", new Box(.9f, .9f, .5f, .5f), 7)], 80);
        Assert.Equal((80, 60), (ImageDecoder.ReadHeader(drawn).Width, ImageDecoder.ReadHeader(drawn).Height));
    }

    [Fact]
    public void Every_printable_character_has_its_own_dots()
    {
        string all = string.Concat(Enumerable.Range(' ' + 1, 94).Select(c => (char)c));
        Assert.Equal(94, all.Select(c => Convert.ToHexString(RasterLetters.Columns(c))).Distinct().Count());
        Assert.Equal(RasterLetters.Columns('?').ToArray(), RasterLetters.Columns('ä').ToArray());
    }
}
