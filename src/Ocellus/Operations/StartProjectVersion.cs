using Ocellus.Access;
using Ocellus.Hosting;
using Ocellus.Projects;
using Ocellus.Protocol;

namespace Ocellus.Operations;

/// <summary>Asks for a model version to be hosted. Answers at once; <c>DescribeProjectVersions</c> tells when it is RUNNING.</summary>
/// <remarks>Source: API_StartProjectVersion, service model rekognition-2016-06-27.</remarks>
internal sealed class StartProjectVersion(VersionCatalog versions, FleetWorker fleet)
{
    /// <exception cref="RefusedException">NotFound: no such version. InUse, Invalid: wrong state or units. LimitExceeded: too many units or running models.</exception>
    public async Task<StartProjectVersionResponse> RunAsync(StartProjectVersionRequest request, Caller caller, CancellationToken cancel)
    {
        try
        {
            await versions.StartAsync(caller, request.ProjectVersionArn!, request.MinInferenceUnits!.Value, request.MaxInferenceUnits, cancel);
        }
        finally
        {
            // Also when the client left just after the intent was written.
            fleet.Wake();
        }

        return new() { Status = nameof(ProjectVersionStatus.STARTING) };
    }
}
