using Ocellus.Commands;
using Spectre.Console;

namespace Ocellus.Tests.Commands;

public class RecordBlocksTests
{
    private static readonly IAnsiConsole _console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(TextWriter.Null) });

    [Fact]
    public void Each_row_is_a_block_with_a_line_for_each_column()
    {
        var table = new Table().AddColumns("Access key", "User");
        table.AddRow("AKIA0", "ann").AddRow("AKIA1", "");

        Assert.Equal(["Access key  AKIA0", "User        ann", "", "Access key  AKIA1"], RecordBlocks.Lines(table, _console));
    }

    [Fact]
    public void A_row_that_goes_on_with_the_one_above_stays_in_its_block()
    {
        var table = new Table().AddColumns("Image", "Label");
        table.AddRow("a.jpg", "red").AddRow("", "white").AddEmptyRow().AddRow("b.jpg", "red");

        Assert.Equal(["Image  a.jpg", "Label  red", "Label  white", "", "Image  b.jpg", "Label  red"], RecordBlocks.Lines(table, _console));
    }

    [Fact]
    public void What_is_wider_than_the_terminal_is_not_broken()
    {
        var path = string.Join('/', Enumerable.Repeat("folder", 40));
        var table = new Table().AddColumns("", "Found");
        table.AddRow(new Text("ok"), new Text(path));

        Assert.Equal(["ok", "Found  " + path], RecordBlocks.Lines(table, _console));
    }
}
