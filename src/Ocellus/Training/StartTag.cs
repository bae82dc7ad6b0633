using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Storage;
using Ocellus.Training.Job;
using Ocellus.Vision.Recipes;

namespace Ocellus.Training;

/// <summary>The tag <c>ocellus:start-from</c> of a new version: the version whose model its training goes on from.</summary>
internal static class StartTag
{
    /// <summary>Links the model that the tag names into the job's folder, so that the training no longer depends on that version.</summary>
    /// <param name="request">The new version: its tags.</param>
    /// <param name="caller">Who creates it.</param>
    /// <param name="rights">The caller's rights: a model's weights are for those who may copy it.</param>
    /// <param name="versions">Where the version is.</param>
    /// <param name="policies">Policies of its project, of which a Deny counts.</param>
    /// <param name="data">Where its model is.</param>
    /// <param name="folder">The job's folder.</param>
    /// <param name="cancel">Ends the search.</param>
    /// <returns>The version's ARN; null without the tag.</returns>
    /// <exception cref="RefusedException">Invalid: the version is not there for the caller, has no finished model, or not one to go on from.</exception>
    public static async Task<string?> LinkAsync(
        CreateProjectVersionRequest request, Caller caller, CallerRights rights, VersionCatalog versions, PolicyCatalog policies, DataDirectory data,
        JobFolder folder, CancellationToken cancel)
    {
        if (request.Tags?.GetValueOrDefault(TrainingTags.StartFrom) is not { } arn)
        {
            return null;
        }

        var version = await versions.FindAsync(arn, cancel);
        if (version is null || version.AccountId != caller.AccountId || version.Region != caller.Region || !await MayCopyAsync(version.ProjectArn))
        {
            throw Refused.Invalid(
                $"The tag {TrainingTags.StartFrom} names {Readable.Truncate(arn)}, but there is no such version in this account and region that you may copy.");
        }

        if (version.Status is ProjectVersionStatus.TRAINING_IN_PROGRESS or ProjectVersionStatus.TRAINING_FAILED or ProjectVersionStatus.COPYING_IN_PROGRESS
            or ProjectVersionStatus.COPYING_FAILED or ProjectVersionStatus.DELETING)
        {
            throw Refused.Invalid($"The tag {TrainingTags.StartFrom} names a version that is {version.Status}; only a finished model can be gone on from.");
        }

        try
        {
            await data.Models.BringAsync(version.AccountId, version.Folder, cancel);
            FileSystem.LinkFolder(data.ModelFolder(version.AccountId, version.Folder), folder.Start);
            StartFolder.Read(folder.Start);
        }
        catch (Exception failure) when (failure is StartException or FileNotFoundException or DirectoryNotFoundException)
        {
            throw Refused.Invalid(
                failure is StartException ? $"The tag {TrainingTags.StartFrom}: {failure.Message}"
                : $"The tag {TrainingTags.StartFrom} names a version that is {version.Status} and has no model.");
        }

        return arn;

        async Task<bool> MayCopyAsync(string project) =>
            rights.Allow(Permission.Rekognition(CopyProjectVersion.Action.Split(':')[1], arn))
            && PolicyDocument.Evaluate((await policies.ListAsync(project, null, int.MaxValue, cancel)).Select(p => p.Document), caller, arn, out _)
                != PolicyVerdict.Denied;
    }
}
