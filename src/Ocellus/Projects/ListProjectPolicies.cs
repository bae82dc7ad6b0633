using System.ComponentModel.DataAnnotations;
using Ocellus.Identity;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Projects;

internal sealed record ListProjectPoliciesRequest
{
    [Required, Shape("ProjectArn")]
    public string? ProjectArn { get; init; }

    [Shape("ExtendedPaginationToken")]
    public string? NextToken { get; init; }

    [Shape("ListProjectPoliciesPageSize")]
    public int? MaxResults { get; init; }
}

internal sealed record ListProjectPoliciesResponse
{
    [Shape("ProjectPolicies")]
    public IReadOnlyList<ProjectPolicy>? ProjectPolicies { get; init; }

    [Shape("ExtendedPaginationToken")]
    public string? NextToken { get; init; }
}

/// <summary>Lists the policies of a project.</summary>
[Evidence("API_ListProjectPolicies, service model rekognition-2016-06-27")]
internal sealed class ListProjectPolicies(ProjectCatalog projects, PolicyCatalog policies, PageToken pages)
    : Operation<ListProjectPoliciesRequest, ListProjectPoliciesResponse>(ProjectsJson.Default)
{
    private const int PageSizeDefault = 5;

    public override IReadOnlyList<Permission> Requires(ListProjectPoliciesRequest request, Caller caller) =>
        [Needs(request.ProjectArn!)];

    public override async Task<ListProjectPoliciesResponse> RunAsync(ListProjectPoliciesRequest request, Caller caller, CancellationToken cancel)
    {
        var scope = $"ListProjectPolicies {caller.AccountId} {request.ProjectArn}";
        var after = pages.Read(scope, request.NextToken);
        await projects.GetAsync(caller, request.ProjectArn!, cancel);
        var count = request.MaxResults ?? PageSizeDefault;
        var rows = await policies.ListAsync(request.ProjectArn!, after, count + 1, cancel);
        var (page, next) = pages.Truncate(scope, rows, count, p => p.Name);
        return new()
        {
            ProjectPolicies =
            [
                .. page.Select(p => new ProjectPolicy
                {
                    ProjectArn = request.ProjectArn,
                    PolicyName = p.Name,
                    PolicyRevisionId = p.RevisionId,
                    PolicyDocument = p.Document,
                    CreationTimestamp = p.CreatedMs / 1000.0,
                    LastUpdatedTimestamp = p.UpdatedMs / 1000.0,
                }),
            ],
            NextToken = next,
        };
    }
}

internal sealed record ProjectPolicy
{
    [Shape("ProjectArn")]
    public string? ProjectArn { get; init; }

    [Shape("ProjectPolicyName")]
    public string? PolicyName { get; init; }

    [Shape("ProjectPolicyRevisionId")]
    public string? PolicyRevisionId { get; init; }

    [Shape("ProjectPolicyDocument")]
    public string? PolicyDocument { get; init; }

    [Shape("DateTime")]
    public double? CreationTimestamp { get; init; }

    [Shape("DateTime")]
    public double? LastUpdatedTimestamp { get; init; }
}
