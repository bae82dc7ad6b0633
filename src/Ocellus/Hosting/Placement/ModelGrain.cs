using Ocellus.Hosting.Serving;
using Ocellus.Refusals;
using Ocellus.Vision.Boxes;
using Orleans.Concurrency;

namespace Ocellus.Hosting.Placement;

/// <summary>What is to be hosted.</summary>
[GenerateSerializer, Immutable]
internal sealed record LoadRequest(
    [property: Id(0)] string AccountId, [property: Id(1)] string Folder, [property: Id(2)] int MinUnits, [property: Id(3)] int MaxUnits);

/// <summary>
/// How loading ended: <paramref name="Failure"/> is null, or a reason to show to a person; <paramref name="Remark"/> is what else a person should know.
/// </summary>
[GenerateSerializer, Immutable]
internal sealed record LoadAnswer([property: Id(0)] string? Failure, [property: Id(1)] string? Remark = null);

/// <summary>How unloading ended.</summary>
[GenerateSerializer, Immutable]
internal sealed record UnloadAnswer([property: Id(0)] int Aborted, [property: Id(1)] TimeSpan Drain);

/// <summary>An image to query a model with. Immutable: on the same node its bytes are not copied.</summary>
[GenerateSerializer, Immutable]
internal sealed record DetectRequest([property: Id(0)] byte[] Image);

/// <summary>A <see cref="Box"/> in transit between nodes: the learning library, which owns the type, does not know Orleans.</summary>
[GenerateSerializer, Immutable]
internal readonly record struct BoxSurrogate(
    [property: Id(0)] float Left, [property: Id(1)] float Top, [property: Id(2)] float Width, [property: Id(3)] float Height);

/// <summary>Converts a box to and from its transit form.</summary>
[RegisterConverter]
internal sealed class BoxConverter : IConverter<Box, BoxSurrogate>
{
    public Box ConvertFromSurrogate(in BoxSurrogate surrogate) => new(surrogate.Left, surrogate.Top, surrogate.Width, surrogate.Height);

    public BoxSurrogate ConvertToSurrogate(in Box value) => new(value.Left, value.Top, value.Width, value.Height);
}

/// <summary>A label with its score and the score from which the model counts it as found, both 0 to 1.</summary>
[GenerateSerializer, Immutable]
internal readonly record struct Found(
    [property: Id(0)] string Name, [property: Id(1)] float Score, [property: Id(2)] double Threshold, [property: Id(3)] Box? Box);

/// <summary>What the model found, or why it refused. A refusal is a value: exceptions lose their type between nodes.</summary>
[GenerateSerializer, Immutable]
internal sealed record DetectAnswer([property: Id(0)] Found[]? Found, [property: Id(1)] RefusalKind Refusal, [property: Id(2)] string? Message);

/// <summary>One project version in the cluster, keyed by its ARN.</summary>
[Alias("Ocellus.IModelGrain")]
internal interface IModelGrain : IGrainWithStringKey
{
    [Alias("Load"), ResponseTimeout("00:05:00")]
    Task<LoadAnswer> LoadAsync(LoadRequest request);

    /// <summary>Drains for at most DrainTimeout (whose maximum is 10 minutes) and frees the model.</summary>
    [Alias("Unload"), ResponseTimeout("00:15:00")]
    Task<UnloadAnswer?> UnloadAsync();

    [Alias("Detect"), ResponseTimeout("00:02:00")]
    Task<DetectAnswer> DetectAsync(DetectRequest request, CancellationToken cancel);
}

/// <summary>
/// Places a version's model on a node and routes requests to it. It has no state of its own: what should run is in the database, the session in
/// <see cref="LocalModels"/> of the node. Reentrant, because requests must not wait for one another, nor a stop for requests.
/// </summary>
[Reentrant]
internal sealed class ModelGrain(LocalModels models) : Grain, IModelGrain
{
    private string Arn => this.GetPrimaryKeyString();

    public async Task<LoadAnswer> LoadAsync(LoadRequest request)
    {
        var arn = Arn;
        // Off the grain's scheduler, which runs one turn at a time: reading a model takes a tenth of a second.
        var failure = await Task.Run(() => models.Load(arn, request.AccountId, request.Folder, request.MinUnits, request.MaxUnits));
        if (failure is null)
        {
            // Idle does not mean stopped: the activation stays until it is unloaded.
            DelayDeactivation(Timeout.InfiniteTimeSpan);
        }
        else
        {
            DeactivateOnIdle();
        }

        return new(failure, models.Find(arn)?.PrecisionReason);
    }

    public async Task<UnloadAnswer?> UnloadAsync()
    {
        var arn = Arn;
        var end = await Task.Run(() => models.UnloadAsync(arn));
        DeactivateOnIdle();
        return end is null ? null : new(end.Aborted, end.Drain);
    }

    public Task<DetectAnswer> DetectAsync(DetectRequest request, CancellationToken cancel)
    {
        if (models.Find(Arn) is { } model)
        {
            // Off the grain's scheduler, which runs one turn at a time.
            return Task.Run(() => DetectAsync(model, request, cancel), CancellationToken.None);
        }

        DeactivateOnIdle();
        return Task.FromResult(new DetectAnswer(null, RefusalKind.NotReady, "The model version is not loaded; wait until it is RUNNING."));
    }

    private static async Task<DetectAnswer> DetectAsync(RunningModel model, DetectRequest request, CancellationToken cancel)
    {
        try
        {
            var predictions = await model.DetectAsync(request.Image, cancel);
            var description = model.Description;
            var found = new Found[predictions.Count];
            for (var i = 0; i < found.Length; i++)
            {
                var (label, score, box) = predictions[i];
                found[i] = new(description.Labels[label], score, description.ThresholdOf(label), box);
            }

            return new(found, default, null);
        }
        catch (RefusedException refusal)
        {
            return new(null, refusal.Kind, refusal.Message);
        }
    }
}
