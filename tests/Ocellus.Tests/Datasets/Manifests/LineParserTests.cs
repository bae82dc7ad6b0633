using System.Text.Json.Nodes;
using Ocellus.Datasets.Manifests;
using Ocellus.Tests.Identity;
using Ocellus.Wire.AwsJson;
using Xunit;

namespace Ocellus.Tests.Datasets.Manifests;

public sealed class LineParserTests
{
    internal const string Image = """{"source-ref":"s3://images/a1.png","ripeness":1,"ripeness-metadata":{"class-name":"ripe","confidence":1,"type":"groundtruth/image-classification","human-annotated":"yes","creation-date":"2024-05-01T10:20:30.123","job-name":"labeling-job/ripeness"}}""";

    internal const string Boxes = """{"source-ref":"s3://images/b7.jpg","parts":{"image_size":[{"width":640,"height":480,"depth":3}],"annotations":[{"class_id":1,"left":399,"top":251,"width":155,"height":101},{"class_id":0,"left":86,"top":65,"width":220,"height":334}]},"parts-metadata":{"objects":[{"confidence":1},{"confidence":1}],"class-map":{"0":"coil","1":"fuse"},"type":"groundtruth/object-detection","human-annotated":"yes","creation-date":"2024-05-01T10:20:30","job-name":"labeling-job/parts"}}""";

    private const string EmptyBoxes = """{"source-ref":"s3://p/b.jpg","parts":{"image_size":[{"width":640,"height":480,"depth":3}],"annotations":[]},"parts-metadata":{"objects":[],"class-map":{},"type":"groundtruth/object-detection","human-annotated":"yes","creation-date":"2024-05-01T10:20:30"}}""";

    internal static ParsedLine Parse(string text, int number = 1) => LineParser.Parse(new ManifestLine(number, text));

    private static string[] Codes(string text) => [.. Parse(text).Issues.Select(issue => issue.Code)];

    [Fact]
    public void An_image_level_line_gives_its_label()
    {
        var line = Parse(Image);

        Assert.Empty(line.Issues);
        Assert.Equal(("images", "a1.png"), (line.Bucket, line.Key));
        Assert.Equal(["ripe"], line.ImageLabels);
        Assert.True(line is { IsLabeled: true, IsUsable: true, IsOut: false, IsIgnored: false, HasBoxes: false });
    }

