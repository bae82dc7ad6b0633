using System.Globalization;
using Ocellus.Encodings;
using Ocellus.Refusals;

namespace Ocellus.Projects;

/// <summary>Tags of a project version that say how it is trained: AWS has no members for this, and every AWS client can set tags.</summary>
[Assumed(
    "Tag `ocellus:max-answer-ms` of CreateProjectVersion",
    "It exists only here: the longest time of an answer, in milliseconds on one core of this machine, that a classifier's input may be chosen for. A value "
    + "that is not understood is `InvalidParameterException`. After the training it has no effect.")]
internal static class TrainingTags
{
    /// <summary>Maximum time of an answer on one core, milliseconds, 1 to 60000.</summary>
    public const string MaxAnswerMilliseconds = "ocellus:max-answer-ms";

    /// <summary>A minute: longer than any input takes.</summary>
    private const int MillisecondsMax = 60_000;

    /// <summary>Checks the tags that have a meaning here; all others are the user's own.</summary>
    /// <exception cref="RefusedException">Invalid: a value that is not understood.</exception>
    public static void Check(IReadOnlyDictionary<string, string>? tags) => _ = MaxAnswer(tags);

    /// <summary>Reads <see cref="MaxAnswerMilliseconds"/>; null without it.</summary>
    /// <exception cref="RefusedException">Invalid: a value that is not understood.</exception>
    public static TimeSpan? MaxAnswer(IReadOnlyDictionary<string, string>? tags) => tags?.GetValueOrDefault(MaxAnswerMilliseconds) switch
    {
        null => null,
        { } value when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is >= 1 and <= MillisecondsMax =>
            TimeSpan.FromMilliseconds(number),
        { } value => throw Refused.Invalid(
            $"The tag {MaxAnswerMilliseconds} is '{Readable.Truncate(value)}'; it takes a whole number of milliseconds from 1 to {MillisecondsMax}."),
    };
}
