using System.Text;
using Ocellus.Formats;
using Ocellus.Refusals;

namespace Ocellus.Tests.Formats;

public sealed class OtherFormatsTests
{
    [Fact]
    public void Yolo_as_it_comes_is_read_or_named()
    {
        using var source = new SourceFolder();
        source.Text("data.yaml", "train: ../train/images\nval: valid/images\nnc: 2\nnames: ['no', \"yes: maybe\"]\n")
            .Picture("train/images/a.png").Text("train/labels/a.txt", "1 0.5 0.5 0.5 0.5\r\n0 0.1 0.1 0.2 0.2 0.99\r\n")
            .Picture("train/images/empty.png").Text("train/labels/empty.txt", "")
            .Picture("train/images/none.png")
            .Picture("valid/images/a.png").Text("valid/labels/a.txt", "2 0.5 0.5 0.5 0.5\n0 0.1 0.1 0.3 0.1 0.3 0.5\n\nbad line\n0 0.1 0.1 0.2\n")
            .Text("valid/labels/alone.txt", "0 0.5 0.5 0.1 0.1\n");

        var (format, images, findings) = source.Read();

        Assert.Equal(DataFormat.Yolo, format);
        Assert.Equal(
            [("train/images/a.png", Split.Train), ("train/images/empty.png", Split.Train), ("train/images/none.png", Split.Train),
                ("valid/images/a.png", Split.Validation)],
            images.Select(i => (i.Name, i.Split)));
        Assert.All(images, i => Assert.True(i.IsForBoxes));
        Assert.Equal(["yes: maybe 50 25 100 50", "no 0 0 40 20"], images[0].Boxes.Select(Text));
        Assert.Equal(["no 20 10 40 40"], images[3].Boxes.Select(Text));
        Assert.Equal(
            [
                "bad-line at valid/labels/a.txt:4", "bad-line at valid/labels/a.txt:5", "labels-without-picture at valid/labels/alone.txt",
                "unknown-class at valid/labels/a.txt:1", "no-label-file at train/images/none.png",
            ],
            SourceFolder.Codes(findings));
    }

    [Fact]
    public void Yolo_without_names_says_what_is_missing()
    {
        using var source = new SourceFolder();
        source.Picture("images/a.png").Text("labels/a.txt", "0 0.5 0.5 0.5 0.5\n");
        var refusal = Assert.Throws<CommandRefusedException>(() => source.Read());
        Assert.Contains("Add data.yaml, such as `names: [ripe, unripe]`, or classes.txt", refusal.Message, StringComparison.Ordinal);
        source.Text("classes.txt", "ripe\n");
        Assert.Equal("ripe 50 25 100 50", Text(Assert.Single(source.Read().Images[0].Boxes)));
    }

    [Fact]
    public void Voc_with_a_wrong_size_a_truncated_picture_and_difficult_things_is_read()
    {
        using var source = new SourceFolder();
        source.Picture("JPEGImages/a.png").Bytes("JPEGImages/b.jpg", [0xFF, 0xD8, 0xFF, 0xE0, 0, 16]).Picture("JPEGImages/c.png")
            .Text("ImageSets/Main/train.txt", "a\n").Text("ImageSets/Main/test.txt", "b\nc\n")
            .Text("Annotations/a.xml", """
                <?xml version="1.0" encoding="utf-16"?>
                <annotation><filename>renamed.jpg</filename><size><width>400</width><height>300</height></size>
                <object><name> ripe </name><difficult>1</difficult><bndbox><xmin>10</xmin><ymin>20.5</ymin><xmax>50</xmax><ymax>60</ymax></bndbox></object>
                <object><name>ripe</name><bndbox><xmin>10</xmin></bndbox></object>
                </annotation>
                """)
            .Text("Annotations/b.xml",
                "<annotation><filename>b.jpg</filename><size><width>90</width><height>80</height></size>"
                    + "<object><name>x</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object></annotation>")
            .Text("Annotations/c.xml", "<annotation><filename>c.png</filename><size><width>100</width><height>50</height></size></annotation>")
            .Text("Annotations/d.xml", "<annotation><filename>d.png</filename>");

        var (format, images, findings) = source.Read();

        Assert.Equal(DataFormat.Voc, format);
        Assert.Equal([("JPEGImages/a.png", Split.Train), ("JPEGImages/b.jpg", Split.Test), ("JPEGImages/c.png", Split.Test)],
            images.Select(i => (i.Name, i.Split)));
        Assert.Equal("ripe 10 20.5 40 39.5", Text(Assert.Single(images[0].Boxes)));
        Assert.Equal((200, 100), (images[2].Width, images[2].Height));
        Assert.True(images[2].IsForBoxes);
        Assert.Equal(
            ["bad-box at Annotations/a.xml:4", "bad-xml at Annotations/d.xml:1", "unreadable-picture at JPEGImages/b.jpg", "difficult at Annotations/a.xml:3",
                "wrong-size at Annotations/a.xml:1"],
            SourceFolder.Codes(findings));
    }

