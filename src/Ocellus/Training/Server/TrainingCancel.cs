using Ocellus.Encodings;
using Ocellus.Projects;
using Ocellus.Refusals;

namespace Ocellus.Training.Server;

/// <summary>Ends trainings that someone no longer wants. AWS has no operation for it, so the version ends as a training that failed, with a message.</summary>
internal sealed class TrainingCancel(VersionCatalog versions, TrainingWorker worker, TimeProvider clock)
{
    /// <summary>The version is TRAINING_FAILED when this returns; its process ends soon after, on whatever node it runs.</summary>
    /// <param name="version">The version.</param>
    /// <param name="by">Who wants it, for the message.</param>
    /// <param name="cancel">Ends it before anything is written.</param>
    /// <exception cref="RefusedException">InUse: it is not being trained, or no longer.</exception>
    public async Task RunAsync(VersionRow version, string by, CancellationToken cancel)
    {
        if (version.Status != ProjectVersionStatus.TRAINING_IN_PROGRESS || !await versions.EndAsync(
            version.Arn, VersionEvent.TrainingFailed, $"The training was cancelled by {Readable.Truncate(by)}.",
            new VersionOutcome(clock.GetUtcNow().ToUnixTimeMilliseconds()), cancel))
        {
            throw Refused.InUse($"{version.Name} is not being trained now, so there is nothing to cancel.");
        }

        worker.Cancel(version.Arn);
    }
}
