using System.Collections.Frozen;
using Ocellus.Protocol;

namespace Ocellus.Operations;

/// <summary>The 23 operations, by hand, in the order of the API reference. One without code validates its request and then says that it is not there yet.</summary>
internal static class OperationTable
{
    public static FrozenDictionary<string, IOperation> Create(ProjectOperations project, DatasetOperations dataset, PolicyOperations policy, TagOperations tag, StartProjectVersion start, StopProjectVersion stop, DetectCustomLabels detect)
    {
        var json = AwsJsonContext.Default;
        IOperation[] all =
        [
            new Operation<CopyProjectVersionRequest, CopyProjectVersionResponse>("CopyProjectVersion", json.CopyProjectVersionRequest, json.CopyProjectVersionResponse, null),
            new Operation<CreateDatasetRequest, CreateDatasetResponse>("CreateDataset", json.CreateDatasetRequest, json.CreateDatasetResponse, dataset.CreateAsync),
            new Operation<CreateProjectRequest, CreateProjectResponse>("CreateProject", json.CreateProjectRequest, json.CreateProjectResponse, project.CreateAsync),
            new Operation<CreateProjectVersionRequest, CreateProjectVersionResponse>("CreateProjectVersion", json.CreateProjectVersionRequest, json.CreateProjectVersionResponse, null),
            new Operation<DeleteDatasetRequest, DeleteDatasetResponse>("DeleteDataset", json.DeleteDatasetRequest, json.DeleteDatasetResponse, dataset.DeleteAsync),
            new Operation<DeleteProjectRequest, DeleteProjectResponse>("DeleteProject", json.DeleteProjectRequest, json.DeleteProjectResponse, project.DeleteAsync),
            new Operation<DeleteProjectPolicyRequest, DeleteProjectPolicyResponse>("DeleteProjectPolicy", json.DeleteProjectPolicyRequest, json.DeleteProjectPolicyResponse, policy.DeleteAsync),
            new Operation<DeleteProjectVersionRequest, DeleteProjectVersionResponse>("DeleteProjectVersion", json.DeleteProjectVersionRequest, json.DeleteProjectVersionResponse, null),
            new Operation<DescribeDatasetRequest, DescribeDatasetResponse>("DescribeDataset", json.DescribeDatasetRequest, json.DescribeDatasetResponse, dataset.DescribeAsync),
            new Operation<DescribeProjectsRequest, DescribeProjectsResponse>("DescribeProjects", json.DescribeProjectsRequest, json.DescribeProjectsResponse, project.DescribeAsync),
            new Operation<DescribeProjectVersionsRequest, DescribeProjectVersionsResponse>("DescribeProjectVersions", json.DescribeProjectVersionsRequest, json.DescribeProjectVersionsResponse, null),
            new Operation<DetectCustomLabelsRequest, DetectCustomLabelsResponse>("DetectCustomLabels", json.DetectCustomLabelsRequest, json.DetectCustomLabelsResponse, detect.RunAsync),
            new Operation<DistributeDatasetEntriesRequest, DistributeDatasetEntriesResponse>("DistributeDatasetEntries", json.DistributeDatasetEntriesRequest, json.DistributeDatasetEntriesResponse, null),
            new Operation<ListDatasetEntriesRequest, ListDatasetEntriesResponse>("ListDatasetEntries", json.ListDatasetEntriesRequest, json.ListDatasetEntriesResponse, dataset.ListEntriesAsync),
            new Operation<ListDatasetLabelsRequest, ListDatasetLabelsResponse>("ListDatasetLabels", json.ListDatasetLabelsRequest, json.ListDatasetLabelsResponse, dataset.ListLabelsAsync),
            new Operation<ListProjectPoliciesRequest, ListProjectPoliciesResponse>("ListProjectPolicies", json.ListProjectPoliciesRequest, json.ListProjectPoliciesResponse, policy.ListAsync),
            new Operation<ListTagsForResourceRequest, ListTagsForResourceResponse>("ListTagsForResource", json.ListTagsForResourceRequest, json.ListTagsForResourceResponse, tag.ListAsync),
            new Operation<PutProjectPolicyRequest, PutProjectPolicyResponse>("PutProjectPolicy", json.PutProjectPolicyRequest, json.PutProjectPolicyResponse, policy.PutAsync),
            new Operation<StartProjectVersionRequest, StartProjectVersionResponse>("StartProjectVersion", json.StartProjectVersionRequest, json.StartProjectVersionResponse, start.RunAsync),
            new Operation<StopProjectVersionRequest, StopProjectVersionResponse>("StopProjectVersion", json.StopProjectVersionRequest, json.StopProjectVersionResponse, stop.RunAsync),
            new Operation<TagResourceRequest, TagResourceResponse>("TagResource", json.TagResourceRequest, json.TagResourceResponse, tag.TagAsync),
            new Operation<UntagResourceRequest, UntagResourceResponse>("UntagResource", json.UntagResourceRequest, json.UntagResourceResponse, tag.UntagAsync),
            new Operation<UpdateDatasetEntriesRequest, UpdateDatasetEntriesResponse>("UpdateDatasetEntries", json.UpdateDatasetEntriesRequest, json.UpdateDatasetEntriesResponse, null),
        ];
        return all.ToFrozenDictionary(o => o.Name);
    }
}
