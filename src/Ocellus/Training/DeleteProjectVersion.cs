using System.ComponentModel.DataAnnotations;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Training;

internal sealed record DeleteProjectVersionRequest
{
    [Required, Shape("ProjectVersionArn")]
    public string? ProjectVersionArn { get; init; }
}

internal sealed record DeleteProjectVersionResponse
{
    [Shape("ProjectVersionStatus")]
    public string? Status { get; init; }
}

/// <summary>Deletes a version that is not training, copying or running. Its output files and its copies stay.</summary>
[Evidence("API_DeleteProjectVersion, service model rekognition-2016-06-27")]
internal sealed class DeleteProjectVersion(VersionCatalog versions, VersionRemoval removal)
    : Operation<DeleteProjectVersionRequest, DeleteProjectVersionResponse>(TrainingJson.Default)
{
    public override IReadOnlyList<Permission> Requires(DeleteProjectVersionRequest request, Caller caller) =>
        [Needs(request.ProjectVersionArn!)];

    /// <exception cref="RefusedException">NotFound: no such version. InUse: it is training, copying or running.</exception>
    public override async Task<DeleteProjectVersionResponse> RunAsync(DeleteProjectVersionRequest request, Caller caller, CancellationToken cancel)
    {
        var version = await versions.MoveAsync(caller, request.ProjectVersionArn!, VersionEvent.DeleteRequested, cancel);
        removal.Wake();
        return new() { Status = version.Status.ToString() };
    }
}
