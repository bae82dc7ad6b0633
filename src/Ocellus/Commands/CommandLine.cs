using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Options;
using Ocellus.Refusals;
using Ocellus.Settings;
using Ocellus.Transfer;
using Ocellus.Vision.Images;

namespace Ocellus.Commands;

/// <summary>The exit codes.</summary>
internal static class ExitCodes
{
    public const int Done = 0;

    /// <summary>Refused: bad input, or something that the machine lacks. Standard error says what.</summary>
    public const int Refused = 1;

    /// <summary>The command line itself was wrong.</summary>
    public const int Usage = 2;

    /// <summary>Ctrl-C or SIGTERM, by the convention of shells: 128 + SIGINT.</summary>
    public const int Interrupted = 130;
}

/// <summary>All verbs, and what they share: exit codes, readable errors, a clean end on Ctrl-C.</summary>
internal static class CommandLine
{
    /// <summary>Set to show the stack trace of an unexpected error.</summary>
    public const string TraceVariable = "OCELLUS_TRACE";

    /// <summary>
    /// Longest clean end after Ctrl-C: the models' drain (30 s), what follows it (15 s), and some room. A training's checkpoint takes 15 s at most.
    /// </summary>
    private static readonly TimeSpan _endWait = TimeSpan.FromSeconds(60);

    public static RootCommand Create() => new("Ocellus: Amazon Rekognition Custom Labels on your own machine.")
    {
        DemoCommand.Create(),
        ServeCommand.Create(),
        TrainCommand.Create(),
        DetectCommand.Create(),
        EvaluateCommand.Create(),
        ExportCommand.Create(),
        ConvertCommand.Create(),
        CheckCommand.Create(),
        ImportCommand.Create(),
        ExportDatasetCommand.Create(),
        PullCommand.Create(),
        EnvCommand.Create(),
        ConsoleCommand.Create(),
        KeysCommand.Create(),
        NodesCommand.Create(),
        BackupCommand.Create(),
        RestoreCommand.Create(),
        MigrateCommand.Create(),
        DoctorCommand.Create(),
        TrainJobCommand.Create(),
        LoadCheckCommand.Create(),
        ModelCheckCommand.Create(),
        CompletionCommand.Create(Create),
    };

    /// <summary>Runs a command line and returns its exit code.</summary>
    public static async Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        // A name that begins with @ is that of a file like any other.
        var parsed = Create().Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        var settings = new InvocationConfiguration { ProcessTerminationTimeout = _endWait, EnableDefaultExceptionHandler = false };
        if (parsed.Action is HelpAction)
        {
            using var help = new StringWriter();
            settings.Output = help;
            await parsed.InvokeAsync(settings);
            await System.Console.Out.WriteAsync(HelpText.Complete(help.ToString(), parsed.CommandResult.Command));
            return ExitCodes.Done;
        }

        var mistakes = parsed.Action is ParseErrorAction ? UsageErrors.Of(parsed) : UsageErrors.Empty(parsed);
        if (mistakes.Count == 0)
        {
            return await parsed.InvokeAsync(settings);
        }

        // Standard output is for results, never for help. The whole help would bury the one line that matters.
        if (arguments.Count == 0)
        {
            using var help = new StringWriter();
            await Create().Parse(["--help"]).InvokeAsync(new InvocationConfiguration { Output = help });
            await System.Console.Error.WriteAsync(HelpText.Complete(help.ToString(), parsed.CommandResult.Command));
            return ExitCodes.Usage;
        }

        var terminal = new Terminal(System.Console.Out, System.Console.Error);
        foreach (var sentence in mistakes)
        {
            terminal.Complain(sentence);
        }

        var verb = parsed.CommandResult.Command is RootCommand ? "" : $" {parsed.CommandResult.Command.Name}";
        terminal.Remark($"`{Invocation.Name}{verb} --help` shows its options.");
        return ExitCodes.Usage;
    }

    /// <summary>Refuses values of an option; <paramref name="mistake"/> gets the value and what was typed, and gives null for what is fine.</summary>
    public static Option<T> Refusing<T>(this Option<T> option, Func<T, string, string?> mistake)
    {
        option.Validators.Add(result =>
        {
            T? value;
            try
            {
                value = result.GetValueOrDefault<T>();
            }
            catch (InvalidOperationException)
            {
                // Not of its type at all, which the library reports.
                return;
            }

            if (value is not null && mistake(value, result.Tokens.Count > 0 ? result.Tokens[0].Value : "") is { } sentence)
            {
                result.AddError(sentence);
            }
        });
        return option;
    }

    /// <summary>Reads the value of an option that is a length of time.</summary>
    public static TimeSpan? ParseDuration(ArgumentResult result)
    {
        if (Duration.TryParse(result.Tokens[0].Value, out var time))
        {
            return time;
        }

        result.AddError($"{(result.Parent as OptionResult)?.IdentifierToken?.Value} is '{result.Tokens[0].Value}'; it takes {Duration.Form}.");
        return null;
    }

    /// <summary>Sets a verb's action. Refusals become one message on standard error and exit code 1, never a stack trace.</summary>
    public static void Act(this Command command, Func<ParseResult, Terminal, CancellationToken, Task<int>> run) =>
        // On a thread of its own from the start: the library waits at Ctrl-C for a verb that has given it its task, and ends the program at once before that.
        command.SetAction((parsed, cancel) =>
            Task.Run(() => GuardAsync(parsed, new Terminal(System.Console.Out, System.Console.Error), run, cancel), CancellationToken.None));

    private static async Task<int> GuardAsync(
        ParseResult parsed, Terminal terminal, Func<ParseResult, Terminal, CancellationToken, Task<int>> run, CancellationToken cancel)
    {
        // The library handles signals from when it has the task. A server may start without waiting for anything, and would be ended by one until then.
        await Task.Yield();
        try
        {
            return await run(parsed, terminal, cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return ExitCodes.Interrupted;
        }
        catch (Exception failure) when (IsExpected(failure))
        {
            Fail(parsed, terminal, failure.Message);
            return ExitCodes.Refused;
        }
        catch (Exception failure)
        {
            var trace = Environment.GetEnvironmentVariable(TraceVariable) is { Length: > 0 };
            Fail(
                parsed, terminal,
                $"Unexpected error: {failure.GetType().Name}: {failure.Message}{(trace ? "" : $" Please report it with the output of {TraceVariable}=1.")}");
            if (trace)
            {
                terminal.Remark($"{failure}");
            }

            return ExitCodes.Refused;
        }
    }

    /// <summary>A program that asked for JSON gets an object on standard output too, whose only member says what was wrong.</summary>
    private static void Fail(ParseResult parsed, Terminal terminal, string message)
    {
        terminal.Complain(message);
        if (parsed.CommandResult.Command.Options.OfType<Option<bool>>().FirstOrDefault(o => o.Name == "--json") is { } json && parsed.GetValue(json))
        {
            terminal.Json(new JsonObject { ["error"] = message });
        }
    }

    private static bool IsExpected(Exception failure) =>
        failure is CommandRefusedException
            or ServiceException
            or RefusedException
            or ImageRefusedException
            or InvalidDataException
            or IOException
            or UnauthorizedAccessException
            or OptionsValidationException;
}
