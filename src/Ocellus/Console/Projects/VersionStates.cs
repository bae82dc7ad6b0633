using Ocellus.Projects;

namespace Ocellus.Console.Projects;

/// <summary>How a state is shown: always by a shape, a word and a colour, so that none of them is needed alone.</summary>
/// <param name="Tone">Class of the colour.</param>
/// <param name="Glyph">Name of the shape.</param>
/// <param name="Word">For people; the wire's name is in the tooltip.</param>
internal sealed record StateLook(string Tone, string Glyph, string Word);

/// <summary>The look of each state of a version.</summary>
internal static class VersionStates
{
    public static StateLook Look(ProjectVersionStatus status) => status switch
    {
        ProjectVersionStatus.TRAINING_IN_PROGRESS => new("work", "ring", "Training"),
        ProjectVersionStatus.COPYING_IN_PROGRESS => new("work", "ring", "Copying"),
        ProjectVersionStatus.TRAINING_COMPLETED => new("ready", "diamond", "Trained"),
        ProjectVersionStatus.COPYING_COMPLETED => new("ready", "diamond", "Copied"),
        ProjectVersionStatus.STARTING => new("move", "half", "Starting"),
        ProjectVersionStatus.STOPPING => new("move", "half", "Stopping"),
        ProjectVersionStatus.RUNNING => new("run", "disc", "Running"),
        ProjectVersionStatus.STOPPED => new("rest", "square", "Stopped"),
        ProjectVersionStatus.TRAINING_FAILED => new("fail", "triangle", "Training failed"),
        ProjectVersionStatus.COPYING_FAILED => new("fail", "triangle", "Copying failed"),
        ProjectVersionStatus.FAILED => new("fail", "triangle", "Failed"),
        ProjectVersionStatus.DELETING => new("gone", "struck", "Deleting"),
        ProjectVersionStatus.DEPRECATED => new("gone", "struck", "Deprecated"),
        ProjectVersionStatus.EXPIRED => new("gone", "struck", "Expired"),
    };
}
