using Spectre.Console;
using Spectre.Console.Rendering;

namespace Ocellus.Commands;

/// <summary>
/// A table as one record a block, a line for each column: for terminals too narrow for it, where a table would break keys and paths in the middle of a word.
/// </summary>
internal static class RecordBlocks
{
    /// <summary>Columns of a terminal from which tables are shown as tables.</summary>
    public const int TableColumns = 80;

    /// <summary>The lines, none of them wrapped; records are apart by an empty line. A cell without a text has no line.</summary>
    public static IEnumerable<string> Lines(Table table, IAnsiConsole console)
    {
        List<string> names = [.. table.Columns.Select(column => Text(column.Header, console))];
        var width = names.Max(name => name.Length);
        var first = true;
        foreach (var row in table.Rows)
        {
            List<string> cells = [.. row.Select(cell => Text(cell, console))];
            // A row that repeats what is above it leaves that cell empty: it stays in the block.
            if (!first && cells[0].Length > 0)
            {
                yield return "";
            }

            foreach (var (name, text) in names.Zip(cells).Where(pair => pair.Second.Length > 0))
            {
                first = false;
                yield return $"{name.PadRight(width)}  {text}".TrimStart();
            }
        }
    }

    /// <summary>What a cell says, on one line; a width is given because a text breaks at it.</summary>
    private static string Text(IRenderable renderable, IAnsiConsole console)
    {
        const int width = 1 << 20;
        var segments = renderable.Render(RenderOptions.Create(console), width).Where(segment => !segment.IsControlCode);
        return string.Concat(segments.Select(segment => segment.IsLineBreak ? " " : segment.Text)).Trim();
    }
}
