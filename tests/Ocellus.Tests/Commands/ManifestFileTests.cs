using Ocellus.Commands;
using Ocellus.Refusals;

namespace Ocellus.Tests.Commands;

public sealed class ManifestFileTests
{
    [Theory]
    [InlineData("{\"source-ref\":\"s3://b/a.jpg\"}\n{\"source-ref\":\"s3://b/b.jpg\"}\n", null)]
    [InlineData("\ufeff\n{\"source-ref\":\"s3://b/a.jpg\"}\r\n", null)]
    [InlineData("{\"source-ref\":\"s3://b/a.jpg\"}", null)]
    [InlineData("", null)]
    [InlineData("no json\n", null)]
    [InlineData("<annotation>\n  <filename>a.jpg</filename>\n", "XML")]
    [InlineData("[\n  {\"source-ref\":\"s3://b/a.jpg\"}\n]", "JSON array")]
    [InlineData("{\n  \"images\": [],\n  \"annotations\": []\n}", "COCO")]
    [InlineData("image,label\na.jpg,ripe\n", "comma-separated")]
    [InlineData("a.jpg;ripe\n", "comma-separated")]
    public void Labels_in_another_format_are_recognized(string text, string? kind)
    {
        var found = ManifestFile.Kind(text);
        Assert.Equal(kind is null, found is null);
        Assert.Contains(kind ?? "", found ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public void A_line_longer_than_what_is_read_of_it_may_be_a_manifest() =>
        Assert.Null(ManifestFile.Kind("{\"source-ref\":\"s3://b/" + new string('a', 5000)));

    [Fact]
    public void A_folder_is_told_what_is_needed_in_its_place()
    {
        var refusal = Assert.Throws<CommandRefusedException>(() => ManifestFile.Check(Path.GetTempPath()));
        Assert.Contains("is a folder. A manifest is a file of JSON Lines", refusal.Message, StringComparison.Ordinal);
    }
}
