using Ocellus.Encodings;
using Ocellus.Refusals;

namespace Ocellus.Projects;

/// <summary>States of a project version, spelled as on the wire.</summary>
internal enum ProjectVersionStatus
{
    TRAINING_IN_PROGRESS,
    TRAINING_COMPLETED,
    TRAINING_FAILED,
    STARTING,
    RUNNING,
    FAILED,
    STOPPING,
    STOPPED,
    DELETING,
    COPYING_IN_PROGRESS,
    COPYING_COMPLETED,
    COPYING_FAILED,

    /// <summary>In the service model for adapters only; never set here.</summary>
    DEPRECATED,

    /// <summary>In the service model for adapters only; never set here.</summary>
    EXPIRED,
}

/// <summary>What can happen to a project version.</summary>
internal enum VersionEvent
{
    Trained,
    TrainingFailed,
    Copied,
    CopyFailed,

    /// <summary>A start was requested.</summary>
    StartRequested,

    /// <summary>The model is loaded and takes requests.</summary>
    Loaded,

    /// <summary>A stop was requested.</summary>
    StopRequested,

    /// <summary>The last request has ended and the memory is free.</summary>
    Drained,

    /// <summary>Hosting failed for good.</summary>
    HostingFailed,

    /// <summary>The server has restarted; the version was running when it ended.</summary>
    ServerRestarted,

    /// <summary>A deletion was requested.</summary>
    DeleteRequested,
}

/// <summary>The lifecycle of a project version: which state follows which event. Every change of a version's state goes through here.</summary>
internal static class ProjectVersionStates
{
    /// <summary>The next state, or null if the state does not allow the event.</summary>
    [Evidence("ProjectVersionStatus of service model rekognition-2016-06-27; waiters ProjectVersionTrainingCompleted and ProjectVersionRunning")]
    [Assumed("States: a FAILED version", "It can be started again.")]
    [Assumed("States: a version that is deleted twice", "The second DeleteProjectVersion answers `DELETING`, as the first did.")]
    [Assumed(
        "States: a version that was RUNNING when the server ended",
        "It is `STARTING` until its model is loaded again. A version that was `STOPPING` becomes `STOPPED`.")]
    public static ProjectVersionStatus? Next(ProjectVersionStatus now, VersionEvent what) => (now, what) switch
    {
        (ProjectVersionStatus.TRAINING_IN_PROGRESS, VersionEvent.Trained) => ProjectVersionStatus.TRAINING_COMPLETED,
        (ProjectVersionStatus.TRAINING_IN_PROGRESS, VersionEvent.TrainingFailed) => ProjectVersionStatus.TRAINING_FAILED,
        (ProjectVersionStatus.COPYING_IN_PROGRESS, VersionEvent.Copied) => ProjectVersionStatus.COPYING_COMPLETED,
        (ProjectVersionStatus.COPYING_IN_PROGRESS, VersionEvent.CopyFailed) => ProjectVersionStatus.COPYING_FAILED,
        (ProjectVersionStatus.TRAINING_COMPLETED or ProjectVersionStatus.COPYING_COMPLETED or ProjectVersionStatus.STOPPED
            or ProjectVersionStatus.FAILED, VersionEvent.StartRequested) => ProjectVersionStatus.STARTING,
        (ProjectVersionStatus.STARTING, VersionEvent.Loaded) => ProjectVersionStatus.RUNNING,
        (ProjectVersionStatus.RUNNING, VersionEvent.StopRequested) => ProjectVersionStatus.STOPPING,
        (ProjectVersionStatus.STOPPING, VersionEvent.Drained) => ProjectVersionStatus.STOPPED,
        (ProjectVersionStatus.RUNNING, VersionEvent.ServerRestarted) => ProjectVersionStatus.STARTING,
        (ProjectVersionStatus.STARTING or ProjectVersionStatus.RUNNING or ProjectVersionStatus.STOPPING, VersionEvent.HostingFailed) =>
            ProjectVersionStatus.FAILED,
        (ProjectVersionStatus.TRAINING_COMPLETED or ProjectVersionStatus.TRAINING_FAILED or ProjectVersionStatus.COPYING_COMPLETED
            or ProjectVersionStatus.COPYING_FAILED
            or ProjectVersionStatus.STOPPED or ProjectVersionStatus.FAILED or ProjectVersionStatus.DEPRECATED or ProjectVersionStatus.EXPIRED
            // A second delete is answered like the first.
            or ProjectVersionStatus.DELETING, VersionEvent.DeleteRequested) => ProjectVersionStatus.DELETING,
        _ => null,
    };

