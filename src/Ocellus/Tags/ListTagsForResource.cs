using System.ComponentModel.DataAnnotations;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tags;

internal sealed record ListTagsForResourceRequest
{
    [Required, Shape("ResourceArn")]
    public string? ResourceArn { get; init; }
}

internal sealed record ListTagsForResourceResponse
{
    [Shape("TagMap")]
    public IReadOnlyDictionary<string, string>? Tags { get; init; }
}

/// <summary>Lists the tags of a project, dataset or model version.</summary>
[Evidence("API_ListTagsForResource, service model rekognition-2016-06-27")]
internal sealed class ListTagsForResource(ProjectCatalog projects)
    : Operation<ListTagsForResourceRequest, ListTagsForResourceResponse>(TagsJson.Default)
{
    public override int PerSecond(ThrottlingOptions rates) => rates.TagsPerSecond;

    public override IReadOnlyList<Permission> Requires(ListTagsForResourceRequest request, Caller caller) =>
        [Needs(request.ResourceArn!)];

    public override async Task<ListTagsForResourceResponse> RunAsync(ListTagsForResourceRequest request, Caller caller, CancellationToken cancel) =>
        new() { Tags = await projects.TagsAsync(caller, request.ResourceArn!, cancel) };
}
