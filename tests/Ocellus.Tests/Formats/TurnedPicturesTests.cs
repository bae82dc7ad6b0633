using Ocellus.Formats;

namespace Ocellus.Tests.Formats;

/// <summary>
/// Photographs that are stored turned. The stored picture is 100×60; what a person sees is 100×60 for the orientations 1 to 4, and 60×100 for 5 to 8.
/// </summary>
public sealed class TurnedPicturesTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public void Ratios_and_pixels_without_a_size_are_of_what_a_person_sees(int orientation)
    {
        using var source = new SourceFolder();
        source.Turned("a.jpg", 100, 60, orientation).Text("data.yaml", "names: [x]\n").Text("a.txt", "0 0.25 0.5 0.5 0.2\n");
        var image = Assert.Single(source.Read().Images);
        var (width, height) = orientation >= 5 ? (60, 100) : (100, 60);
        Assert.Equal((width, height), (image.Width, image.Height));
        var box = Assert.Single(image.Boxes);
        Assert.Equal((0, 0.4 * height, 0.5 * width, 0.2 * height), (box.Left, box.Top, box.Width, box.Height));

        using var table = new SourceFolder();
        table.Turned("a.jpg", 100, 60, orientation).Text("a.csv", "image,label,xmin,ymin,xmax,ymax\na.jpg,x,1,2,31,42\n");
        Assert.Equal(new ImageBox("x", 1, 2, 30, 40), Assert.Single(Assert.Single(table.Read().Images).Boxes));
    }

    [Theory]
    // The sizes are alike, so that nothing tells them apart: it is what a person sees.
    [InlineData(1, 10, 20, 30, 25)]
    [InlineData(2, 10, 20, 30, 25)]
    [InlineData(3, 10, 20, 30, 25)]
    [InlineData(4, 10, 20, 30, 25)]
    // By hand, from the box (10, 20) with 30×25 in the stored picture of 100×60.
    [InlineData(5, 20, 10, 25, 30)]
    [InlineData(6, 15, 10, 25, 30)]
    [InlineData(7, 15, 60, 25, 30)]
    [InlineData(8, 20, 60, 25, 30)]
    public void Pixels_with_the_size_of_the_stored_picture_are_turned_with_it(int orientation, double left, double top, double width, double height)
    {
        string[] forms =
        [
            """
            {"images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 60}],
                "annotations": [{"image_id": 1, "category_id": 1, "bbox": [10, 20, 30, 25]}], "categories": [{"id": 1, "name": "x"}]}
            """,
            """
            {"shapes": [{"label": "x", "points": [[10, 20], [40, 45]], "shape_type": "rectangle"}],
                "imagePath": "a.jpg", "imageWidth": 100, "imageHeight": 60}
            """,
        ];
        foreach (var form in forms)
        {
            using var source = new SourceFolder();
            source.Turned("a.jpg", 100, 60, orientation).Text("a.json", form);
            Assert.Equal(new ImageBox("x", left, top, width, height), Assert.Single(Assert.Single(source.Read().Images).Boxes));
        }
    }

    [Theory]
    [InlineData(6)]
    [InlineData(8)]
    public void Pixels_with_the_size_of_the_upright_picture_stay(int orientation)
    {
        using var source = new SourceFolder();
        source.Turned("a.jpg", 100, 60, orientation).Text(
            "a.xml",
            "<annotation><filename>a.jpg</filename><size><width>60</width><height>100</height></size>"
                + "<object><name>x</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>31</xmax><ymax>82</ymax></bndbox></object></annotation>");
        var (_, images, findings) = source.Read();
        Assert.Equal(new ImageBox("x", 1, 2, 30, 80), Assert.Single(Assert.Single(images).Boxes));
        Assert.Empty(findings.Groups);
    }

    [Theory]
    [InlineData(DataFormat.Manifest)]
    [InlineData(DataFormat.Coco)]
    [InlineData(DataFormat.Yolo)]
    [InlineData(DataFormat.Voc)]
    internal void A_turned_picture_keeps_its_boxes_on_the_way(DataFormat format)
    {
        using var source = new SourceFolder();
        source.Turned("a.jpg", 100, 60, 6).Text("a.csv", "image,label,xmin,ymin,xmax,ymax\na.jpg,x,1,2,31,92\n");
        var box = Assert.Single(Assert.Single(RoundTripTests.Convert(source, format)).Boxes);
        Assert.Equal("1.00 2.00 30.00 90.00", FormattableString.Invariant($"{box.Left:0.00} {box.Top:0.00} {box.Width:0.00} {box.Height:0.00}"));
    }
}
