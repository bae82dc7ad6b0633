using System.ComponentModel.DataAnnotations;
using Ocellus.Identity;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Projects;

internal sealed record DeleteProjectRequest
{
    [Required, Shape("ProjectArn")]
    public string? ProjectArn { get; init; }
}

internal sealed record DeleteProjectResponse
{
    [Shape("ProjectStatus")]
    public string? Status { get; init; }
}

/// <summary>Deletes an empty project and its policies; it is gone when this returns.</summary>
[Evidence("API_DeleteProject, service model rekognition-2016-06-27")]
[Assumed("DeleteProject", "The project is gone when the call answers `DELETING`, so its name is free at once.")]
internal sealed class DeleteProject(ProjectCatalog projects)
    : Operation<DeleteProjectRequest, DeleteProjectResponse>(ProjectsJson.Default)
{
    public override IReadOnlyList<Permission> Requires(DeleteProjectRequest request, Caller caller) =>
        [Needs(request.ProjectArn!)];

    public override async Task<DeleteProjectResponse> RunAsync(DeleteProjectRequest request, Caller caller, CancellationToken cancel)
    {
        await projects.DeleteAsync(caller, request.ProjectArn!, cancel);
        return new() { Status = "DELETING" };
    }
}
