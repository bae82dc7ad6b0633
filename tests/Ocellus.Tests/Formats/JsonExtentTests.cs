using System.Text;
using Ocellus.Formats;

namespace Ocellus.Tests.Formats;

public sealed class JsonExtentTests
{
    [Theory]
    [InlineData("{}", 2)]
    [InlineData("[[1,2],[3]],4", 11)]
    [InlineData("{\"a\": \"}]\\\"{\", \"b\\\\\": [\"\"]} , {", 27)]
    [InlineData("{\"a\": [1, 2", JsonExtent.Incomplete)]
    [InlineData("{\"a", JsonExtent.Incomplete)]
    [InlineData("{\"a\\", JsonExtent.Incomplete)]
    [InlineData("{\"a\\\"", JsonExtent.Incomplete)]
    [InlineData("{ /* } */ }", JsonExtent.Comment)]
    [InlineData("[[[[[]]]]]", JsonExtent.TooDeep)]
    public void A_value_ends_with_the_bracket_that_closes_it(string json, int length) =>
        Assert.Equal(length, JsonExtent.Of(Encoding.UTF8.GetBytes(json), depthMax: 4));

    [Fact]
    public void Values_of_a_document_come_with_their_lines_also_after_comments_and_longer_than_a_buffer()
    {
        var text = new string('x', 600_000);
        using var source = new SourceFolder();
        source.Text("a.json", $"[\n{{\"a\": [1,\n 2]}},\n// a }} b\n{{\"b\": 1}}, /* [ */ [1], 7, \"t\",\n{{\"c\": \"{text}\"}},\n{{\"d\": {{}},}},\n]");
        using var tree = new FolderTree(source.Source, SourceLimits.Default);
        using var items = new JsonItems(tree.Files(new Findings()).Single(), SourceLimits.Default);
        var read = new List<string>();
        while (items.Next(out var item))
        {
            read.Add($"{item.Line}: {Encoding.UTF8.GetString(item.Json.Span[..Math.Min(8, item.Json.Length)])}");
        }

        Assert.Equal(["2: {\"a\": [1", "5: {\"b\": 1}", "5: [1]", "5: 7", "5: \"t\"", "6: {\"c\": \"x", "7: {\"d\": {}"], read);
    }

    [Theory]
    [InlineData("[\n{\"a\": 1,\n\"b\": [2\n]},\n{\"c\": 1} {\"d\": 1}]", "a.json:5: this is not valid JSON.")]
    [InlineData("[\n{\"a\": 1},\n{\"b\": [1", "a.json:3: the document ends too early.")]
    [InlineData("[\n{\"a\": 1},\n", "a.json:3: this is not valid JSON.")]
    public void What_is_damaged_is_named_with_its_line(string text, string message)
    {
        using var source = new SourceFolder();
        source.Text("a.json", text);
        using var tree = new FolderTree(source.Source, SourceLimits.Default);
        using var items = new JsonItems(tree.Files(new Findings()).Single(), SourceLimits.Default);
        Assert.StartsWith(message, Assert.Throws<InvalidDataException>(() => { while (items.Next(out _)) { } }).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"id\": 1, \"image_id\": 1,\n \"category_id\": x}", "instances.json:3: this is not valid JSON.")]
    [InlineData("{\"id\": 1, \"image_id\": 1,\n \"category_id\": 1, \"bbox\": [1, 2,, 3]}", "instances.json:3: this is not valid JSON.")]
    public void An_annotation_that_is_damaged_is_named_with_its_line(string annotation, string message)
    {
        using var source = new SourceFolder();
        source.Text("instances.json", $"{{\"images\": [{{\"id\": 1, \"file_name\": \"a.png\"}}], \"annotations\": [\n{annotation}]}}");
        Assert.StartsWith(message, Assert.Throws<InvalidDataException>(() => source.Read()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Polygons_are_passed_over_and_what_follows_them_is_read()
    {
        using var source = new SourceFolder();
        source.Picture("a.png").Text("instances.json", """
            {"images": [{"id": 1, "file_name": "a.png"}], "categories": [{"id": 1, "name": "ripe", "keypoints": ["a]", "b"]}], "annotations": [
             {"segmentation": [[1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 12]], "image_id": 1, "extra": {"a": [{}]}, "bbox": [10, 20, 30, 40], "category_id": 1},
             {"bbox": [1, 2, 3, 4], "segmentation": {"size": [4, 3], "counts": [1, 6, 5]}, "category_id": 1, "image_id": 1},
             {"image_id": 1, "category_id": 1, "segmentation": [[10, 20, 30, 20, 30, 60]]}]}
            """);
        var (_, images, findings) = source.Read();
        Assert.Empty(SourceFolder.Codes(findings));
        Assert.Equal([new("ripe", 10, 20, 30, 40), new("ripe", 1, 2, 3, 4), new("ripe", 10, 20, 20, 40)], images.Single().Boxes);
    }
}
