using System.ComponentModel.DataAnnotations;
using Ocellus.Identity;
using Ocellus.Refusals;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Projects;

internal sealed record CreateProjectRequest
{
    [Required, Shape("ProjectName")]
    public string? ProjectName { get; init; }

    [Shape("CustomizationFeature")]
    public string? Feature { get; init; }

    [Shape("ProjectAutoUpdate")]
    public string? AutoUpdate { get; init; }

    [Shape("TagMap")]
    public IReadOnlyDictionary<string, string>? Tags { get; init; }
}

internal sealed record CreateProjectResponse
{
    [Shape("ProjectArn")]
    public string? ProjectArn { get; init; }
}

/// <summary>Creates an empty project.</summary>
[Evidence("API_CreateProject, service model rekognition-2016-06-27")]
internal sealed class CreateProject(ProjectCatalog projects, TimeProvider clock)
    : Operation<CreateProjectRequest, CreateProjectResponse>(ProjectsJson.Default)
{
    /// <summary>The only feature that projects have here.</summary>
    public const string CustomLabels = "CUSTOM_LABELS";

    public override IReadOnlyList<Permission> Requires(CreateProjectRequest request, Caller caller) =>
        NewResource.Permissions(
            request.Tags,
            Arn.ForProject(caller, request.ProjectName!, clock.GetUtcNow().ToUnixTimeMilliseconds()).ToString(),
            // The authorization reference says *, the developer guide's policies name a project: both are accepted.
            arn => [Needs(Permission.NoResource, arn)]);

    public override async Task<CreateProjectResponse> RunAsync(CreateProjectRequest request, Caller caller, CancellationToken cancel)
    {
        if (request.Feature is not (null or CustomLabels))
        {
            throw Refused.Invalid($"Feature {request.Feature} is not served here: Ocellus serves CUSTOM_LABELS only.");
        }

        if (request.AutoUpdate is "ENABLED")
        {
            throw Refused.Invalid("AutoUpdate ENABLED is for CONTENT_MODERATION projects only; leave it out or send DISABLED.");
        }

        var arn = await projects.CreateAsync(caller, request.ProjectName!, request.Tags, cancel);
        return new() { ProjectArn = arn.ToString() };
    }
}
