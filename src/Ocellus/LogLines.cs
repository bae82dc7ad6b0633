using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using Ocellus.Encodings;

namespace Ocellus;

/// <summary>
/// Writes the log, one line per event: <c>time level: category[event] message exception</c>, the time in UTC. Messages contain text from
/// clients, so every character that could start another line or control a terminal is escaped as in source code.
/// </summary>
internal sealed class LogLines() : ConsoleFormatter(FormatName)
{
    public const string FormatName = "ocellus";

    private const string Reset = "\u001b[0m";

    /// <summary>Only for a terminal: a file would keep the escape codes.</summary>
    private readonly bool _colours = !System.Console.IsErrorRedirected;

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var (word, colour) = Level(logEntry.LogLevel);
        textWriter.Write(TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z' ", CultureInfo.InvariantCulture));
        textWriter.Write(_colours ? $"{colour}{word}{Reset}" : word);
        textWriter.Write($": {Readable.Plain(logEntry.Category)}[{logEntry.EventId.Id}] ");
        textWriter.Write(Readable.Plain(logEntry.Formatter(logEntry.State, logEntry.Exception)));
        if (logEntry.Exception is { } failure)
        {
            textWriter.Write(' ');
            // A stack trace spans several lines.
            textWriter.Write(Readable.Plain(failure.ToString().ReplaceLineEndings(" ")));
        }

        textWriter.Write('\n');
    }

    private static (string Word, string Colour) Level(LogLevel level) => level switch
    {
        LogLevel.Trace => ("trce", "\u001b[90m"),
        LogLevel.Debug => ("dbug", "\u001b[90m"),
        LogLevel.Information => ("info", "\u001b[32m"),
        LogLevel.Warning => ("warn", "\u001b[33m"),
        LogLevel.Error => ("fail", "\u001b[31m"),
        _ => ("crit", "\u001b[41m"),
    };
}
