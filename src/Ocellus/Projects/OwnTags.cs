using Ocellus.Encodings;
using Ocellus.Refusals;

namespace Ocellus.Projects;

/// <summary>Tags that have a meaning here: their names begin with <c>ocellus:</c>, and all others are the user's own.</summary>
internal static class OwnTags
{
    private const string Prefix = "ocellus:";

    /// <summary>The tags that each kind of resource may have.</summary>
    private static readonly Dictionary<ArnKind, string[]> _known = new()
    {
        [ArnKind.Project] = [ProjectTags.Labels],
        [ArnKind.Dataset] = [],
        [ArnKind.ProjectVersion] =
        [
            HostingTags.IdleStopMinutes, HostingTags.WakeOnDetect, TrainingTags.Plan, TrainingTags.MaxAnswerMilliseconds, TrainingTags.Recipe,
            TrainingTags.StartFrom, TrainingTags.Precision,
        ],
    };

    /// <summary>Checks the tags of a resource.</summary>
    /// <exception cref="RefusedException">Invalid: a name that begins with <c>ocellus:</c> and has no meaning there, or a value that is not
    /// understood.</exception>
    public static void Check(ArnKind resource, IReadOnlyDictionary<string, string>? tags)
    {
        // A misspelt tag would have no effect and nobody would notice: the model would never stop.
        var known = _known[resource];
        if (tags?.Keys.FirstOrDefault(k => k.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase) && !known.Contains(k)) is { } unknown)
        {
            var name = resource switch { ArnKind.Project => "project", ArnKind.Dataset => "dataset", ArnKind.ProjectVersion => "model version" };
            var right = known.Length == 0
                ? $"a {name} has none that begin with {Prefix}"
                : $"those of a {name} that begin with {Prefix} are {string.Join(", ", known)}";
            throw Refused.Invalid($"The tag {Readable.Truncate(unknown)} has no meaning on a {name}: {right}.");
        }

        ProjectTags.Check(tags);
        HostingTags.Check(tags);
        TrainingTags.Check(tags);
    }
}
