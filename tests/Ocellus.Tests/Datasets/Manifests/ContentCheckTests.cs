using Ocellus.Datasets.Manifests;
using Xunit;

namespace Ocellus.Tests.Datasets.Manifests;

public sealed class ContentCheckTests
{
    private static ParsedLine Image(string label, int number = 1, string bucket = "images") => LineParserTests.Parse(
        LineParserTests.Image.Replace("\"ripe\"", $"\"{label}\"", StringComparison.Ordinal)
            .Replace("//images", "//" + bucket, StringComparison.Ordinal), number);

    private static ParsedLine Boxes() => LineParserTests.Parse(LineParserTests.Boxes);

    private static ParsedLine[] Images(params string[] labels) => [.. labels.Select((label, index) => Image(label, index + 1))];

    private static IEnumerable<string> Codes(IEnumerable<ContentError> errors) => errors.Select(error => error.Code);

    [Fact]
    public void Two_labels_on_both_sides_make_a_classifier()
    {
        var result = ContentCheck.Run(Images("b", "a", "b"), Images("a", "b"));

        Assert.Null(result.FirstMessage);
        Assert.Equal(UseCase.ImageLevelLabels, result.UseCase);
        Assert.Equal(["a", "b"], result.Labels);
        Assert.False(result.IsMultiLabel);
    }

    [Theory]
    [InlineData(8, 2, false)]
    [InlineData(7, 2, true)]
    public void More_than_a_fifth_of_invalid_lines_ends_the_check(int valid, int invalid, bool fails)
    {
        ParsedLine[] training = [.. Images([.. Enumerable.Range(0, valid).Select(index => index % 2 == 0 ? "a" : "b")]),
            .. Enumerable.Range(0, invalid).Select(index => LineParserTests.Parse("", 11 + index))];

        var result = ContentCheck.Run(training, Images("a", "b"));

        Assert.Equal(fails ? ["ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST"] : [], Codes(result.Training.Errors));
        Assert.Equal(fails ? UseCase.NotDetermined : UseCase.ImageLevelLabels, result.UseCase);
        Assert.Equal((valid + invalid, valid, invalid, 0), (result.Training.Total, result.Training.Valid, result.Training.Invalid, result.Training.Ignored));
        Assert.Equal([11, 12], result.Training.ErrorLines);
    }

    [Fact]
    public void Images_of_two_buckets_are_refused() =>
        Assert.Equal(["ERROR_IMAGES_IN_MULTIPLE_S3_BUCKETS"], Codes(ContentCheck.Run(Images("a", "b"), [Image("a"), Image("b", 2, "other")]).Testing.Errors));

    [Fact]
    public void One_label_is_too_few_for_a_classifier_and_enough_for_boxes()
    {
        Assert.Equal(["ERROR_MANIFEST_TOO_FEW_LABELS"], Codes(ContentCheck.Run(Images("a"), Images("a", "b")).Training.Errors));
        var one = LineParserTests.Parse(LineParserTests.Boxes.Replace("\"class_id\":1", "\"class_id\":0", StringComparison.Ordinal));
        Assert.Null(ContentCheck.Run([one], [one]).FirstMessage);
    }

    [Theory]
    [InlineData(250, false)]
    [InlineData(251, true)]
    public void A_manifest_may_have_250_labels(int count, bool fails)
    {
        var lines = Images([.. Enumerable.Range(0, count).Select(index => $"l{index}")]);

        Assert.Equal(fails ? ["ERROR_MANIFEST_TOO_MANY_LABELS"] : [], Codes(ContentCheck.Run(lines, lines).Training.Errors));
    }

    [Fact]
    public void Half_of_the_training_labels_must_be_in_the_test()
    {
        Assert.Null(ContentCheck.Run(Images("a", "b", "c", "d"), Images("a", "b")).FirstMessage);
        var result = ContentCheck.Run(Images("a", "b", "c", "d", "e"), Images("a", "b"));
        Assert.Equal(["ERROR_INSUFFICIENT_LABEL_OVERLAP"], Codes(result.Errors));
        Assert.Equal("Less than 50% label overlap between the training and testing manifest files.", result.FirstMessage);
    }

    [Fact]
    public void Image_labels_against_boxes_in_the_test_train_on_whole_images()
    {
        var result = ContentCheck.Run(Images("coil", "fuse"), [Boxes()]);

        Assert.True(result is { UseCase: UseCase.ObjectLocalization, WholeImageBoxes: true, FirstMessage: null });
        Assert.Equal(2, result.Training.Usable.Count);
    }

    [Fact]
    public void Of_mixed_lines_the_more_frequent_format_is_used_and_a_tie_means_boxes()
    {
        Assert.Equal(UseCase.ImageLevelLabels, ContentCheck.Run([.. Images("a", "b"), Boxes()], Images("a", "b")).UseCase);
        var tie = ContentCheck.Run([.. Images("a", "b"), Boxes(), Boxes()], Images("a", "b"));
        Assert.Equal(UseCase.ObjectLocalization, tie.UseCase);
        Assert.Equal(2, tie.Training.Usable.Count);
        Assert.Equal(["ERROR_MANIFEST_TOO_FEW_USABLE_LABELS"], Codes(tie.Testing.Errors));
        Assert.Equal(["ERROR_INSUFFICIENT_USABLE_LABEL_OVERLAP"], Codes(tie.Errors));
    }

    [Fact]
    public void Two_labels_on_one_image_make_it_multi_label()
    {
        const string both = """{"source-ref":"s3://p/k","a":1,"a-metadata":{"class-name":"a","confidence":1,"type":"groundtruth/image-classification","human-annotated":"yes","creation-date":"2024-05-01T10:20:30"},"b":1,"b-metadata":{"class-name":"b","confidence":0,"type":"groundtruth/image-classification","human-annotated":"no","creation-date":"2024-05-01T10:20:30"}}""";
        var line = LineParserTests.Parse(both);

        Assert.True(ContentCheck.Run([line], [line]) is { IsMultiLabel: true, FirstMessage: null });
    }

    [Fact]
    public void The_summary_has_its_exact_shape()
    {
        var result = ContentCheck.Run([.. Images("a"), LineParserTests.Parse("", 2)], [LineParserTests.Parse("""{"source-ref":"s3://p/k"}""")]);

        Assert.Equal("""{"statistics":{"training":{"use_case":"NOT_DETERMINED","total_json_lines":2,"valid_json_lines":1,"invalid_json_lines":1,"ignored_json_lines":0,"error_json_line_indices":[2],"errors":[{"code":"ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST","message":"The manifest file contains too many invalid rows."}]},"testing":{"use_case":"NOT_DETERMINED","total_json_lines":1,"valid_json_lines":0,"invalid_json_lines":0,"ignored_json_lines":1,"error_json_line_indices":[],"errors":[]}},"errors":[]}""", ManifestSummary.Write(result));
    }
}
