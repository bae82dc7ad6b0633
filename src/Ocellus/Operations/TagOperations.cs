using Ocellus.Access;
using Ocellus.Projects;
using Ocellus.Protocol;

namespace Ocellus.Operations;

/// <summary>TagResource, UntagResource, ListTagsForResource.</summary>
internal sealed class TagOperations(ProjectCatalog projects)
{
    public async Task<TagResourceResponse> TagAsync(TagResourceRequest request, Caller caller, CancellationToken cancel)
    {
        await projects.TagAsync(caller, request.ResourceArn!, request.Tags!, cancel);
        return new();
    }

    public async Task<UntagResourceResponse> UntagAsync(UntagResourceRequest request, Caller caller, CancellationToken cancel)
    {
        await projects.UntagAsync(caller, request.ResourceArn!, request.TagKeys!, cancel);
        return new();
    }

    public async Task<ListTagsForResourceResponse> ListAsync(ListTagsForResourceRequest request, Caller caller, CancellationToken cancel) =>
        new() { Tags = await projects.TagsAsync(caller, request.ResourceArn!, cancel) };
}