    [Theory]
    [InlineData("\ufeffFilename;Class;X Min;Y Min;X Max;Y Max\r\n\"a.png\";\"ri\"\"pe\";10,5;20;50;60\r\n", "ri\"pe 10.5 20 39.5 40")]
    [InlineData("a.png,10,20,50,60,ripe\n", "ripe 10 20 40 40")]
    [InlineData("a.png,ripe,0.05,0.2,0.25,0.6\n", "ripe 10 20 40 40")]
    [InlineData("filename,width,height,class,xmin,ymin,xmax,ymax\na.png,200,100,ripe,50,60,10,20\n", "ripe 10 20 40 40")]
    [InlineData("image\tlabel\tx\ty\twidth\theight\na.png\tripe\t10\t20\t40\t40\n", "ripe 10 20 40 40")]
    [InlineData("image,label,x_center,y_center,w,h\na.png,ripe,30,40,40,40\n", "ripe 10 20 40 40")]
    [InlineData("TRAIN,gs://bucket/x/a.png,ripe,0.05,0.2,,,0.25,0.6,,\n", "ripe 10 20 40 40")]
    [InlineData("ImageID,LabelName,XMin,XMax,YMin,YMax\na,ripe,0.05,0.25,0.2,0.6\n", "ripe 10 20 40 40")]
    public void Tables_with_boxes_are_read_in_the_forms_that_people_use(string text, string box)
    {
        using var source = new SourceFolder();
        source.Picture("pictures/a.png").Text("boxes.csv", text);
        var (format, images, findings) = source.Read();
        Assert.Equal((DataFormat.Csv, 0), (format, findings.Groups.Count));
        Assert.Equal(box, Text(Assert.Single(Assert.Single(images).Boxes)));
    }

    [Theory]
    [InlineData("image,label\na.png,ripe\nb.png,bad\na.png,green\n", "ripe+green bad")]
    [InlineData("a.png;ripe\nb.png;bad\n", "ripe bad")]
    [InlineData("a.png,3\nb.png,4\n", "3 4")]
    [InlineData("filename, ripe, green\na.png,1,1\nb.png,0,1\n", "ripe+green green")]
    [InlineData("label,file_path\nripe,a.png\nbad,b.png\n", "ripe bad")]
    public void Tables_with_labels_are_read_in_the_forms_that_people_use(string text, string labels)
    {
        using var source = new SourceFolder();
        source.Picture("a.png").Picture("b.png").Text("labels.csv", text, Encoding.Unicode);
        Assert.Equal(labels, string.Join(' ', source.Read().Images.Select(i => string.Join('+', i.Labels))));
    }

    [Fact]
    public void A_table_whose_rows_are_wrong_names_their_lines()
    {
        using var source = new SourceFolder();
        source.Picture("a.png").Picture("one/b.png").Picture("two/b.png")
            .Text("boxes.csv", "image,label,xmin,ymin,xmax,ymax\na.png,ripe,1,2,x,4\n,ripe,1,2,3,4\nb.png,ripe,1,2,3,4\na.png,,1,2,3,4\n");
        Assert.Equal(
            ["bad-row at boxes.csv:2", "bad-row at boxes.csv:5", "ambiguous-picture at boxes.csv:4", "no-name at boxes.csv:3"],
            SourceFolder.Codes(source.Read().Findings));
    }

