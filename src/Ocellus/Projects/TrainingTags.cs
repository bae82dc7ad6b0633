using System.Globalization;
using Ocellus.Encodings;
using Ocellus.Refusals;

namespace Ocellus.Projects;

/// <summary>Tags of a project version that say how it is trained, for which AWS has no members. They are read when the version is created.</summary>
[Assumed(
    "Tags `ocellus:plan`, `ocellus:max-answer-ms`, `ocellus:recipe`, `ocellus:start-from` and `ocellus:precision`",
    "They exist only here, on a new model version. `ocellus:plan`: the ARN of a version of the same account and region, whose training is repeated whatever "
    + "the clock. `ocellus:max-answer-ms`: the longest time of an answer, in milliseconds on one core of this machine, that the model's input may be "
    + "chosen for. `ocellus:recipe`: `quick` for a model in about half a minute; not with `ocellus:plan`. `ocellus:start-from`: the ARN of a finished "
    + "version of the same account, region and kind that the caller may copy; the training goes on from its weights and keeps its input, so it is not for "
    + "`ocellus:max-answer-ms`. `ocellus:precision`: `int8` for a model that computes with 8 bits if its test allows it, or `float`. A value that is not "
    + "understood, or names no such version or one without a plan, is `InvalidParameterException`. On a version that exists they change nothing.")]
internal static class TrainingTags
{
    /// <summary>ARN of the version whose plan is repeated.</summary>
    public const string Plan = "ocellus:plan";

    /// <summary>Maximum time of an answer on one core, milliseconds, 1 to 60000.</summary>
    public const string MaxAnswerMilliseconds = "ocellus:max-answer-ms";

    /// <summary>How the model is trained: <see cref="Quick"/>; without the tag as well as it can be in minutes.</summary>
    public const string Recipe = "ocellus:recipe";

    /// <summary>The value of <see cref="Recipe"/> for a model in about half a minute.</summary>
    public const string Quick = "quick";

    /// <summary>ARN of the version whose model is gone on from.</summary>
    public const string StartFrom = "ocellus:start-from";

    /// <summary>What the model computes with: <see cref="Int8"/> or <see cref="Float"/>; without the tag what the setting for all says.</summary>
    public const string Precision = "ocellus:precision";

    /// <summary>A value of <see cref="Precision"/>: 8 bits, if the test allows it.</summary>
    public const string Int8 = "int8";

    /// <summary>A value of <see cref="Precision"/>.</summary>
    public const string Float = "float";

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

        if (tags?.GetValueOrDefault(StartFrom) is { } start && Arn.TryParse(start) is not { Kind: ArnKind.ProjectVersion })
        {
            throw Refused.Invalid($"The tag {StartFrom} is '{Readable.Truncate(start)}'; it takes the ARN of the model version that is to be gone on from.");
        }

        if (MaxAnswer(tags) is not null && tags!.ContainsKey(StartFrom))
        {
            throw Refused.Invalid(
                $"The tags {MaxAnswerMilliseconds} and {StartFrom} exclude each other: the input of the earlier model is kept. Leave one of them out.");
        }

        IsInt8(tags);
        if (IsQuick(tags) && tags!.ContainsKey(Plan))
        {
            throw Refused.Invalid($"The tags {Recipe} and {Plan} exclude each other: a plan that is repeated has its own recipe. Leave one of them out.");
        }
    }

    /// <summary>Reads <see cref="Recipe"/>; false without it.</summary>
    /// <exception cref="RefusedException">Invalid: a value that is not understood.</exception>
    public static bool IsQuick(IReadOnlyDictionary<string, string>? tags) => tags?.GetValueOrDefault(Recipe) switch
    {
        null => false,
        Quick => true,
        { } value => throw Refused.Invalid(
            $"The tag {Recipe} is '{Readable.Truncate(value)}'; it takes '{Quick}', for a model in about half a minute. Leave it out for the best model."),
    };

    /// <summary>Reads <see cref="Precision"/>; null without it.</summary>
    /// <exception cref="RefusedException">Invalid: a value that is not understood.</exception>
    public static bool? IsInt8(IReadOnlyDictionary<string, string>? tags) => tags?.GetValueOrDefault(Precision) switch
    {
        null => null,
        Int8 => true,
        Float => false,
        { } value => throw Refused.Invalid(
            $"The tag {Precision} is '{Readable.Truncate(value)}'; it takes '{Int8}', for a model that computes with 8 bits if its test allows it, or "
                + $"'{Float}'."),
    };

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
