using Microsoft.Extensions.Options;
using Ocellus.Access;
using Ocellus.Projects;
using Ocellus.Protocol;

namespace Ocellus.Operations;

/// <summary>PutProjectPolicy, ListProjectPolicies, DeleteProjectPolicy.</summary>
internal sealed class PolicyOperations(ProjectCatalog projects, PolicyCatalog policies, PageToken pages, IOptions<QuotaOptions> quotas)
{
    private const int PageDefault = 5;

    public async Task<PutProjectPolicyResponse> PutAsync(PutProjectPolicyRequest request, Caller caller, CancellationToken cancel)
    {
        await projects.GetAsync(caller, request.ProjectArn!, cancel);
        return new() { PolicyRevisionId = await policies.PutAsync(request.ProjectArn!, request.PolicyName!, request.PolicyDocument!, request.PolicyRevisionId, quotas.Value.PoliciesPerProject, cancel) };
    }

    public async Task<ListProjectPoliciesResponse> ListAsync(ListProjectPoliciesRequest request, Caller caller, CancellationToken cancel)
    {
        var scope = $"ListProjectPolicies {caller.AccountId} {request.ProjectArn}";
        var after = pages.Read(scope, request.NextToken);
        await projects.GetAsync(caller, request.ProjectArn!, cancel);
        var count = request.MaxResults ?? PageDefault;
        var rows = await policies.ListAsync(request.ProjectArn!, after, count + 1, cancel);
        var page = rows.Take(count).ToList();
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
            NextToken = rows.Count > count ? pages.Make(scope, page[^1].Name) : null,
        };
    }

    public async Task<DeleteProjectPolicyResponse> DeleteAsync(DeleteProjectPolicyRequest request, Caller caller, CancellationToken cancel)
    {
        await projects.GetAsync(caller, request.ProjectArn!, cancel);
        await policies.DeleteAsync(request.ProjectArn!, request.PolicyName!, request.PolicyRevisionId, cancel);
        return new();
    }
}
