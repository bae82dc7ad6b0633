using Ocellus.Projects;

namespace Ocellus.Hosting;

/// <summary>The running models of the cluster, as the rest of the server sees them.</summary>
internal sealed class ModelFleet(IGrainFactory grains)
{
    /// <summary>Loads a version's model somewhere in the cluster.</summary>
    /// <returns>Null, or why it cannot be hosted.</returns>
    public async Task<string?> LoadAsync(VersionRow version)
    {
        var min = (int)(version.MinUnits ?? 1);
        return (await GrainOf(version.Arn).LoadAsync(new(version.AccountId, version.Folder, min, (int)(version.MaxUnits ?? min)))).Failure;
    }

    /// <summary>Drains a version's model and frees it. Null if it was not loaded.</summary>
    public Task<UnloadAnswer?> UnloadAsync(string arn) => GrainOf(arn).UnloadAsync();

    /// <summary>What a running model finds in a picture, for a classifier every label; or its refusal: see <see cref="RunningModel.DetectAsync"/>.</summary>
    public Task<DetectAnswer> DetectAsync(string arn, byte[] image, CancellationToken cancel) => GrainOf(arn).DetectAsync(new(image), cancel);

    private IModelGrain GrainOf(string arn) => grains.GetGrain<IModelGrain>(arn);
}
