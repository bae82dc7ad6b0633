using Ocellus.Encodings;
using Ocellus.Refusals;

namespace Ocellus.Projects;

/// <summary>Tags that have a meaning here: their names begin with <c>ocellus:</c>, and all others are the user's own.</summary>
internal static class OwnTags
{
    private const string Prefix = "ocellus:";

    /// <summary>The tags that a model version may have.</summary>
    private static readonly string[] _known = [HostingTags.IdleStopMinutes, HostingTags.WakeOnDetect, TrainingTags.Plan, TrainingTags.MaxAnswerMilliseconds];

    /// <summary>Checks the tags of a resource.</summary>
    /// <exception cref="RefusedException">Invalid: a name that begins with <c>ocellus:</c> and has no meaning there, or a value that is not
    /// understood.</exception>
    public static void Check(ArnKind resource, IReadOnlyDictionary<string, string>? tags)
    {
        // A misspelt tag would have no effect and nobody would notice: the model would never stop.
        if (tags?.Keys.FirstOrDefault(
            k => k.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) && !(resource == ArnKind.ProjectVersion && _known.Contains(k))) is { } unknown)
        {
            throw Refused.Invalid(
                resource == ArnKind.ProjectVersion
                    ? $"The tag {Readable.Truncate(unknown)} has no meaning; tags of a model version that begin with {Prefix} are {string.Join(", ", _known)}."
                    : $"The tag {Readable.Truncate(unknown)} has no meaning on a {(resource == ArnKind.Project ? "project" : "dataset")}: tags that begin with "
                        + $"{Prefix} belong on model versions.");
        }

        HostingTags.Check(tags);
        TrainingTags.Check(tags);
    }
}
