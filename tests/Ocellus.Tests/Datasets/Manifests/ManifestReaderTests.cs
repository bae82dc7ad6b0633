using System.Text;
using Ocellus.Datasets.Manifests;

namespace Ocellus.Tests.Datasets.Manifests;

public sealed class ManifestReaderTests
{
    [Fact]
    public async Task A_byte_order_mark_and_CRLF_are_taken_off_and_a_last_break_adds_no_line()
    {
        Assert.Equal([(1, "{}"), (2, ""), (3, "{ }")], await LinesAsync("\uFEFF{}\r\n\r\n{ }\r\n"));
    }

    [Fact]
    public async Task An_empty_file_has_no_lines()
    {
        Assert.Empty(await LinesAsync(""));
    }

    [Fact]
    public void A_good_line_has_its_label_and_no_errors()
    {
        var line = Parse("""{"source-ref":"s3://pictures/a b.jpg","kind":1,"kind-metadata":{"class-name":"ripe","confidence":1,"type":"groundtruth/image-classification","human-annotated":"yes","creation-date":"2026-01-01T00:00:00"}}""");
        Assert.False(line.IsOut);
        Assert.False(line.HasErrors);
        Assert.Equal(["ripe"], line.ImageLabels);
        Assert.EndsWith("\"cl-metadata\":{\"is_labeled\":true}}", line.ToDatasetEntry(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "ERROR_INVALID_JSON_LINE")]
    [InlineData("{", "ERROR_INVALID_JSON_LINE")]
    [InlineData("""{"kind":1}""", "ERROR_MISSING_SOURCE_REF")]
    [InlineData("""{"source-ref":"http://a/b"}""", "ERROR_INVALID_SOURCE_REF_FORMAT")]
    public void A_line_without_a_usable_source_is_dropped_with_its_code(string text, string code)
    {
        var line = Parse(text);
        Assert.True(line.IsDatasetTerminal);
        Assert.Contains(line.Issues, i => i.Code == code);
    }

    private static ParsedLine Parse(string text) => LineParser.Parse(new ManifestLine(1, text));

    private static async Task<List<(int, string)>> LinesAsync(string text)
    {
        var lines = new List<(int, string)>();
        await foreach (var line in ManifestReader.ReadAsync(new MemoryStream(Encoding.UTF8.GetBytes(text)), TestContext.Current.CancellationToken))
        {
            lines.Add((line.Number, line.Text));
        }

        return lines;
    }
}
