using System.Collections.Frozen;
using Ocellus.Protocol;

namespace Ocellus.Operations;

/// <summary>The 23 operations, by hand, in the order of the API reference.</summary>
internal static class OperationTable
{
    /// <param name="services">Where each operation's code is found.</param>
    public static FrozenDictionary<string, IOperation> Create(IServiceProvider services)
    {
        var json = AwsJsonContext.Default;
        var project = services.GetRequiredService<ProjectOperations>();
        var dataset = services.GetRequiredService<DatasetOperations>();
        var policy = services.GetRequiredService<PolicyOperations>();
        var tag = services.GetRequiredService<TagOperations>();
        var required = services.GetRequiredService<RequiredPermissions>();
        IOperation[] all =
        [
            new Operation<CopyProjectVersionRequest, CopyProjectVersionResponse>("CopyProjectVersion", json.CopyProjectVersionRequest, json.CopyProjectVersionResponse, services.GetRequiredService<CopyProjectVersion>().RunAsync, required.CheckAsync),
            new Operation<CreateDatasetRequest, CreateDatasetResponse>("CreateDataset", json.CreateDatasetRequest, json.CreateDatasetResponse, dataset.CreateAsync, required.CheckAsync),
            new Operation<CreateProjectRequest, CreateProjectResponse>("CreateProject", json.CreateProjectRequest, json.CreateProjectResponse, project.CreateAsync, required.CheckAsync),
            new Operation<CreateProjectVersionRequest, CreateProjectVersionResponse>("CreateProjectVersion", json.CreateProjectVersionRequest, json.CreateProjectVersionResponse, services.GetRequiredService<CreateProjectVersion>().RunAsync, required.CheckAsync),
            new Operation<DeleteDatasetRequest, DeleteDatasetResponse>("DeleteDataset", json.DeleteDatasetRequest, json.DeleteDatasetResponse, dataset.DeleteAsync, required.CheckAsync),
            new Operation<DeleteProjectRequest, DeleteProjectResponse>("DeleteProject", json.DeleteProjectRequest, json.DeleteProjectResponse, project.DeleteAsync, required.CheckAsync),
            new Operation<DeleteProjectPolicyRequest, DeleteProjectPolicyResponse>("DeleteProjectPolicy", json.DeleteProjectPolicyRequest, json.DeleteProjectPolicyResponse, policy.DeleteAsync, required.CheckAsync),
            new Operation<DeleteProjectVersionRequest, DeleteProjectVersionResponse>("DeleteProjectVersion", json.DeleteProjectVersionRequest, json.DeleteProjectVersionResponse, services.GetRequiredService<DeleteProjectVersion>().RunAsync, required.CheckAsync),
            new Operation<DescribeDatasetRequest, DescribeDatasetResponse>("DescribeDataset", json.DescribeDatasetRequest, json.DescribeDatasetResponse, dataset.DescribeAsync, required.CheckAsync),
            new Operation<DescribeProjectsRequest, DescribeProjectsResponse>("DescribeProjects", json.DescribeProjectsRequest, json.DescribeProjectsResponse, project.DescribeAsync, required.CheckAsync),
            new Operation<DescribeProjectVersionsRequest, DescribeProjectVersionsResponse>("DescribeProjectVersions", json.DescribeProjectVersionsRequest, json.DescribeProjectVersionsResponse, services.GetRequiredService<DescribeProjectVersions>().RunAsync, required.CheckAsync),
            new Operation<DetectCustomLabelsRequest, DetectCustomLabelsResponse>("DetectCustomLabels", json.DetectCustomLabelsRequest, json.DetectCustomLabelsResponse, services.GetRequiredService<DetectCustomLabels>().RunAsync, required.CheckAsync),
            new Operation<DistributeDatasetEntriesRequest, DistributeDatasetEntriesResponse>("DistributeDatasetEntries", json.DistributeDatasetEntriesRequest, json.DistributeDatasetEntriesResponse, dataset.DistributeEntriesAsync, required.CheckAsync),
            new Operation<ListDatasetEntriesRequest, ListDatasetEntriesResponse>("ListDatasetEntries", json.ListDatasetEntriesRequest, json.ListDatasetEntriesResponse, dataset.ListEntriesAsync, required.CheckAsync),
            new Operation<ListDatasetLabelsRequest, ListDatasetLabelsResponse>("ListDatasetLabels", json.ListDatasetLabelsRequest, json.ListDatasetLabelsResponse, dataset.ListLabelsAsync, required.CheckAsync),
            new Operation<ListProjectPoliciesRequest, ListProjectPoliciesResponse>("ListProjectPolicies", json.ListProjectPoliciesRequest, json.ListProjectPoliciesResponse, policy.ListAsync, required.CheckAsync),
            new Operation<ListTagsForResourceRequest, ListTagsForResourceResponse>("ListTagsForResource", json.ListTagsForResourceRequest, json.ListTagsForResourceResponse, tag.ListAsync, required.CheckAsync),
            new Operation<PutProjectPolicyRequest, PutProjectPolicyResponse>("PutProjectPolicy", json.PutProjectPolicyRequest, json.PutProjectPolicyResponse, policy.PutAsync, required.CheckAsync),
            new Operation<StartProjectVersionRequest, StartProjectVersionResponse>("StartProjectVersion", json.StartProjectVersionRequest, json.StartProjectVersionResponse, services.GetRequiredService<StartProjectVersion>().RunAsync, required.CheckAsync),
            new Operation<StopProjectVersionRequest, StopProjectVersionResponse>("StopProjectVersion", json.StopProjectVersionRequest, json.StopProjectVersionResponse, services.GetRequiredService<StopProjectVersion>().RunAsync, required.CheckAsync),
            new Operation<TagResourceRequest, TagResourceResponse>("TagResource", json.TagResourceRequest, json.TagResourceResponse, tag.TagAsync, required.CheckAsync),
            new Operation<UntagResourceRequest, UntagResourceResponse>("UntagResource", json.UntagResourceRequest, json.UntagResourceResponse, tag.UntagAsync, required.CheckAsync),
            new Operation<UpdateDatasetEntriesRequest, UpdateDatasetEntriesResponse>("UpdateDatasetEntries", json.UpdateDatasetEntriesRequest, json.UpdateDatasetEntriesResponse, dataset.UpdateEntriesAsync, required.CheckAsync),
        ];
        return all.ToFrozenDictionary(o => o.Name);
    }
}
