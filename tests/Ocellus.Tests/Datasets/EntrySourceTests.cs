using Ocellus.Datasets;

namespace Ocellus.Tests.Datasets;

public sealed class EntrySourceTests
{
    public static TheoryData<string, string> Texts => new()
    {
        { "empty", "Empty" },
        { "manifest bucket/key", "Manifest" },
        { "manifest bucket/a folder/with two  spaces/and a /slash", "Manifest" },
        { "manifest bucket/", "Manifest" },
        { "denied bucket/some key", "DeniedManifest" },
        { "dataset arn:aws:rekognition:us-east-1:123456789012:project/p/dataset/train/1700000000000", "Dataset" },
    };

    [Theory]
    [MemberData(nameof(Texts))]
    public void What_the_database_keeps_is_read_and_written_without_a_change(string text, string kind)
    {
        var source = EntrySource.Parse(text);

        Assert.Equal(kind, source.GetType().Name);
        Assert.Equal(text, source.ToString());
    }

    [Fact]
    public void The_key_is_all_behind_the_first_slash() =>
        Assert.Equal(new EntrySource.Manifest("bucket", "a b/c d"), EntrySource.Parse("manifest bucket/a b/c d"));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("manifest")]
    [InlineData("manifest bucket")]
    [InlineData("elsewhere bucket/key")]
    public void A_text_of_no_known_kind_is_no_source(string? text) => Assert.Equal(new EntrySource.Empty(), EntrySource.Parse(text));
}
