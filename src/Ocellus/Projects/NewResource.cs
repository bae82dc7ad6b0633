using Ocellus.Identity;

namespace Ocellus.Projects;

/// <summary>Permissions of the operations that create a resource, which policies may name before it exists.</summary>
internal static class NewResource
{
    /// <summary>
    /// The ARN that a resource created now in a project would have; the text itself if it is not a project's ARN, for the operation to refuse.
    /// </summary>
    public static string ArnIn(string projectArn, Func<Arn, Arn> arnOf) =>
        Arn.TryParse(projectArn) is { Kind: ArnKind.Project } project ? arnOf(project).ToString() : projectArn;

    /// <summary>Permissions to create a resource: the operation's own, and TagResource if the request has tags.</summary>
    /// <param name="tags">Tags of the request.</param>
    /// <param name="arn">ARN that the resource would get now.</param>
    /// <param name="own">The operation's own permissions, given that ARN.</param>
    [Assumed(
        "Access: CreateProject, CreateDataset, CreateProjectVersion",
        "An Allow on the project (`*` for CreateProject) or on the ARN of the new resource is enough. A Deny on either denies.")]
    public static IReadOnlyList<Permission> Permissions(IReadOnlyDictionary<string, string>? tags, string arn, Func<string, IReadOnlyList<Permission>> own) =>
        tags is { Count: > 0 } ? [.. own(arn).Append(Permission.Rekognition("TagResource", arn)).Select(p => p.WithTags(tags))] : own(arn);
}
