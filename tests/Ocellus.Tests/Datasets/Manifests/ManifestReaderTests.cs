using System.Text;
using Ocellus.Datasets.Manifests;
using Ocellus.Encodings;
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

    [Theory]
    [InlineData("ä")]
    [InlineData("漢")]
    [InlineData("😀")]
    public async Task Characters_count_however_many_bytes_they_have(string character)
    {
        var most = 100_000 / character.Length;
        var lines = await Read($"\uFEFF{string.Concat(Enumerable.Repeat(character, most))}\r\n{string.Concat(Enumerable.Repeat(character, most + 1))}\r\nnext");
        Assert.Equal([(100_000, false), (0, true), (4, false)], lines.Select(l => (l.Text.Length, l.TooLong)));
    }

    [Fact]
    public async Task A_line_that_is_not_utf_8_is_told_and_the_next_is_whole() =>
        Assert.Equal(
            [new(1, "a"), new(2, "", NotUtf8: "byte 2 is 0xE4"), new(3, "é")], await Read([(byte)'a', 10, (byte)'B', 0xE4, (byte)'r', 13, 10, 0xC3, 0xA9]));

    [Fact]
    public async Task UTF_16_is_told() =>
        Assert.Equal(
            "Line 1 is not UTF-8: it begins as UTF-16 does. Save the file as UTF-8.",
            (await Read([.. Encoding.Unicode.GetPreamble(), .. Encoding.Unicode.GetBytes("{}\n{}")]))[0].EncodingFault);

    private static Task<List<ManifestLine>> Read(string text) => Read(Encoding.UTF8.GetBytes(text));

    private static async Task<List<ManifestLine>> Read(byte[] bytes)
    {
        using var stream = new MemoryStream(bytes);
        var lines = new List<ManifestLine>();
        await foreach (var line in ManifestReader.ReadAsync(stream, TestContext.Current.CancellationToken))
        {
            lines.Add(line);
        }

        return lines;
    }
}
