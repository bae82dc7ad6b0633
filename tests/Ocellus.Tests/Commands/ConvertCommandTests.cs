using System.Text.Json.Nodes;
using Ocellus.Tests.Formats;

namespace Ocellus.Tests.Commands;

public sealed class ConvertCommandTests
{
    [Fact]
    public async Task A_person_brings_COCO_in_a_zip_file_and_gets_manifests_that_train_takes()
    {
        using var source = new SourceFolder();
        source.Picture("train/a.png").Picture("val/a.png").Text("annotations/instances_train.json", Coco("train/a.png"))
            .Text("annotations/instances_val.json", Coco("a.png"));
        source.Zipped();

        var end = await CommandLineTests.RunAsync(source.Top, "convert", "source.zip", "--out", "out");

        Assert.Equal(0, end.Code);
        Assert.StartsWith("source.zip is COCO, annotations/instances_train.json and 1 more.", end.Errors, StringComparison.Ordinal);
        Assert.Equal(
            ["Wrote 2 images with 2 boxes of 1 labels (train 1, val 1) to out as Ground Truth manifest.",
                "Train on it: ocellus train --manifest out/train.manifest --test-manifest out/test.manifest --images out --out model.zip"],
            end.Output.TrimEnd().Split('\n'));
        var line = JsonNode.Parse(File.ReadAllText(Path.Combine(source.Top, "out", "train.manifest")))!;
        Assert.Equal("s3://dataset/images/train/a.png", (string?)line["source-ref"]);
        Assert.Equal("""{"class_id":0,"left":10,"top":20,"width":40,"height":40.5}""", line["boxes"]!["annotations"]![0]!.ToJsonString());
        Assert.True(File.Exists(Path.Combine(source.Top, "out", "images", "train", "a.png")));
    }

    [Fact]
    public async Task What_is_wrong_is_told_with_file_line_and_remedy_and_as_JSON()
    {
        using var source = new SourceFolder();
        source.Picture("a.png").Text("labels.csv", "image,label,xmin,ymin,xmax,ymax\na.png,ripe,1,2,30,40\na.png,ripe,1,x,3,4\n");
        var end = await CommandLineTests.RunAsync(source.Top, "convert", "source/labels.csv", "--out", "out", "--to", "coco", "--no-pictures", "--json");
        Assert.Equal(0, end.Code);
        var result = JsonNode.Parse(end.Output)!;
        Assert.Equal(("csv", "coco", 1, 1, 0),
            ((string?)result["from"], (string?)result["to"], (int)result["images"]!, (int)result["boxes"]!, (int)result["pictures"]!));
        var finding = result["findings"]![0]!;
        Assert.Equal(("bad-row", "labels.csv", 3), ((string?)finding["code"], (string?)finding["first"]![0]!["file"], (int)finding["first"]![0]!["line"]!));
        Assert.Contains("error bad-row, once: A row has image, label", end.Errors, StringComparison.Ordinal);
        Assert.Contains("labels.csv:3: 'a.png, ripe, 1, x, 3, 4' is no box", end.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("convert nowhere --out out", 1, "There is no file or folder nowhere.")]
    [InlineData("convert source --out full", 1, "is not empty; --force takes its place, or choose another folder with --out.")]
    [InlineData("convert source --out no/out", 1, "the folder around it does not exist")]
    [InlineData("convert source --out out --to labelme", 2, "--to is 'labelme'; it takes manifest, coco, yolo, voc, csv, folders.")]
    [InlineData("convert source --out out --from coco", 1, "has nothing of the format COCO. It looks like a folder a label.")]
    [InlineData("convert source --out out --bucket A", 2, "--bucket is 'A'; a bucket has 3 to 63 lower-case letters")]
    [InlineData("convert full --out out", 1, "is of no format that is known")]
    public async Task What_cannot_be_done_is_refused_and_nothing_is_written(string line, int code, string words)
    {
        using var source = new SourceFolder();
        source.Picture("rose/a.png").Bytes("../full/a.doc", [1]);
        var end = await CommandLineTests.RunAsync(source.Top, line.Split(' '));
        Assert.Equal((code, ""), (end.Code, end.Output));
        Assert.Contains(words, end.Errors, StringComparison.Ordinal);
        Assert.Equal(["full", "source"], Directory.GetDirectories(source.Top).Select(Path.GetFileName).Order());
    }

    private static string Coco(string name) => $$"""
        {"images": [{"id": 1, "file_name": "{{name}}", "width": 200, "height": 100}],
         "annotations": [{"image_id": 1, "category_id": 1, "bbox": [10, 20, 40, 40.5]}], "categories": [{"id": 1, "name": "ripe"}]}
        """;
}