    [Fact]
    public void LabelMe_is_read()
    {
        using var source = new SourceFolder();
        source.Picture("pictures/a.png").Text("json/a.json", """
            {"version": "5.4.1", "flags": {"blurred": true, "dark": false}, "shapes": [
             {"label": "ripe", "points": [[50, 60], [10, 20]], "shape_type": "rectangle"},
             {"label": "stem", "points": [[30, 40], [30, 50]], "shape_type": "circle"},
             {"label": "leaf", "points": [[1, 2], [11, 2], [5, 9]], "shape_type": "polygon"},
             {"label": "tip", "points": [[1, 2]], "shape_type": "point"}],
             "imagePath": "..\\pictures\\a.png", "imageData": null, "imageHeight": 100, "imageWidth": 200}
            """);
        var (format, images, findings) = source.Read();
        Assert.Equal((DataFormat.LabelMe, "pictures/a.png"), (format, Assert.Single(images).Name));
        Assert.Equal(["ripe 10 20 40 40", "stem 20 30 20 20", "leaf 1 2 10 7"], images[0].Boxes.Select(Text));
        Assert.Equal(["blurred"], images[0].Labels);
        Assert.Equal(["no-area at json/a.json"], SourceFolder.Codes(findings));
    }

    [Fact]
    public void Label_Studio_is_read_with_its_turned_boxes_and_choices()
    {
        using var source = new SourceFolder();
        source.Picture("images/a.png").Picture("images/b.png").Text("export.json", """
            [{"id": 1, "data": {"image": "/data/upload/3/0123abcd-a.png"}, "annotations": [
               {"was_cancelled": true, "result": []},
               {"result": [
                 {"type": "rectanglelabels", "original_width": 200, "original_height": 100,
                  "value": {"x": 5, "y": 20, "width": 20, "height": 40, "rotation": 0, "rectanglelabels": ["ripe"]}},
                 {"type": "rectanglelabels", "original_width": 200, "original_height": 100,
                  "value": {"x": 50, "y": 20, "width": 10, "height": 10, "rotation": 90, "rectanglelabels": ["turned"]}},
                 {"type": "polygonlabels", "original_width": 200, "original_height": 100, 
                  "value": {"points": [[0, 0], [10, 0], [10, 30]], "polygonlabels": ["leaf"]}}]}]},
             {"id": 2, "data": {"image": "s3://bucket/b.png"}, "annotations": [{"result": [{"type": "choices", "value": {"choices": ["good", "dry"]}}]}]}]
            """);
        var (format, images, findings) = source.Read();
        Assert.Equal((DataFormat.LabelStudio, 0), (format, findings.Groups.Count));
        // 20×10 pixels turned clockwise by 90° around their upper left corner at (100, 20).
        Assert.Equal(["ripe 10 20 40 40", "turned 90 20 10 20", "leaf 0 0 20 30"], images[0].Boxes.Select(Text));
        Assert.Equal(["good", "dry"], images[1].Labels);
        Assert.False(images[1].IsForBoxes);
    }

    [Fact]
    public void Label_Studio_JSON_MIN_is_read()
    {
        using var source = new SourceFolder();
        source.Picture("a.png").Text("min.json", """
            [{"image": "a.png", "id": 1, "annotator": 1, "label": [
              {"x": 5, "y": 20, "width": 20, "height": 40, "rectanglelabels": ["ripe"], "original_width": 200, "original_height": 100}]}]
            """);
        Assert.Equal("ripe 10 20 40 40", Text(Assert.Single(Assert.Single(source.Read().Images).Boxes)));
    }

    [Fact]
    public void Cvat_for_images_is_read()
    {
        using var source = new SourceFolder();
        source.Picture("images/sub/a.png").Picture("images/b.png").Text("annotations.xml", """
            <?xml version="1.0" encoding="utf-8"?>
            <annotations><version>1.1</version><meta><task><labels><label><name>ripe</name></label></labels></task></meta>
              <image id="0" name="sub/a.png" width="200" height="100" subset="Train">
                <box label="ripe" occluded="0" xtl="10.00" ytl="20.00" xbr="50.00" ybr="60.00"><attribute name="a">b</attribute></box>
                <box label="turned" xtl="100" ytl="40" xbr="120" ybr="50" rotation="90"/>
                <polygon label="leaf" points="1.00,2.00;11.00,2.00;5.00,9.00"/>
                <mask label="stem" rle="1, 2" left="3" top="4" width="5" height="6"/>
                <points label="tip" points="1,2"/>
              </image>
              <image id="1" name="b.png" width="200" height="100"><tag label="good"/></image>
            </annotations>
            """);
        var (format, images, findings) = source.Read();
        Assert.Equal(DataFormat.Cvat, format);
        Assert.Equal(["ripe 10 20 40 40", "turned 105 35 10 20", "leaf 1 2 10 7", "stem 3 4 5 6"], images[0].Boxes.Select(Text));
        Assert.Equal(("images/sub/a.png", Split.Train), (images[0].Name, images[0].Split));
        Assert.Equal(["good"], images[1].Labels);
        Assert.False(images[1].IsForBoxes);
        Assert.Equal(["no-area at annotations.xml:3"], SourceFolder.Codes(findings));
    }

