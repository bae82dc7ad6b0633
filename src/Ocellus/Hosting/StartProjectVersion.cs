using System.ComponentModel.DataAnnotations;
using Ocellus.Hosting.Placement;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Hosting;

internal sealed record StartProjectVersionRequest
{
    [Required, Shape("ProjectVersionArn")]
    public string? ProjectVersionArn { get; init; }

    [Required, Shape("InferenceUnits")]
    public int? MinInferenceUnits { get; init; }

    [Shape("InferenceUnits")]
    public int? MaxInferenceUnits { get; init; }
}

internal sealed record StartProjectVersionResponse
{
    [Shape("ProjectVersionStatus")]
    public string? Status { get; init; }
}

/// <summary>Starts hosting a model version. Returns at once; <c>DescribeProjectVersions</c> shows when it is RUNNING.</summary>
[Evidence("API_StartProjectVersion, service model rekognition-2016-06-27")]
internal sealed class StartProjectVersion(VersionCatalog versions, FleetWorker fleet)
    : Operation<StartProjectVersionRequest, StartProjectVersionResponse>(HostingJson.Default)
{
    public override IReadOnlyList<Permission> Requires(StartProjectVersionRequest request, Caller caller) =>
        [Needs(request.ProjectVersionArn!)];

    /// <exception cref="RefusedException">NotFound: no such version. InUse, Invalid: wrong state or units. LimitExceeded: too many units or running
    /// models.</exception>
    public override async Task<StartProjectVersionResponse> RunAsync(StartProjectVersionRequest request, Caller caller, CancellationToken cancel)
    {
        try
        {
            await versions.StartAsync(caller, request.ProjectVersionArn!, request.MinInferenceUnits!.Value, request.MaxInferenceUnits, cancel);
        }
        finally
        {
            // Also if the client disconnects just after the intent was written.
            fleet.Wake();
        }

        return new() { Status = nameof(ProjectVersionStatus.STARTING) };
    }
}
