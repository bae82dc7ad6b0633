using Ocellus.Access;
using Ocellus.Projects;
using Ocellus.Protocol;

namespace Ocellus.Operations;

/// <summary>Deletes a version that neither trains, copies nor runs. Its output files stay; copies made from it live on.</summary>
/// <remarks>Source: API_DeleteProjectVersion, service model rekognition-2016-06-27.</remarks>
internal sealed class DeleteProjectVersion(VersionCatalog versions, VersionRemoval removal)
{
    /// <exception cref="RefusedException">NotFound: no such version. InUse: it trains, copies or runs.</exception>
    public async Task<DeleteProjectVersionResponse> RunAsync(DeleteProjectVersionRequest request, Caller caller, CancellationToken cancel)
    {
        var version = await versions.MoveAsync(caller, request.ProjectVersionArn!, VersionEvent.DeleteRequested, cancel);
        removal.Wake();
        return new() { Status = version.Status.ToString() };
    }
}
