using System.ComponentModel.DataAnnotations;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Storage;
using Ocellus.Training.Server;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Training;

internal sealed record CopyProjectVersionRequest
{
    [Required, Shape("ProjectArn")]
    public string? SourceProjectArn { get; init; }

    [Required, Shape("ProjectVersionArn")]
    public string? SourceProjectVersionArn { get; init; }

    [Required, Shape("ProjectArn")]
    public string? DestinationProjectArn { get; init; }

    [Required, Shape("VersionName")]
    public string? VersionName { get; init; }

    [Required]
    public OutputConfig? OutputConfig { get; init; }

    [Shape("TagMap")]
    public IReadOnlyDictionary<string, string>? Tags { get; init; }

    [Shape("KmsKeyId")]
    public string? KmsKeyId { get; init; }
}

internal sealed record CopyProjectVersionResponse
{
    [Shape("ProjectVersionArn")]
    public string? ProjectVersionArn { get; init; }
}

/// <summary>Copies a finished model into another project of the same account or, if a project policy allows it, of another.</summary>
[Evidence("API_CopyProjectVersion, service model rekognition-2016-06-27")]
internal sealed partial class CopyProjectVersion(
    ProjectCatalog projects, VersionCatalog versions, PolicyCatalog policies, Authorizer authorizer, DataDirectory data, CopyWorker worker,
    ILogger<CopyProjectVersion> log, TimeProvider clock)
    : Operation<CopyProjectVersionRequest, CopyProjectVersionResponse>(TrainingJson.Default)
{
    public const string Action = "rekognition:CopyProjectVersion";

    public override IReadOnlyList<Permission> Requires(CopyProjectVersionRequest request, Caller caller) =>
        NewResource.Permissions(
            request.Tags,
            NewResource.ArnIn(request.DestinationProjectArn!, p => p.Version(request.VersionName!, clock.GetUtcNow().ToUnixTimeMilliseconds())),
            made =>
            [
                Needs(request.SourceProjectVersionArn!),
                Needs(request.DestinationProjectArn!),
                Permission.Rekognition("CreateProjectVersion", request.DestinationProjectArn!, made),
            ]);

    /// <exception cref="RefusedException">Denied: a policy forbids it or none allows it. NotFound, Invalid, InUse, LimitExceeded, QuotaExceeded.</exception>
    public override async Task<CopyProjectVersionResponse> RunAsync(CopyProjectVersionRequest request, Caller caller, CancellationToken cancel)
    {
        var (sourceProject, sourceArn) = (Arn.Parse(request.SourceProjectArn!), Arn.Parse(request.SourceProjectVersionArn!));
        if (sourceProject.AccountId != sourceArn.AccountId || sourceProject.Project != sourceArn.Project || sourceProject.Region != sourceArn.Region)
        {
            throw Refused.Invalid(
                $"The version {Readable.Truncate(request.SourceProjectVersionArn!)} is not in the project {Readable.Truncate(request.SourceProjectArn!)}.");
        }

        if (sourceArn.Region != caller.Region || sourceArn.Partition != "aws")
        {
            throw Refused.Invalid(
                $"The source is in {sourceArn.Partition}, {sourceArn.Region}, and the request in aws, {caller.Region}; a copy stays in its region.");
        }

        await AuthorizeAsync(request, sourceArn, caller, cancel);
        var source = await versions.FindAsync(request.SourceProjectVersionArn!, cancel);
        if (source is null || source.ProjectArn != request.SourceProjectArn)
        {
            throw Refused.NotFound($"No model version {Readable.Truncate(request.SourceProjectVersionArn!)} exists in that project.");
        }

        await projects.GetAsync(caller, request.DestinationProjectArn!, cancel);
        switch (source.Status)
        {
            case ProjectVersionStatus.DELETING:
                throw Refused.InUse("The source version is being deleted.");
            case ProjectVersionStatus.TRAINING_IN_PROGRESS or ProjectVersionStatus.TRAINING_FAILED or ProjectVersionStatus.COPYING_IN_PROGRESS
                or ProjectVersionStatus.COPYING_FAILED
                or ProjectVersionStatus.DEPRECATED or ProjectVersionStatus.EXPIRED:
                throw Refused.Invalid($"The source version is {source.Status}; only one with a finished model can be copied.");
            default:
                break;
        }

        if (request.OutputConfig!.S3Bucket is not { } bucket)
        {
            throw Refused.Invalid("OutputConfig needs S3Bucket: the bucket that the evaluation files are copied to.");
        }

        await versions.CheckRoomAsync(caller, request.DestinationProjectArn!, request.VersionName!, ProjectVersionStatus.COPYING_IN_PROGRESS, cancel);
        var folder = VersionRemoval.FolderPrefix + Guid.NewGuid().ToString("N");
        var target = data.ModelFolder(caller.AccountId, folder);
        try
        {
            // Linked here and not by the worker, so that the copy no longer depends on the source once it is accepted.
            await data.Models.BringAsync(source.AccountId, source.Folder, cancel);
            FileSystem.LinkFolder(data.ModelFolder(source.AccountId, source.Folder), target);
            await data.Models.KeepAsync(caller.AccountId, folder, cancel);
            var arn = await versions.CreateAsync(
                caller,
                new NewVersion(
                    request.DestinationProjectArn!, request.VersionName!, ProjectVersionStatus.COPYING_IN_PROGRESS, folder, bucket,
                    request.OutputConfig.S3KeyPrefix ?? "")
                {
                    Description = source.Description,
                    KmsKeyId = request.KmsKeyId,
                    SourceArn = source.Arn,
                    TrainingResult = source.TrainingResult,
                    TestingResult = source.TestingResult,
                    EvaluationResult = source.EvaluationResult,
                    ManifestSummary = source.ManifestSummary,
                    Tags = request.Tags,
                    Rights = authorizer.Of(caller).ToJson(),
                },
                cancel);
            worker.Wake();
            return new() { ProjectVersionArn = arn.ToString() };
        }
        catch (Exception failure)
        {
            await data.Models.RemoveAsync(caller.AccountId, folder, CancellationToken.None);

            // The source may have been deleted meanwhile.
            throw failure is DirectoryNotFoundException or FileNotFoundException ? Refused.InUse("The source version is being deleted.") : failure;
        }
    }

    private async Task AuthorizeAsync(CopyProjectVersionRequest request, Arn source, Caller caller, CancellationToken cancel)
    {
        var documents = (await policies.ListAsync(request.SourceProjectArn!, null, int.MaxValue, cancel)).Select(p => p.Document);
        var verdict = PolicyDocument.Evaluate(documents, caller, request.SourceProjectVersionArn!, out var notUnderstood);
        if (notUnderstood is not null)
        {
            PolicyNotUnderstood(log, request.SourceProjectArn!, notUnderstood);
        }

        // Within an account the caller's own rights suffice, but a Deny is a Deny; another account needs an Allow.
        if (verdict == PolicyVerdict.Denied || (verdict == PolicyVerdict.NoMatch && source.AccountId != caller.AccountId))
        {
            var reason = notUnderstood is not null ? "because a resource-based policy is not understood; its owner must put it again"
                : verdict == PolicyVerdict.Denied
                    ? "with an explicit deny in a resource-based policy"
                    : $"because no resource-based policy allows the {Action} action";
            throw new RefusedException(
                RefusalKind.Denied,
                $"User: {caller.UserArn} is not authorized to perform: {Action} on resource: {Readable.Truncate(request.SourceProjectVersionArn!)} {reason}");
        }
    }

    [LoggerMessage(
        1315, LogLevel.Warning,
        "A policy of {ProjectArn} that an earlier version accepted is not understood, so the project's policies allow no copy: {Reason}")]
    private static partial void PolicyNotUnderstood(ILogger log, string projectArn, string reason);
}
