using System.ComponentModel.DataAnnotations;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tags;

internal sealed record UntagResourceRequest
{
    [Required, Shape("ResourceArn")]
    public string? ResourceArn { get; init; }

    [Required, Shape("TagKeyList")]
    public IReadOnlyList<string>? TagKeys { get; init; }
}

internal sealed record UntagResourceResponse;

/// <summary>Removes tags by their keys.</summary>
[Evidence("API_UntagResource, service model rekognition-2016-06-27")]
internal sealed class UntagResource(ProjectCatalog projects)
    : Operation<UntagResourceRequest, UntagResourceResponse>(TagsJson.Default)
{
    public override int PerSecond(ThrottlingOptions rates) => rates.TagsPerSecond;

    public override IReadOnlyList<Permission> Requires(UntagResourceRequest request, Caller caller) =>
        [Needs(request.ResourceArn!) with { TagKeys = request.TagKeys! }];

    public override async Task<UntagResourceResponse> RunAsync(UntagResourceRequest request, Caller caller, CancellationToken cancel)
    {
        await projects.UntagAsync(caller, request.ResourceArn!, request.TagKeys!, cancel);
        return new();
    }
}
