using System.Text.Json.Nodes;
using Ocellus.Datasets.Manifests;
using Ocellus.Encodings;
using Ocellus.Training.Job;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Ocellus.Commands;

/// <summary>
/// Where a verb writes. Results go to standard output and all else (progress, remarks, refusals) to standard error, so that
/// <c>--json</c> leaves nothing but JSON in a pipe. Names of files and labels, and what a server responds, come from others: they are escaped, so that they
/// cannot control the terminal.
/// </summary>
internal sealed class Terminal
{
    /// <summary>Columns of a table that goes to a file or a pipe, where nothing has to fit a screen.</summary>
    private const int PipeColumns = 200;

    private readonly TextWriter _output;
    private readonly TextWriter _error;
    private readonly IAnsiConsole _results;
    private readonly IAnsiConsole _remarks;

    public Terminal(TextWriter output, TextWriter error)
    {
        (_output, _error) = (output, error);
        _results = Open(output, System.Console.IsOutputRedirected);
        _remarks = Open(error, System.Console.IsErrorRedirected);
    }

    /// <summary>A line of the result, never wrapped: paths and commands can be copied from it.</summary>
    public void Result(string text = "") => _output.WriteLine(Shown(text));

    /// <summary>A table of the result; on a narrow terminal its records one below the other.</summary>
    public void Result(Table table)
    {
        if (_results.Profile.Width >= RecordBlocks.TableColumns)
        {
            _results.Write(table);
            return;
        }

        foreach (var line in RecordBlocks.Lines(table, _results))
        {
            _output.WriteLine(Readable.Plain(line));
        }
    }

    /// <summary>A JSON document on one line of standard output, names in any script readable. Escapes are those of JSON.</summary>
    public void Json(JsonNode document) => _output.WriteLine(Readable.Plain(document.ToJsonString(ParsedLine.Compact)));

    /// <summary>A line that is not part of the result.</summary>
    public void Remark(string text = "") => _error.WriteLine(Shown(text));

    /// <summary>Why a verb failed.</summary>
    public void Complain(string text) => _error.WriteLine($"ocellus: {Shown(text)}");

    /// <summary>Shows the progress of work: bars on a terminal, otherwise a line now and then.</summary>
    /// <param name="work">The work.</param>
    /// <param name="succeeded">Whether it did what it should; the last bar stays where it is if not. Without it, work that returns has.</param>
    public async Task<T> ShowAsync<T>(Func<IProgress<JobProgress>, Task<T>> work, Func<T, bool>? succeeded = null)
    {
        if (System.Console.IsErrorRedirected || !_remarks.Profile.Capabilities.Ansi)
        {
            return await work(new PhaseLines(_error, TimeProvider.System));
        }

        return await _remarks.Progress()
            .Columns(
                new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new SecondsLeftColumn(),
                new SpinnerColumn())
            .StartAsync(async context =>
            {
                var bars = new PhaseBars(context);
                var result = await work(bars);
                if (succeeded?.Invoke(result) ?? true)
                {
                    bars.Finish();
                }

                return result;
            });
    }

    /// <summary>Messages name commands as <c>ocellus verb</c>; a person reads them as the program was started.</summary>
    private static string Shown(string text) => Invocation.Localize(Readable.Plain(text, lines: true), Invocation.Name);

    private static IAnsiConsole Open(TextWriter writer, bool redirected)
    {
        var console = AnsiConsole.Create(
            new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer), Ansi = redirected ? AnsiSupport.No : AnsiSupport.Detect });
        if (redirected)
        {
            console.Profile.Width = PipeColumns;
        }

        console.Pipeline.Attach(new PlainText());
        return console;
    }

    /// <summary>Escapes the texts of tables and bars; the codes that place and colour them stay.</summary>
    private sealed class PlainText : IRenderHook
    {
        public IEnumerable<IRenderable> Process(RenderOptions options, IEnumerable<IRenderable> renderables) => renderables.Select(r => new Escaped(r));

        private sealed class Escaped(IRenderable inner) : IRenderable
        {
            public Measurement Measure(RenderOptions options, int maxWidth) => inner.Measure(options, maxWidth);

            public IEnumerable<Segment> Render(RenderOptions options, int maxWidth) =>
                inner.Render(options, maxWidth).Select(s => s.IsControlCode || s.IsLineBreak ? s : new Segment(Readable.Plain(s.Text, lines: true), s.Style));
        }
    }
}