    [Fact]
    public void A_box_line_gives_its_boxes()
    {
        var line = Parse(Boxes);

        Assert.Empty(line.Issues);
        Assert.Equal(["fuse", "coil"], line.BoxLabels);
        Assert.Equal(new ManifestBox(1, "coil", 86, 65, 220, 334, true), line.Attributes[0].Boxes[1]);
        Assert.Equal((640, 480, 3), (line.Attributes[0].ImageWidth, line.Attributes[0].ImageHeight, line.Attributes[0].ImageDepth));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{")]
    [InlineData("{\"source-ref\":\"s3://b/k\",\"source-ref\":\"s3://b/l\"}")]
    [InlineData("{\"source-ref\":\"s3://b/\\ud800\"}")]
    [InlineData("{\"\\ud800\":1}")]
    public void What_is_no_JSON_object_is_replaced_by_its_error(string text)
    {
        var line = Parse(text);

        Assert.True(line is { IsDatasetTerminal: true, IsOut: true, IsLabeled: false });
        Assert.Equal("""{"errors":[{"code":"ERROR_INVALID_JSON_LINE","message":"The JSON Line has an invalid format."}]}""", line.ToValidationLine());
    }

    [Fact]
    public void A_line_that_is_too_long_is_dropped() => Assert.True(LineParser.Parse(new ManifestLine(1, "", true)).IsDatasetTerminal);

    [Theory]
    [InlineData("""{"a":1}""", "ERROR_MISSING_SOURCE_REF")]
    [InlineData("""{"source-ref":1}""", "ERROR_INVALID_SOURCE_REF_FORMAT")]
    [InlineData("""{"source-ref":"http://b/k"}""", "ERROR_INVALID_SOURCE_REF_FORMAT")]
    [InlineData("""{"source-ref":"s3://b"}""", "ERROR_INVALID_SOURCE_REF_FORMAT")]
    [InlineData("""{"source-ref":"s3://b/"}""", "ERROR_INVALID_SOURCE_REF_FORMAT")]
    [InlineData("""{"source-ref":"s3:///k"}""", "ERROR_INVALID_SOURCE_REF_FORMAT")]
    public void A_line_that_names_no_image_is_dropped(string text, string code)
    {
        Assert.Equal([code], Codes(text));
        Assert.True(Parse(text).IsDatasetTerminal);
    }

    [Fact]
    public void The_scheme_may_be_in_capitals() => Assert.Equal("b", Parse(Image.Replace("s3://images", "S3://b", StringComparison.Ordinal)).Bucket);

    [Theory]
    [InlineData("\"ripeness\":1", "\"ripeness\":\"1\"", "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT")]
    [InlineData("\"class-name\":\"ripe\",", "", "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT")]
    [InlineData("\"confidence\":1,", "", "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT")]
    [InlineData("\"confidence\":1,", "\"confidence\":1.5,", "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT")]
    [InlineData("\"yes\"", "\"maybe\"", "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT")]
    [InlineData("2024-05-01T", "2024-13-01T", "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT")]
    [InlineData("image-classification", "semantic-segmentation", "ERROR_UNSUPPORTED_USE_CASE_TYPE")]
    public void A_bad_only_attribute_takes_the_line_out_and_still_claims_a_label(string from, string to, string code)
    {
        var line = Parse(Image.Replace(from, to, StringComparison.Ordinal));

        Assert.Equal([code, "ERROR_NO_VALID_LABEL_ATTRIBUTES"], line.Issues.Select(issue => issue.Code));
        Assert.True(line is { IsOut: true, IsIgnored: false, IsLabeled: true, IsDatasetTerminal: false });
    }

    [Theory]
    [InlineData("2024-05-01T10:20:30")]
    [InlineData("2024-05-01T10:20:30Z")]
    [InlineData("2024-05-01T10:20:30.123456Z")]
    [InlineData("2024-05-01 10:20:30")]
    public void Dates_of_all_the_published_forms_are_accepted(string date) =>
        Assert.Empty(Codes(Image.Replace("2024-05-01T10:20:30.123", date, StringComparison.Ordinal)));

    [Theory]
    [InlineData(256, true)]
    [InlineData(257, false)]
    public void A_label_may_have_256_characters(int length, bool valid) =>
        Assert.Equal(valid, Parse(Image.Replace("\"ripe\"", $"\"{new string('n', length)}\"", StringComparison.Ordinal)).IsUsable);

    [Fact]
    public void The_multi_label_type_works_with_a_class_name_only()
    {
        var alias = Image.Replace("image-classification", "image-classification-multilabel", StringComparison.Ordinal);

        Assert.Equal(["ripe"], Parse(alias).ImageLabels);
        Assert.Equal("ERROR_UNSUPPORTED_USE_CASE_TYPE", Codes(alias.Replace("class-name", "class-map", StringComparison.Ordinal))[0]);
    }

    [Theory]
    [InlineData("\"height\":480,", "", "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT")]
    [InlineData("\"class_id\":1", "\"class_id\":\"1\"", "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT")]
    [InlineData("\"left\":399,", "", "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT")]
    [InlineData("[{\"confidence\":1},", "[", "ERROR_MISSING_BOUNDING_BOX_CONFIDENCE")]
    [InlineData("[{\"confidence\":1},", "[{},", "ERROR_MISSING_BOUNDING_BOX_CONFIDENCE")]
    [InlineData("\"class_id\":1", "\"class_id\":7", "ERROR_MISSING_CLASS_MAP_ID")]
    [InlineData("\"width\":640", "\"width\":5000", "ERROR_INVALID_IMAGE_DIMENSION")]
    public void A_bad_box_attribute_takes_the_line_out(string from, string to, string code) =>
        Assert.Equal([code, "ERROR_NO_VALID_LABEL_ATTRIBUTES"], Codes(Boxes.Replace(from, to, StringComparison.Ordinal)));

    [Fact]
    public void A_bad_box_is_left_out_and_the_other_used()
    {
        // 399 + 242 = 641 is one pixel beyond the frame.
        var line = Parse(Boxes.Replace("\"width\":155", "\"width\":242", StringComparison.Ordinal));

        Assert.Equal(["coil"], line.BoxLabels);
        Assert.True(line is { HasErrors: true, IsOut: false });
        var box = JsonNode.Parse(line.ToDatasetEntry())!["parts"]!["annotations"]![0]!;
        Assert.Equal("ERROR_INVALID_BOUNDING_BOX", (string?)box["cl-errors"]![0]!["code"]);
    }

    [Theory]
    [InlineData(640, 1, true)]
    [InlineData(640, 2, false)]
    // 2560 is scaled by half: two pixels become one.
    [InlineData(2560, 2, true)]
    [InlineData(2560, 3, false)]
    public void A_box_of_one_scaled_pixel_is_too_small(int imageWidth, int width, bool small)
    {
        var text = Boxes.Replace("\"width\":640", $"\"width\":{imageWidth}", StringComparison.Ordinal)
            .Replace("\"width\":155", $"\"width\":{width}", StringComparison.Ordinal);

        Assert.Equal(small ? ["ERROR_BOUNDING_BOX_TOO_SMALL"] : [], Codes(text));
    }

    [Fact]
    public void A_line_whose_boxes_are_all_bad_is_out()
    {
        var line = Parse(
            Boxes.Replace("\"left\":399", "\"left\":-1", StringComparison.Ordinal).Replace("\"left\":86", "\"left\":600", StringComparison.Ordinal));

        Assert.Equal(["ERROR_INVALID_BOUNDING_BOX", "ERROR_INVALID_BOUNDING_BOX", "ERROR_NO_VALID_ANNOTATIONS"], line.Issues.Select(issue => issue.Code));
        Assert.True(line.IsOut);
    }

    [Theory]
    [InlineData(50, true)]
    [InlineData(51, false)]
    public void Fifty_boxes_are_allowed(int count, bool allowed)
    {
        var line = JsonNode.Parse(Boxes)!;
        line["parts"]!["annotations"] = new JsonArray(
            [.. Enumerable.Range(0, count).Select(_ => JsonNode.Parse("""{"class_id":0,"left":1,"top":1,"width":9.5,"height":9}"""))]);
        line["parts-metadata"]!["objects"] = new JsonArray([.. Enumerable.Range(0, count).Select(_ => JsonNode.Parse("""{"confidence":1}"""))]);

        Assert.Equal(allowed ? [] : ["ERROR_TOO_MANY_BOUNDING_BOXES", "ERROR_NO_VALID_LABEL_ATTRIBUTES"], Codes(line.ToJsonString()));
    }

    [Fact]
    public void A_box_line_without_boxes_is_ignored_with_both_warnings()
    {
        var line = Parse(EmptyBoxes);

        Assert.Equal(["WARNING_NO_ATTRIBUTE_ANNOTATIONS", "WARNING_NO_ANNOTATIONS"], line.Issues.Select(issue => issue.Code));
        Assert.True(line is { IsIgnored: true, IsOut: false, IsLabeled: false, HasErrors: false });
        var written = JsonNode.Parse(line.ToValidationLine())!;
        Assert.Equal("No annotations were found.", (string?)written["warnings"]![0]!["message"]);
        Assert.Equal("No attribute annotations were found.", (string?)written["parts"]!["warnings"]![0]!["message"]);
    }

    [Fact]
    public void An_image_without_labels_is_ignored()
    {
        var line = Parse("""{"source-ref":"s3://b/k"}""");

        Assert.True(line is { IsIgnored: true, IsOut: false, IsLabeled: false });
        Assert.Equal("""{"source-ref":"s3://b/k","cl-metadata":{"is_labeled":false}}""", line.ToDatasetEntry());
        Assert.Equal(
            """{"source-ref":"s3://b/k","warnings":[{"code":"WARNING_UNANNOTATED_RECORD","message":"Record is unannotated."}]}""", line.ToValidationLine());
    }

    [Fact]
    public void A_failed_labeling_task_has_no_label_attributes() =>
        Assert.Equal(["ERROR_NO_LABEL_ATTRIBUTES"], Codes("""{"source-ref":"s3://b/k","job-metadata":{"failure-reason":"x"}}"""));

    [Fact]
    public void A_stored_line_carries_its_errors_where_they_belong_and_reads_back_the_same()
    {
        var stored = Parse("""{"source-ref":"s3://b/k","l":1,"l-metadata":{"type":"x"}}""").ToDatasetEntry();

        Assert.Equal("""{"source-ref":"s3://b/k","l":1,"l-metadata":{"type":"x","cl-errors":[{"code":"ERROR_UNSUPPORTED_USE_CASE_TYPE","message":"The use case type of the l-metadata label attribute metadata is unsupported. Check the type field."}]},"cl-errors":[{"code":"ERROR_NO_VALID_LABEL_ATTRIBUTES","message":"No valid label attributes found."}],"cl-metadata":{"is_labeled":true}}""", stored);
        Assert.Equal(stored, Parse(stored).ToDatasetEntry());
    }

    [Fact]
    public void A_label_named_like_a_metadata_key_and_names_in_any_script_work()
    {
        var text = Image.Replace("\"ripeness", "\"x-metadata", StringComparison.Ordinal).Replace("\"ripe\"", "\"熟した 果\"", StringComparison.Ordinal);

        var line = Parse(text);

        Assert.Equal(["x-metadata"], line.Attributes.Select(attribute => attribute.Name));
        Assert.Contains("熟した 果", line.ToDatasetEntry(), StringComparison.Ordinal);
    }
}
