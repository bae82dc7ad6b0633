using System.CommandLine;

namespace Ocellus.Commands;

/// <summary>The option <c>--max-answer-time</c>.</summary>
internal static class AnswerTime
{
    /// <summary>Longer than any input takes.</summary>
    private static readonly TimeSpan _max = TimeSpan.FromMinutes(1);

    public static Option<TimeSpan?> Option() =>
        new Option<TimeSpan?>("--max-answer-time")
        {
            Description = "Longest time of an answer on one core of this machine, such as 60ms. The input is chosen within it.",
            HelpName = "TIME",
            CustomParser = CommandLine.ParseDuration,
        }.Refusing((time, text) => time >= TimeSpan.FromMilliseconds(1) && time <= _max
            ? null
            : $"--max-answer-time is {text}; it must be from 1ms to 60s, such as 60ms or 0.5s.");
}
