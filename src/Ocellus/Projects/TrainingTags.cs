using Ocellus.Encodings;
using Ocellus.Refusals;

namespace Ocellus.Projects;

/// <summary>Tags of a project version that say how it is trained, for which AWS has no members. They are read when the version is created.</summary>
[Assumed(
    "Tag `ocellus:plan`",
    "It exists only here, on a new model version: the ARN of a version of the same account and region, whose training is repeated whatever the clock. "
    + "A value that names no such version, or one without a plan, is `InvalidParameterException`. On a version that exists it changes nothing.")]
internal static class TrainingTags
{
    /// <summary>ARN of the version whose plan is repeated.</summary>
    public const string Plan = "ocellus:plan";

    /// <summary>Checks the form of the values.</summary>
    /// <exception cref="RefusedException">Invalid: a value that is not understood.</exception>
    public static void Check(IReadOnlyDictionary<string, string>? tags)
    {
        if (tags?.GetValueOrDefault(Plan) is { } plan && Arn.TryParse(plan) is not { Kind: ArnKind.ProjectVersion })
        {
            throw Refused.Invalid(
                $"The tag {Plan} is '{Readable.Truncate(plan)}'; it takes the ARN of the model version whose training is to be repeated.");
        }
    }
}
