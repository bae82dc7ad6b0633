using System.Text;
using Ocellus.Formats;
using Ocellus.Formats.Readers;

namespace Ocellus.Tests.Formats;

public sealed class CocoReaderTests
{
    [Fact]
    public void Whatever_people_make_of_COCO_is_read_or_named()
    {
        using var source = new SourceFolder();
        source.Picture("pictures/a.b c.png").Picture("pictures/negative.PNG").Picture("pictures/third.png").Text("instances_val.json", """
            {"info": {"year": 2026},
             "annotations": [
              {"id": 1, "image_id": 10, "category_id": 7, "bbox": [10.5, 20.25, 30, 40], "area": 1200, "iscrowd": 0},
              {"id": 2, "image_id": 10, "category_id": 7, "bbox": [0, 0, 5, 5], "iscrowd": 1},
              {"id": 3, "image_id": 10, "category_id": 9, "bbox": [150, 50, 50.4, 50.3]},
              {"id": 4, "image_id": 10, "category_id": 7, "bbox": [1, 1, 0, 5]},
              {"id": 5, "image_id": 99, "category_id": 7, "bbox": [1, 1, 2, 5]},
              {"id": 6, "image_id": 10, "category_id": 5, "bbox": [1, 1, 2, 5]},
              {"id": 7, "image_id": 30, "category_id": 9, "segmentation": [[10, 20, 30, 20, 30, 60], [5, 25, 6, 26, 7, 27]]},
              {"id": 8, "image_id": 30, "category_id": 9, "bbox": [300, 300, 10, 10]},
              {"id": 9, "image_id": 30, "category_id": 9, "bbox": [150, 10, 100, 10]}
             ],
             "images": [
              {"id": 10, "file_name": "a.b c.png", "width": 200, "height": 100},
              {"id": 20, "file_name": "images/negative.png", "width": 200, "height": 100},
              {"id": 30, "file_name": "third.png", "width": 200, "height": 100},
              {"id": 40, "file_name": "gone.png", "width": 64, "height": 64},
              {"id": 50, "file_name": "../../etc/passwd"}
             ],
             "categories": [{"id": 7, "name": "rouge"}, {"id": 9, "name": "blanc"}, {"id": 3, "name": "blanc"}]}
            """);

        var (format, images, findings) = source.Read();

        Assert.Equal(DataFormat.Coco, format);
        Assert.Equal(
            ["pictures/a.b c.png", "pictures/negative.PNG", "pictures/third.png", "gone.png", "etc/passwd"], images.Select(i => i.Name));
        Assert.All(images, i => Assert.Equal((Split.Validation, true), (i.Split, i.IsForBoxes)));
        Assert.Equal([new("rouge", 10.5, 20.25, 30, 40), new("blanc", 150, 50, 50, 50)], images[0].Boxes);
        Assert.Empty(images[1].Boxes);
        Assert.Equal([new("blanc", 5, 20, 25, 40), new("blanc", 150, 10, 50, 10)], images[2].Boxes);
        Assert.Null(images[3].Picture);
        Assert.Equal(
            [
                "missing-picture at instances_val.json:17", "missing-picture at instances_val.json:18", "box-outside at instances_val.json:10",
                "empty-box at instances_val.json:6", "unknown-category at instances_val.json:8", "unknown-image at instances_val.json:7",
                "box-clipped at instances_val.json:11", "category-twice at instances_val.json:20", "crowd at instances_val.json:4",
            ],
            SourceFolder.Codes(findings));
    }

    [Fact]
    public void Pictures_are_counted_as_they_are_described_and_not_as_they_lie_there()
    {
        using var source = new SourceFolder();
        source.Picture("1.png").Picture("2.png").Picture("3.png").Picture("4.png")
            .Text("train.manifest", string.Concat(new[] { "1.png", "3.png", "1.png", "gone.png" }.Select(n => Commands.CommandLineTests.Line(n, "a") + "\n")));
        using var reader = SourceReader.Open(source.Source, new SourceOptions());
        Assert.Equal((4, 2), (reader.PictureCount, reader.CountPictures(TestContext.Current.CancellationToken)));
        Assert.Equal(2, reader.Read(TestContext.Current.CancellationToken).Count(i => i.Picture is not null));
        Assert.Single(reader.Findings.Groups, g => g.Code == "missing-picture" && g.Count == 1);
    }

    [Theory]
    // By hand: 3 columns of 4 pixels; ones from the second pixel of the first column to the third of the second.
    [InlineData("""{"size": [4, 3], "counts": [1, 6, 5]}""", 0, 0, 2, 4)]
    [InlineData("""{"size": [4, 3], "counts": [5, 2, 5]}""", 1, 1, 1, 2)]
    // As pycocotools writes [5, 2, 5]: each number plus 48 as a character.
    [InlineData("""{"size": [4, 3], "counts": "525"}""", 1, 1, 1, 2)]
    // [5, 2, 1, 2, 2]: the fourth and fifth as differences to the second and third, 0 and 1. Ones at 5, 6 (second column) and 8, 9 (third).
    [InlineData("""{"size": [4, 3], "counts": "52101"}""", 1, 0, 2, 3)]
    // [40, 50, 10] in 10 rows: 40 is 8 with 32 for "more" and then 1; 50 is 18 and 1.
    [InlineData("""{"size": [10, 10], "counts": "X1b1:"}""", 4, 0, 5, 10)]
    [InlineData("""[[1, 2, 9, 4, 5, 12]]""", 1, 2, 8, 10)]
    public void A_mask_and_a_polygon_have_the_box_around_them(string json, double left, double top, double width, double height) =>
        Assert.Equal((left, top, width, height), CocoNumbers.BoxOfShape(Encoding.UTF8.GetBytes(json)));

    [Theory]
    [InlineData("[]")]
    [InlineData("""{"size": [4, 3], "counts": [12]}""")]
    [InlineData("""{"size": [0, 0], "counts": [1, 2]}""")]
    [InlineData("\"none\"")]
    public void What_has_no_area_has_no_box(string json) => Assert.Null(CocoNumbers.BoxOfShape(Encoding.UTF8.GetBytes(json)));

    [Theory]
    [InlineData("{\"images\": [{\"id\": 1, \"file_name\": \"a.png\"}, ", "instances.json:1: this is not valid JSON.")]
    [InlineData("{\"images\": [\n{\"id\": 1, \"file_name\": \"a.png\"},\n{\"id\" 2}]}", "instances.json:3: this is not valid JSON.")]
    public void Damaged_JSON_is_refused_with_its_line(string json, string message)
    {
        using var source = new SourceFolder();
        source.Text("instances.json", json);
        Assert.StartsWith(message, Assert.Throws<InvalidDataException>(() => source.Read()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_document_may_be_UTF_16_and_larger_than_what_is_held_of_it()
    {
        using var source = new SourceFolder();
        var images = string.Join(",\n", Enumerable.Range(0, 20_000).Select(i => $$"""{"id": {{i}}, "file_name": "{{i}}.png", "width": 100, "height": 100}"""));
        source.Text("instances.json",
            $$"""{"images": [{{images}}], "annotations": [{"image_id": 19999, "category_id": "x", "bbox": ["1", 2, 3, 4]}],"""
                + """ "categories": [{"id": "x", "name": "é"}]}""",
            Encoding.Unicode);
        var read = source.Read().Images;
        Assert.Equal(20_000, read.Count);
        Assert.Equal(new ImageBox("é", 1, 2, 3, 4), Assert.Single(read[19_999].Boxes));
        Assert.Equal(20_000, read[19_999].Place.Line);
    }
}
