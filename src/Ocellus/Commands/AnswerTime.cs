using System.CommandLine;
using System.Globalization;

namespace Ocellus.Commands;

/// <summary>The option <c>--max-answer-time</c>: a number with <c>ms</c> or <c>s</c>.</summary>
internal static class AnswerTime
{
    /// <summary>A minute: longer than any input takes.</summary>
    private const int MillisecondsMax = 60_000;

    public static Option<string?> Option()
    {
        var option = new Option<string?>("--max-answer-time")
        {
            Description = "Longest time of an answer on one core of this machine, such as 60ms. A classifier's input is chosen within it.",
            HelpName = "TIME",
        };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<string?>() is { } text && Parse(text) is null)
            {
                result.AddError($"--max-answer-time is {text}; it is a number of milliseconds or seconds from 1ms to 60s, such as 60ms or 0.5s.");
            }
        });
        return option;
    }

    /// <summary>Milliseconds; null if it is not a time from 1 ms to a minute.</summary>
    public static double? Parse(string? text)
    {
        var (unit, factor) = text?.EndsWith("ms", StringComparison.Ordinal) is true ? ("ms", 1) : ("s", 1000);
        return text is not null && text.EndsWith(unit, StringComparison.Ordinal)
            && double.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
            && number * factor is >= 1 and <= MillisecondsMax
            ? number * factor
            : null;
    }
}
