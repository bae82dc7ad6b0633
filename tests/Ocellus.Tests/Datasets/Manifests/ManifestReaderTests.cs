using System.Text;
using Ocellus.Datasets.Manifests;
using Xunit;

namespace Ocellus.Tests.Datasets.Manifests;

public sealed class ManifestReaderTests
{
    [Fact]
    public async Task Byte_order_mark_and_line_ends_of_both_kinds_are_taken_off() =>
        Assert.Equal([new(1, "a"), new(2, "b"), new(3, "é")], await Read("\uFEFFa\r\nb\né"));

    [Fact]
    public async Task Blank_lines_count_and_the_last_line_break_does_not() =>
        Assert.Equal([new(1, "a"), new(2, ""), new(3, ""), new(4, "b")], await Read("a\n\n\r\nb\r\n"));

    [Fact]
    public async Task An_empty_file_has_no_lines() => Assert.Empty(await Read(""));

    [Theory]
    [InlineData(100_000, "\n", false)]
    [InlineData(100_000, "\r\n", false)]
    [InlineData(100_000, "", false)]
    [InlineData(100_001, "\n", true)]
    [InlineData(100_001, "", true)]
    [InlineData(5_000_000, "\r\n", true)]
    public async Task A_line_may_have_100_000_characters(int length, string end, bool tooLong)
    {
        var lines = await Read(new string('x', length) + end);

        var line = Assert.Single(lines);
        Assert.Equal(tooLong, line.TooLong);
        Assert.Equal(tooLong ? 0 : length, line.Text.Length);
    }

    [Fact]
    public async Task The_line_after_a_long_one_is_whole() =>
        Assert.Equal([new(1, "", true), new(2, "next")], await Read(new string('x', 250_000) + "\nnext\n"));

    private static async Task<List<ManifestLine>> Read(string text)
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(text));
        var lines = new List<ManifestLine>();
        await foreach (var line in ManifestReader.ReadAsync(stream, TestContext.Current.CancellationToken))
        {
            lines.Add(line);
        }

        return lines;
    }
}
