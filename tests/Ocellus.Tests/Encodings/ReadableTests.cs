using System.Xml;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;
using Ocellus.Commands;
using Ocellus.Encodings;
using Spectre.Console;

namespace Ocellus.Tests.Encodings;

/// <summary>Texts of others where people and their terminals read them.</summary>
public sealed class ReadableTests
{
    private const string Hostile = "a\u001b[2J\rinfo: all is well\n\u0008\u202egnp\u009b\ud83d";

    [Theory]
    [InlineData("plain ö \U0001F600 \\n", "plain ö \U0001F600 \\n")]
    [InlineData("a\u0008b", "a\\u0008b")]
    [InlineData("\u001b[31m", "\\u001B[31m")]
    [InlineData("a\r\n\tb", "a\\r\\n\\tb")]
    [InlineData("\u009b\u2028\u202e\u2066\ufeff\uffff", "\\u009B\\u2028\\u202E\\u2066\\uFEFF\\uFFFF")]
    public void A_character_that_does_something_is_written_as_in_source_code(string text, string written)
    {
        Assert.Equal(written, Readable.Plain(text));
        Assert.Equal(written, Readable.Truncate(text));
        Assert.All(written, c => Assert.True(char.IsSurrogate(c) || XmlConvert.IsXmlChar(c)));
    }

    [Fact]
    public void Half_a_character_is_written_so_too()
    {
        Assert.Equal("a\\uD83D", Readable.Plain("a\ud83d"));
        Assert.Equal("\\uDE00\\uD83Db", Readable.Plain("\ude00\ud83db"));
    }

    [Fact]
    public void A_text_is_cut_between_characters_and_lines_stay_where_a_text_has_lines_of_its_own()
    {
        Assert.Equal(new string('a', 199) + "… (202 characters)", Readable.Truncate(new string('a', 199) + "\U0001F600a"));
        Assert.Equal(new string('a', 198) + "\U0001F600… (201 characters)", Readable.Truncate(new string('a', 198) + "\U0001F600a"));
        Assert.Equal("a\n\tb\\u001B", Readable.Plain("a\n\tb\u001b", lines: true));
    }

    [Fact]
    public void An_event_is_one_line_of_the_log_whatever_a_sender_says()
    {
        using var written = new StringWriter();
        new LogLines()
            .Write(new LogEntry<string>(LogLevel.Error, "Ocellus", 7, Hostile, new InvalidOperationException(Hostile), (state, _) => state), null, written);
        var line = written.ToString();
        Assert.Contains("Ocellus[7] a\\u001B[2J\\rinfo: all is well\\n\\u0008\\u202Egnp\\u009B\\uD83D System.InvalidOperationException: a\\u001B[2J", line,
            StringComparison.Ordinal);
        Assert.Equal(line.Length - 1, line.IndexOf('\n', StringComparison.Ordinal));
        AssertHarmless(line.Replace("\u001b[31mfail\u001b[0m", "fail", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_server_logs_so()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Equal(LogLines.FormatName, server.Services.GetRequiredService<IOptions<ConsoleLoggerOptions>>().Value.FormatterName);
        Assert.Contains(server.Services.GetServices<ConsoleFormatter>(), f => f is LogLines);
    }

    [Fact]
    public void A_verb_shows_no_character_that_steers_the_terminal()
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var terminal = new Terminal(output, error);
        terminal.Result(Hostile);
        terminal.Remark(Hostile);
        terminal.Complain(Hostile);
        terminal.Json(new System.Text.Json.Nodes.JsonObject { ["name"] = Hostile[..^1] });
        terminal.Result(new Table().AddColumn("Label").AddRow(new Text(Hostile[..^1])));
        AssertHarmless(output.ToString());
        AssertHarmless(error.ToString());
        Assert.Equal(Hostile[..^1],
            System.Text.Json.Nodes.JsonNode.Parse(output.ToString().Split('\n').Single(l => l.StartsWith('{')))!["name"]!.GetValue<string>());
    }

    private static void AssertHarmless(string text) => Assert.DoesNotContain(text, c => c is not '\n' && (char.IsControl(c) || c is '\u202e' or '\ud83d'));
}
