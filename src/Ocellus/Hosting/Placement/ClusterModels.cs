using System.Collections.Concurrent;
using Ocellus.Hosting.Serving;
using Ocellus.Projects;

namespace Ocellus.Hosting.Placement;

/// <summary>The running models of the cluster, on any node. Those of this process are <see cref="LocalModels"/>.</summary>
internal sealed class ClusterModels(IGrainFactory grains)
{
    // A reference stays valid wherever its grain moves; making one looks up the interface's attributes each time.
    private readonly ConcurrentDictionary<string, IModelGrain> _references = new(StringComparer.Ordinal);

    /// <summary>Loads a version's model somewhere in the cluster.</summary>
    public Task<LoadAnswer> LoadAsync(VersionRow version)
    {
        var min = (int)(version.MinUnits ?? 1);
        return GrainOf(version.Arn).LoadAsync(new(version.AccountId, version.Folder, min, (int)(version.MaxUnits ?? min)));
    }

    /// <summary>Drains a version's model and frees it. Null if it was not loaded.</summary>
    public async Task<UnloadAnswer?> UnloadAsync(string arn)
    {
        try
        {
            return await GrainOf(arn).UnloadAsync();
        }
        finally
        {
            _references.TryRemove(arn, out _);
        }
    }

    /// <summary>What a running model finds in an image (a classifier: every label), or its refusal; see <see cref="RunningModel.DetectAsync"/>.</summary>
    public Task<DetectAnswer> DetectAsync(string arn, byte[] image, CancellationToken cancel) => GrainOf(arn).DetectAsync(new(image), cancel);

    private IModelGrain GrainOf(string arn) => _references.GetOrAdd(arn, static (a, factory) => factory.GetGrain<IModelGrain>(a), grains);
}
