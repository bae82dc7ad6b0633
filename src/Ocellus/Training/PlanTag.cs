using System.Text.Json;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Storage;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Recipes;

namespace Ocellus.Training;

/// <summary>The tag <c>ocellus:plan</c> of a new version: the version whose plan its training repeats.</summary>
internal static class PlanTag
{
    /// <summary>The plan that the tag names; null without the tag.</summary>
    /// <param name="tags">Tags of the new version.</param>
    /// <param name="caller">Who creates it.</param>
    /// <param name="rights">The caller's rights: a plan is for those who may describe the version.</param>
    /// <param name="versions">Where the version is.</param>
    /// <param name="data">Where its model is.</param>
    /// <param name="cancel">Ends the search.</param>
    /// <exception cref="RefusedException">Invalid: the version is not there for the caller, has no model, or its model has no plan.</exception>
    public static async Task<JsonElement?> ReadAsync(
        IReadOnlyDictionary<string, string>? tags, Caller caller, CallerRights rights, VersionCatalog versions, DataDirectory data, CancellationToken cancel)
    {
        if (tags?.GetValueOrDefault(TrainingTags.Plan) is not { } arn)
        {
            return null;
        }

        TrainingTags.Check(tags);
        var version = await versions.FindAsync(arn, cancel);
        if (version is null || version.AccountId != caller.AccountId || version.Region != caller.Region
            || !rights.Allow(Permission.Rekognition("DescribeProjectVersions", version.ProjectArn)))
        {
            throw Refused.Invalid(
                $"The tag {TrainingTags.Plan} names {Readable.Truncate(arn)}, but there is no such version in this account and region that you may describe.");
        }

        ModelDescription description;
        try
        {
            await data.Models.BringAsync(version.AccountId, version.Folder, cancel);
            description = ModelDescription.FromJson(
                await File.ReadAllBytesAsync(Path.Combine(data.ModelFolder(version.AccountId, version.Folder), ModelFiles.Description), cancel));
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Refused.Invalid($"The tag {TrainingTags.Plan} names a version that is {version.Status} and has no model, so it has no plan.");
        }

        try
        {
            return Of(description);
        }
        catch (PlanException refusal)
        {
            throw Refused.Invalid($"The tag {TrainingTags.Plan}: {refusal.Message}");
        }
    }

    /// <summary>The plan of a model.</summary>
    /// <exception cref="PlanException">It has none, or it cannot be read.</exception>
    public static JsonElement Of(ModelDescription description)
    {
        var plan = description.Plan
            ?? throw new PlanException("The model has no plan: it was trained by an Ocellus that wrote none. Train it again without a plan.");
        CarriedPlan.FromJson(plan);
        return plan;
    }
}
