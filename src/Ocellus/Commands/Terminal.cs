using System.Text.Json;
using System.Text.Json.Nodes;
using Ocellus.Datasets.Manifests;
using Ocellus.Training;
using Spectre.Console;

namespace Ocellus.Commands;

/// <summary>
/// Where a verb writes. Results go to standard output and all else (progress, remarks, refusals) to standard error, so that
/// <c>--json</c> leaves nothing but JSON in a pipe.
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
        _results = Open(output, Console.IsOutputRedirected);
        _remarks = Open(error, Console.IsErrorRedirected);
    }

    /// <summary>A line of the result, never wrapped: paths and commands can be copied from it.</summary>
    public void Result(string text = "") => _output.WriteLine(text);

    /// <summary>A table of the result.</summary>
    public void Result(Table table) => _results.Write(table);

    /// <summary>A JSON document on one line of standard output, names in any script readable.</summary>
    public void Json(JsonNode document) => _output.WriteLine(document.ToJsonString(ParsedLine.Compact));

    /// <summary>A line beside the result.</summary>
    public void Remark(string text = "") => _error.WriteLine(text);

    /// <summary>Why a verb does not do what it was asked.</summary>
    public void Complain(string text) => _error.WriteLine($"ocellus: {text}");

    /// <summary>Shows a training's progress: bars on a terminal, otherwise a line now and then.</summary>
    public async Task<T> ShowAsync<T>(Func<IProgress<JobProgress>, Task<T>> work)
    {
        if (Console.IsErrorRedirected || !_remarks.Profile.Capabilities.Ansi)
        {
            return await work(new PhaseLines(_error, TimeProvider.System));
        }

        return await _remarks.Progress()
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new SecondsLeftColumn(), new SpinnerColumn())
            .StartAsync(async context =>
            {
                var bars = new PhaseBars(context);
                var result = await work(bars);
                bars.Finish();
                return result;
            });
    }

    private static IAnsiConsole Open(TextWriter writer, bool redirected)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(writer), Ansi = redirected ? AnsiSupport.No : AnsiSupport.Detect });
        if (redirected)
        {
            console.Profile.Width = PipeColumns;
        }

        return console;
    }
}
