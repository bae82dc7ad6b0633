using System.ComponentModel.DataAnnotations;
using Microsoft.Extensions.Options;
using Ocellus.Identity;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Projects;

internal sealed record PutProjectPolicyRequest
{
    [Required, Shape("ProjectArn")]
    public string? ProjectArn { get; init; }

    [Required, Shape("ProjectPolicyName")]
    public string? PolicyName { get; init; }

    [Shape("ProjectPolicyRevisionId")]
    public string? PolicyRevisionId { get; init; }

    [Required, Shape("ProjectPolicyDocument")]
    public string? PolicyDocument { get; init; }
}

internal sealed record PutProjectPolicyResponse
{
    [Shape("ProjectPolicyRevisionId")]
    public string? PolicyRevisionId { get; init; }
}

/// <summary>Attaches a policy to a project, or replaces it. It lets other accounts copy models from the project.</summary>
[Evidence("API_PutProjectPolicy, service model rekognition-2016-06-27")]
internal sealed class PutProjectPolicy(ProjectCatalog projects, PolicyCatalog policies, IOptions<QuotaOptions> quotas)
    : Operation<PutProjectPolicyRequest, PutProjectPolicyResponse>(ProjectsJson.Default)
{
    public override IReadOnlyList<Permission> Requires(PutProjectPolicyRequest request, Caller caller) =>
        [Needs(request.ProjectArn!)];

    public override async Task<PutProjectPolicyResponse> RunAsync(PutProjectPolicyRequest request, Caller caller, CancellationToken cancel)
    {
        await projects.GetAsync(caller, request.ProjectArn!, cancel);
        return new()
        {
            PolicyRevisionId = await policies.PutAsync(
                request.ProjectArn!, request.PolicyName!, request.PolicyDocument!, request.PolicyRevisionId, quotas.Value.PoliciesPerProject, cancel),
        };
    }
}
