using System.ComponentModel.DataAnnotations;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tags;

internal sealed record TagResourceRequest
{
    [Required, Shape("ResourceArn")]
    public string? ResourceArn { get; init; }

    [Required, Shape("TagMap")]
    public IReadOnlyDictionary<string, string>? Tags { get; init; }
}

internal sealed record TagResourceResponse;

/// <summary>Adds tags to a project, dataset or model version, or replaces their values.</summary>
[Evidence("API_TagResource, service model rekognition-2016-06-27")]
internal sealed class TagResource(ProjectCatalog projects)
    : Operation<TagResourceRequest, TagResourceResponse>(TagsJson.Default)
{
    public override int PerSecond(ThrottlingOptions rates) => rates.TagsPerSecond;

    public override IReadOnlyList<Permission> Requires(TagResourceRequest request, Caller caller) =>
        [Needs(request.ResourceArn!).WithTags(request.Tags)];

    public override async Task<TagResourceResponse> RunAsync(TagResourceRequest request, Caller caller, CancellationToken cancel)
    {
        await projects.TagAsync(caller, request.ResourceArn!, request.Tags!, cancel);
        return new();
    }
}
