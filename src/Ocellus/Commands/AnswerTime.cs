using System.CommandLine;

namespace Ocellus.Commands;

/// <summary>The option <c>--max-answer-time</c>.</summary>
internal static class AnswerTime
{
    /// <summary>As of the tag <c>ocellus:max-answer-ms</c>; a minute is longer than any input takes.</summary>
    private static readonly TimeSpan _min = TimeSpan.FromMilliseconds(1), _max = TimeSpan.FromMinutes(1);

    public static Option<TimeSpan?> Option() => new Option<TimeSpan?>("--max-answer-time")
    {
        Description = "Longest time of an answer on one core of this machine, such as 60ms. A classifier's input is chosen within it.",
        HelpName = "TIME",
        CustomParser = CommandLine.ParseDuration,
    }.Refusing((time, text) => time >= _min && time <= _max
        ? null
        : $"--max-answer-time is {text}; it must be from {_min.TotalMilliseconds} ms to {_max.TotalSeconds} s.");
}
