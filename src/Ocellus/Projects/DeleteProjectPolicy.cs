using System.ComponentModel.DataAnnotations;
using Ocellus.Identity;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Projects;

internal sealed record DeleteProjectPolicyRequest
{
    [Required, Shape("ProjectArn")]
    public string? ProjectArn { get; init; }

    [Required, Shape("ProjectPolicyName")]
    public string? PolicyName { get; init; }

    [Shape("ProjectPolicyRevisionId")]
    public string? PolicyRevisionId { get; init; }
}

internal sealed record DeleteProjectPolicyResponse;

/// <summary>Detaches a policy from a project.</summary>
[Evidence("API_DeleteProjectPolicy, service model rekognition-2016-06-27")]
internal sealed class DeleteProjectPolicy(ProjectCatalog projects, PolicyCatalog policies)
    : Operation<DeleteProjectPolicyRequest, DeleteProjectPolicyResponse>(ProjectsJson.Default)
{
    public override IReadOnlyList<Permission> Requires(DeleteProjectPolicyRequest request, Caller caller) =>
        [Needs(request.ProjectArn!)];

    public override async Task<DeleteProjectPolicyResponse> RunAsync(DeleteProjectPolicyRequest request, Caller caller, CancellationToken cancel)
    {
        await projects.GetAsync(caller, request.ProjectArn!, cancel);
        await policies.DeleteAsync(request.ProjectArn!, request.PolicyName!, request.PolicyRevisionId, cancel);
        return new();
    }
}
