using System.Globalization;
using Ocellus.Encodings;
using Ocellus.Refusals;

namespace Ocellus.Projects;

/// <summary>Tags of a project version that say how it is trained, for which AWS has no members. They are read when the version is created.</summary>
[Assumed(
    "Tags `ocellus:plan` and `ocellus:max-answer-ms`",
    "They exist only here, on a new model version. `ocellus:plan`: the ARN of a version of the same account and region, whose training is repeated whatever "
    + "the clock. `ocellus:max-answer-ms`: the longest time of an answer, in milliseconds on one core of this machine, that the model's input may be "
    + "chosen for. A value that is not understood, or names no such version or one without a plan, is `InvalidParameterException`. On a version that exists "
    + "they change nothing.")]
internal static class TrainingTags
{
    /// <summary>ARN of the version whose plan is repeated.</summary>
    public const string Plan = "ocellus:plan";

    /// <summary>Maximum time of an answer on one core, milliseconds, 1 to 60000.</summary>
    public const string MaxAnswerMilliseconds = "ocellus:max-answer-ms";

    /// <summary>A minute: longer than any input takes.</summary>
    private const int MillisecondsMax = 60_000;

    /// <summary>Checks the form of the values.</summary>
    /// <exception cref="RefusedException">Invalid: a value that is not understood.</exception>
    public static void Check(IReadOnlyDictionary<string, string>? tags)
    {
        if (tags?.GetValueOrDefault(Plan) is { } plan && Arn.TryParse(plan) is not { Kind: ArnKind.ProjectVersion })
        {
            throw Refused.Invalid(
                $"The tag {Plan} is '{Readable.Truncate(plan)}'; it takes the ARN of the model version whose training is to be repeated.");
        }

        _ = MaxAnswer(tags);
    }

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
