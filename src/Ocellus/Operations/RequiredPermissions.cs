using Ocellus.Access;
using Ocellus.Projects;
using Ocellus.Protocol;

namespace Ocellus.Operations;

/// <summary>
/// Which actions on which resources each operation needs, checked before the operation runs. Rights on the object store that a call only
/// needs later (manifests, pictures, output) are checked where they are read and written, and end the work, not the call.
/// </summary>
/// <remarks>Source: Service Authorization Reference, actions of Amazon Rekognition; developer guide, SDK permissions.</remarks>
internal sealed class RequiredPermissions(Authorizer authorizer, TimeProvider clock)
{
    /// <exception cref="RefusedException">Denied: the caller's identity policies do not allow it.</exception>
    public Task CheckAsync(object request, Caller caller, CancellationToken cancel) => authorizer.RequireAsync(caller, Of(request, caller), cancel);

    /// <summary>What a request needs, the operation's own action first.</summary>
    public IReadOnlyList<Permission> Of(object request, Caller caller) => request switch
    {
        CopyProjectVersionRequest r => Made(
            r.Tags,
            New(r.DestinationProjectArn!, p => p.Version(r.VersionName!, Now)),
            Needs("CopyProjectVersion", r.SourceProjectVersionArn!),
            Needs("CopyProjectVersion", r.DestinationProjectArn!),
            Needs("CreateProjectVersion", r.DestinationProjectArn!, New(r.DestinationProjectArn!, p => p.Version(r.VersionName!, Now)))),
        CreateDatasetRequest r => Made(
            r.Tags,
            New(r.ProjectArn!, p => p.Dataset(r.DatasetType == "TEST" ? "test" : "train", Now)),
            [
                Needs("CreateDataset", r.ProjectArn!, New(r.ProjectArn!, p => p.Dataset(r.DatasetType == "TEST" ? "test" : "train", Now))),
                .. r.DatasetSource?.DatasetArn is { } source ? [Needs("ListDatasetEntries", source)] : Array.Empty<Permission>(),
            ]),
        // The authorization reference says *, the guide's own policies name a project: both count, here and below.
        CreateProjectRequest r => Made(r.Tags, Arn.ForProject(caller, r.ProjectName!, Now).ToString(), Needs("CreateProject", Permission.NoResource, Arn.ForProject(caller, r.ProjectName!, Now).ToString())),
        CreateProjectVersionRequest r => Made(
            r.Tags,
            New(r.ProjectArn!, p => p.Version(r.VersionName!, Now)),
            Needs("CreateProjectVersion", r.ProjectArn!, New(r.ProjectArn!, p => p.Version(r.VersionName!, Now)))),
        DeleteDatasetRequest r => [Needs("DeleteDataset", r.DatasetArn!)],
        DeleteProjectRequest r => [Needs("DeleteProject", r.ProjectArn!)],
        DeleteProjectPolicyRequest r => [Needs("DeleteProjectPolicy", r.ProjectArn!)],
        DeleteProjectVersionRequest r => [Needs("DeleteProjectVersion", r.ProjectVersionArn!)],
        DescribeDatasetRequest r => [Needs("DescribeDataset", r.DatasetArn!)],
        DescribeProjectsRequest => [Needs("DescribeProjects", Permission.NoResource)],
        DescribeProjectVersionsRequest r => [Needs("DescribeProjectVersions", r.ProjectArn!)],
        DetectCustomLabelsRequest r => [Needs("DetectCustomLabels", r.ProjectVersionArn!)],
        DistributeDatasetEntriesRequest r => [.. r.Datasets!.Select(d => Needs("DistributeDatasetEntries", d.Arn!))],
        ListDatasetEntriesRequest r => [Needs("ListDatasetEntries", r.DatasetArn!)],
        ListDatasetLabelsRequest r => [Needs("ListDatasetLabels", r.DatasetArn!)],
        ListProjectPoliciesRequest r => [Needs("ListProjectPolicies", r.ProjectArn!)],
        ListTagsForResourceRequest r => [Needs("ListTagsForResource", r.ResourceArn!)],
        PutProjectPolicyRequest r => [Needs("PutProjectPolicy", r.ProjectArn!)],
        StartProjectVersionRequest r => [Needs("StartProjectVersion", r.ProjectVersionArn!)],
        StopProjectVersionRequest r => [Needs("StopProjectVersion", r.ProjectVersionArn!)],
        TagResourceRequest r => [Tagged(Needs("TagResource", r.ResourceArn!), r.Tags)],
        UntagResourceRequest r => [Needs("UntagResource", r.ResourceArn!) with { TagKeys = r.TagKeys! }],
        UpdateDatasetEntriesRequest r => [Needs("UpdateDatasetEntries", r.DatasetArn!)],
        _ => throw new ArgumentException($"{request.GetType().Name} is no request of an operation.", nameof(request)),
    };

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>What making a tagged resource needs beside the operation's own permissions.</summary>
    private static Permission[] Made(IReadOnlyDictionary<string, string>? tags, string made, params Permission[] own) =>
        tags is { Count: > 0 } ? [.. own.Append(Needs("TagResource", made)).Select(p => Tagged(p, tags))] : own;

    private static Permission Tagged(Permission permission, IReadOnlyDictionary<string, string>? tags) => permission with { Tags = tags ?? new Dictionary<string, string>(), TagKeys = [.. tags?.Keys ?? []] };

    private static Permission Needs(string action, params IReadOnlyList<string> resources) => new("rekognition:" + action, resources);

    /// <summary>ARN that a new resource would have now; the project's text itself where it is no project's ARN, for the operation to refuse.</summary>
    private static string New(string projectArn, Func<Arn, Arn> made) =>
        Arn.TryParse(projectArn) is { Kind: ArnKind.Project } project ? made(project).ToString() : projectArn;
}