    /// <summary>The refusal of an event that a state does not allow.</summary>
    [Assumed(
        "States: start, stop or delete in the wrong state",
        "`ResourceInUseException`; the message names the state and what to wait for. Starting a `TRAINING_FAILED` or `COPYING_FAILED` version is "
        + "`InvalidParameterException`. For a version that is being deleted, Start and Stop are `ResourceNotFoundException` and DetectCustomLabels is "
        + "`ResourceNotReadyException`.")]
    public static RefusedException Refusal(ProjectVersionStatus now, VersionEvent what, string arn) => (now, what) switch
    {
        (ProjectVersionStatus.DELETING, _) => Refused.NotFound($"The model version {Readable.Truncate(arn)} is being deleted."),
        (ProjectVersionStatus.TRAINING_FAILED or ProjectVersionStatus.COPYING_FAILED or ProjectVersionStatus.DEPRECATED
            or ProjectVersionStatus.EXPIRED, VersionEvent.StartRequested) =>
            Refused.Invalid($"The model version is {now}: it has no model to start. Train another version."),
        (_, VersionEvent.StartRequested) =>
            Refused.InUse($"The model version is {now}; it can be started when it is TRAINING_COMPLETED, COPYING_COMPLETED, STOPPED or FAILED.{Wait(now)}"),
        (_, VersionEvent.StopRequested) => Refused.InUse($"The model version is {now}; only a RUNNING one can be stopped.{Wait(now)}"),
        (_, VersionEvent.DeleteRequested) =>
            Refused.InUse($"The model version is {now}; it can be deleted when it is not training, copying or running.{Wait(now)}"),
        _ => Refused.InUse($"The model version is {now}; it does not allow the event {what}."),
    };

    /// <summary>The default <c>StatusMessage</c> of a state.</summary>
    [Assumed("StatusMessage of a version", "The texts that AWS publishes, and texts of the same kind for the other states. It is never empty.")]
    public static string Message(ProjectVersionStatus status) => status switch
    {
        ProjectVersionStatus.TRAINING_IN_PROGRESS => "The model is being trained.",
        ProjectVersionStatus.TRAINING_COMPLETED or ProjectVersionStatus.COPYING_COMPLETED => "The model is ready to run.",
        ProjectVersionStatus.TRAINING_FAILED or ProjectVersionStatus.COPYING_FAILED or ProjectVersionStatus.FAILED =>
            "The service experienced an internal error.",
        ProjectVersionStatus.STARTING => "The model is being started.",
        ProjectVersionStatus.RUNNING => "The model is running.",
        ProjectVersionStatus.STOPPING => "The model is being stopped.",
        ProjectVersionStatus.STOPPED => "The model is stopped.",
        ProjectVersionStatus.DELETING => "The model is being deleted.",
        ProjectVersionStatus.COPYING_IN_PROGRESS => "The model is being copied.",
        ProjectVersionStatus.DEPRECATED => "The model is deprecated.",
        ProjectVersionStatus.EXPIRED => "The model has expired.",
    };

    private static string Wait(ProjectVersionStatus now) => now switch
    {
        ProjectVersionStatus.TRAINING_IN_PROGRESS => " Wait until it is TRAINING_COMPLETED.",
        ProjectVersionStatus.COPYING_IN_PROGRESS => " Wait until it is COPYING_COMPLETED.",
        ProjectVersionStatus.STARTING => " Wait until it is RUNNING.",
        ProjectVersionStatus.STOPPING => " Wait until it is STOPPED.",
        ProjectVersionStatus.RUNNING => " Stop it first with StopProjectVersion.",
        _ => "",
    };
}