    [Theory]
    [InlineData("{0}")]
    [InlineData("{{\"_via_settings\": {{\"a\": {{}}}}, \"_via_img_metadata\": {0}, \"_via_attributes\": {{}}}}")]
    public void Via_is_read(string form)
    {
        using var source = new SourceFolder();
        source.Picture("a.png").Text("via.json", string.Format(System.Globalization.CultureInfo.InvariantCulture, form, """
            {"a.png1234": {"filename": "a.png", "size": 1234, "file_attributes": {}, "regions": [
              {"shape_attributes": {"name": "rect", "x": 10, "y": 20, "width": 40, "height": 40}, "region_attributes": {"note": "x", "type": "ripe"}},
              {"shape_attributes": {"name": "circle", "cx": 30, "cy": 40, "r": 10}, "region_attributes": {"kind": {"stem": true, "leaf": false}}},
              {"shape_attributes": {"name": "polygon", "all_points_x": [1, 11, 5], "all_points_y": [2, 2, 9]}, "region_attributes": {"kind": "leaf"}},
              {"shape_attributes": {"name": "rect", "x": 1, "y": 2, "width": 4, "height": 4}, "region_attributes": {}}]}}
            """));
        var (format, images, findings) = source.Read();
        Assert.Equal(DataFormat.Via, format);
        Assert.Equal(["ripe 10 20 40 40", "stem 20 30 20 20", "leaf 1 2 10 7"], Assert.Single(images).Boxes.Select(Text));
        Assert.Equal(["no-label at via.json:1"], SourceFolder.Codes(findings));
    }

    [Fact]
    public void Azure_Custom_Vision_is_read()
    {
        using var source = new SourceFolder();
        source.Picture("11aa.png").Picture("b.png").Text("images.json", """
            [{"id": "11aa", "created": "2026-01-01", "width": 200, "height": 100, "originalImageUri": "https://x.blob.core.windows.net/i/o?sv=1",
              "tags": [{"tagId": "1", "tagName": "ripe"}], "regions": [{"tagName": "ripe", "left": 0.05, "top": 0.2, "width": 0.2, "height": 0.4}]},
             {"id": "22bb", "width": 200, "height": 100, "originalImageUri": "https://x/i/b.png?sv=1", "tags": [{"tagName": "good"}], "regions": []}]
            """);
        var (format, images, findings) = source.Read();
        Assert.Equal((DataFormat.Azure, 0), (format, findings.Groups.Count));
        Assert.Equal("ripe 10 20 40 40", Text(Assert.Single(images[0].Boxes)));
        Assert.Empty(images[0].Labels);
        Assert.Equal(["good"], images[1].Labels);
        Assert.Equal("b.png", images[1].Name);
    }

    [Fact]
    public void Folders_with_metadata_are_read()
    {
        using var source = new SourceFolder();
        source.Picture("train/a.png").Picture("test/b.png").Text("train/metadata.jsonl", """
            {"file_name": "a.png", "objects": {"bbox": [[10, 20, 40, 40]], "categories": ["ripe"]}}
            {"file_name": "a
            """).Text("test/metadata.jsonl", """{"file_name": "b.png", "label": "good"}""");
        var (format, images, findings) = source.Read();
        Assert.Equal(DataFormat.ImageFolder, format);
        Assert.Equal(["good", "ripe 10 20 40 40"], images.Select(i => i.Labels is [var label, ..] ? label : Text(i.Boxes[0])));
        Assert.Equal([Split.Test, Split.Train], images.Select(i => i.Split));
        Assert.Equal(["bad-json at train/metadata.jsonl:2"], SourceFolder.Codes(findings));
    }

    [Fact]
    public void What_is_of_no_format_is_refused_with_the_formats_and_what_was_seen()
    {
        using var source = new SourceFolder();
        source.Text("a.doc", "x").Text("b.doc", "x");
        var message = Assert.Throws<CommandRefusedException>(() => source.Read()).Message;
        Assert.Contains("is of no format that is known. It may be Ground Truth manifest,", message, StringComparison.Ordinal);
        Assert.EndsWith("it has 2 .doc.", message, StringComparison.Ordinal);
    }

    private static string Text(ImageBox b) => FormattableString.Invariant($"{b.Label} {b.Left:0.##} {b.Top:0.##} {b.Width:0.##} {b.Height:0.##}");
}
