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
        IOperation[] all =
        [
            new Operation<CopyProjectVersionRequest, CopyProjectVersionResponse>("CopyProjectVersion", json.CopyProjectVersionRequest, json.CopyProjectVersionResponse, services.GetRequiredService<CopyProjectVersion>().RunAsync),
            new Operation<CreateDatasetRequest, CreateDatasetResponse>("CreateDataset", json.CreateDatasetRequest, json.CreateDatasetResponse, dataset.CreateAsync),
            new Operation<CreateProjectRequest, CreateProjectResponse>("CreateProject", json.CreateProjectRequest, json.CreateProjectResponse, project.CreateAsync),
            new Operation<CreateProjectVersionRequest, CreateProjectVersionResponse>("CreateProjectVersion", json.CreateProjectVersionRequest, json.CreateProjectVersionResponse, services.GetRequiredService<CreateProjectVersion>().RunAsync),
            new Operation<DeleteDatasetRequest, DeleteDatasetResponse>("DeleteDataset", json.DeleteDatasetRequest, json.DeleteDatasetResponse, dataset.DeleteAsync),
            new Operation<DeleteProjectRequest, DeleteProjectResponse>("DeleteProject", json.DeleteProjectRequest, json.DeleteProjectResponse, project.DeleteAsync),
            new Operation<DeleteProjectPolicyRequest, DeleteProjectPolicyResponse>("DeleteProjectPolicy", json.DeleteProjectPolicyRequest, json.DeleteProjectPolicyResponse, policy.DeleteAsync),
            new Operation<DeleteProjectVersionRequest, DeleteProjectVersionResponse>("DeleteProjectVersion", json.DeleteProjectVersionRequest, json.DeleteProjectVersionResponse, services.GetRequiredService<DeleteProjectVersion>().RunAsync),
            new Operation<DescribeDatasetRequest, DescribeDatasetResponse>("DescribeDataset", json.DescribeDatasetRequest, json.DescribeDatasetResponse, dataset.DescribeAsync),
            new Operation<DescribeProjectsRequest, DescribeProjectsResponse>("DescribeProjects", json.DescribeProjectsRequest, json.DescribeProjectsResponse, project.DescribeAsync),
            new Operation<DescribeProjectVersionsRequest, DescribeProjectVersionsResponse>("DescribeProjectVersions", json.DescribeProjectVersionsRequest, json.DescribeProjectVersionsResponse, services.GetRequiredService<DescribeProjectVersions>().RunAsync),
            new Operation<DetectCustomLabelsRequest, DetectCustomLabelsResponse>("DetectCustomLabels", json.DetectCustomLabelsRequest, json.DetectCustomLabelsResponse, services.GetRequiredService<DetectCustomLabels>().RunAsync),
            new Operation<DistributeDatasetEntriesRequest, DistributeDatasetEntriesResponse>("DistributeDatasetEntries", json.DistributeDatasetEntriesRequest, json.DistributeDatasetEntriesResponse, dataset.DistributeEntriesAsync),
            new Operation<ListDatasetEntriesRequest, ListDatasetEntriesResponse>("ListDatasetEntries", json.ListDatasetEntriesRequest, json.ListDatasetEntriesResponse, dataset.ListEntriesAsync),
            new Operation<ListDatasetLabelsRequest, ListDatasetLabelsResponse>("ListDatasetLabels", json.ListDatasetLabelsRequest, json.ListDatasetLabelsResponse, dataset.ListLabelsAsync),
            new Operation<ListProjectPoliciesRequest, ListProjectPoliciesResponse>("ListProjectPolicies", json.ListProjectPoliciesRequest, json.ListProjectPoliciesResponse, policy.ListAsync),
            new Operation<ListTagsForResourceRequest, ListTagsForResourceResponse>("ListTagsForResource", json.ListTagsForResourceRequest, json.ListTagsForResourceResponse, tag.ListAsync),
            new Operation<PutProjectPolicyRequest, PutProjectPolicyResponse>("PutProjectPolicy", json.PutProjectPolicyRequest, json.PutProjectPolicyResponse, policy.PutAsync),
            new Operation<StartProjectVersionRequest, StartProjectVersionResponse>("StartProjectVersion", json.StartProjectVersionRequest, json.StartProjectVersionResponse, services.GetRequiredService<StartProjectVersion>().RunAsync),
            new Operation<StopProjectVersionRequest, StopProjectVersionResponse>("StopProjectVersion", json.StopProjectVersionRequest, json.StopProjectVersionResponse, services.GetRequiredService<StopProjectVersion>().RunAsync),
            new Operation<TagResourceRequest, TagResourceResponse>("TagResource", json.TagResourceRequest, json.TagResourceResponse, tag.TagAsync),
            new Operation<UntagResourceRequest, UntagResourceResponse>("UntagResource", json.UntagResourceRequest, json.UntagResourceResponse, tag.UntagAsync),
            new Operation<UpdateDatasetEntriesRequest, UpdateDatasetEntriesResponse>("UpdateDatasetEntries", json.UpdateDatasetEntriesRequest, json.UpdateDatasetEntriesResponse, dataset.UpdateEntriesAsync),
        ];
        return all.ToFrozenDictionary(o => o.Name);
    }
}
