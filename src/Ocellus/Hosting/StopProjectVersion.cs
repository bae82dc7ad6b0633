using System.ComponentModel.DataAnnotations;
using Ocellus.Hosting.Placement;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Hosting;

// As in StartProjectVersion: each operation has its records and frame in its own file.
internal sealed record StopProjectVersionRequest
{
    [Required, Shape("ProjectVersionArn")]
    public string? ProjectVersionArn { get; init; }
}

internal sealed record StopProjectVersionResponse
{
    [Shape("ProjectVersionStatus")]
    public string? Status { get; init; }
}

/// <summary>Stops a running model version. Returns at once; <c>DescribeProjectVersions</c> shows when it has stopped.</summary>
[Evidence("API_StopProjectVersion, service model rekognition-2016-06-27")]
internal sealed class StopProjectVersion(VersionCatalog versions, FleetWorker fleet)
    : Operation<StopProjectVersionRequest, StopProjectVersionResponse>(HostingJson.Default)
{
    public override IReadOnlyList<Permission> Requires(StopProjectVersionRequest request, Caller caller) =>
        [Needs(request.ProjectVersionArn!)];

    /// <exception cref="RefusedException">NotFound: no such version. InUse: its status does not allow STOPPING.</exception>
    public override async Task<StopProjectVersionResponse> RunAsync(StopProjectVersionRequest request, Caller caller, CancellationToken cancel)
    {
        try
        {
            // Durable from here: a crash only delays the stop until the restart.
            await versions.MoveAsync(caller, request.ProjectVersionArn!, VersionEvent.StopRequested, cancel);
        }
        finally
        {
            // Also if the client disconnects just after the intent was written.
            fleet.Wake();
        }

        // Not the row's current status: the worker may already have moved it on.
        return new() { Status = nameof(ProjectVersionStatus.STOPPING) };
    }
}
