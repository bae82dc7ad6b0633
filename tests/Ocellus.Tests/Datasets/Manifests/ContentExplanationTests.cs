using Ocellus.Datasets.Manifests;

namespace Ocellus.Tests.Datasets.Manifests;

public sealed class ContentExplanationTests
{
    private static ParsedLine Image(string label, int number) =>
        LineParserTests.Parse(LineParserTests.Image.Replace("\"ripe\"", $"\"{label}\"", StringComparison.Ordinal), number);

    private static ParsedLine Changed(string text, string old, string now, int number) =>
        LineParserTests.Parse(text.Replace(old, now, StringComparison.Ordinal), number);

    private static string Explained(ParsedLine[] training, ParsedLine[] testing, params ContentError[] found) =>
        ContentExplanation.Of(ContentCheck.Run(training, testing, found), training, testing);

    [Fact]
    public void Lines_that_all_lack_a_member_are_told_once_with_the_member_and_the_first_line()
    {
        ParsedLine[] lines = [.. Enumerable.Range(1, 200).Select(n => Changed(LineParserTests.Boxes, "\"objects\":", "\"things\":", n))];
        Assert.Equal(
            "None of 200 training lines can be used: `parts-metadata` lacks objects, an array with a confidence for each box (first: line 1).",
            Explained(lines, [Image("a", 1), Image("b", 2)]));
    }

    [Fact]
    public void Faults_of_two_kinds_are_counted_and_what_follows_from_them_is_left_out()
    {
        ParsedLine[] lines =
        [
            .. Enumerable.Range(1, 5).Select(n => Image("a", n)),
            Changed(LineParserTests.Image, "\"confidence\":1", "\"confidence\":7", 6),
            Changed(LineParserTests.Image, "\"confidence\":1", "\"confidence\":7", 7),
            Changed(LineParserTests.Image, "s3://images/a1.png", "images/a1.png", 8),
        ];
        Assert.Equal(
            "3 of 8 training lines are invalid: in 2 of them `ripeness-metadata` has confidence 7; it must be a number from 0 to 1 (first: line 6); in 1 "
                + "of them source-ref is 'images/a1.png'; it must be s3://bucket/key (first: line 8).",
            Explained(lines, [Image("a", 1), Image("b", 2)]));
    }

    [Fact]
    public void One_label_is_told_with_its_images() =>
        Assert.Equal(
            "Labels of the training lines: 'a' with 2 images.",
            Explained([Image("a", 1), Image("a", 2)], [Image("a", 1), Image("b", 2)]));

    [Fact]
    public void Labels_with_too_few_images_to_split_are_told_fewest_first() =>
        Assert.Equal(
            "Labels of the training lines: 'b' with 1 image, 'a' with 2 images.",
            Explained([Image("a", 1), Image("a", 2), Image("b", 3)], [], ContentError.NoAutoSplit));

    [Fact]
    public void Labels_that_the_test_lacks_are_named() =>
        Assert.Equal(
            "The test manifest lacks 'a', 'b', 'c'.",
            Explained([Image("a", 1), Image("b", 2), Image("c", 3)], [Image("x", 1), Image("y", 2)]));

    [Theory]
    [InlineData("\"human-annotated\":\"yes\"", "\"human-annotated\":\"true\"", "has human-annotated \"true\"; it must be \"yes\" or \"no\".")]
    [InlineData("\"creation-date\":\"2024-05-01T10:20:30.123\"", "\"creation-date\":\"May\"", "has creation-date \"May\"; it must be a date such as")]
    [InlineData("\"class-name\":\"ripe\",", "", "lacks class-name, the name of a label.")]
    [InlineData("\"type\":\"groundtruth/image-classification\",", "", "lacks type, \"groundtruth/image-classification\" or")]
    public void A_member_that_is_wrong_is_named_with_what_would_be_right(string old, string now, string detail)
    {
        var issue = Changed(LineParserTests.Image, old, now, 1).Issues[0];
        Assert.Equal("The format of the label attribute metadata is invalid.", issue.Message);
        Assert.StartsWith($"`ripeness-metadata` {detail}", issue.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"left\":399,", "", "Box 1 of `parts` lacks left; left must be a number of pixels.")]
    [InlineData("\"class_id\":0", "\"class_id\":\"0\"", "Box 2 of `parts` has class_id \"0\"; class_id must be a whole number.")]
    [InlineData("\"depth\":3", "\"deep\":3", "image_size of `parts` lacks depth; depth must be a whole number.")]
    [InlineData("\"image_size\"", "\"size\"", "`parts` lacks image_size, an array of one object with width, height and depth.")]
    [InlineData("\"1\":\"fuse\"", "\"2\":\"fuse\"", "The class-map of `parts-metadata` lacks class 1.")]
    [InlineData("\"width\":640", "\"width\":32", "image_size is 32×480; each side must be from 64 to 4096.")]
    [InlineData("\"left\":399", "\"left\":500", "It has left 500, top 251, width 155 and height 101 in an image of 640×480.")]
    public void A_box_that_is_wrong_is_named_with_what_would_be_right(string old, string now, string detail) =>
        Assert.Equal(detail, Changed(LineParserTests.Boxes, old, now, 1).Issues[0].Detail);

    [Fact]
    public void A_date_needs_no_time() =>
        Assert.Empty(Changed(LineParserTests.Image, "2024-05-01T10:20:30.123", "2021-03-04", 1).Issues);
}
