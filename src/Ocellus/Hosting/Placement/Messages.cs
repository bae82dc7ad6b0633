using Ocellus.Hosting.Serving;
using Ocellus.Refusals;
using Ocellus.Vision.Boxes;

namespace Ocellus.Hosting.Placement;

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
internal sealed record DetectAnswer([property: Id(0)] Found[]? Found, [property: Id(1)] RefusalKind Refusal, [property: Id(2)] string? Message)
{
    /// <summary>The node has no such model, or no longer.</summary>
    public static DetectAnswer NotLoaded { get; } = new(null, RefusalKind.NotReady, "The model version is not loaded; wait until it is RUNNING.");

    /// <summary>Whether another node may answer where this one refused: the model is not here or leaves, or its queue is full.</summary>
    public bool IsForAnother => Found is null && Refusal is RefusalKind.NotReady or RefusalKind.Busy;
}

/// <summary>The other nodes, and what one asks of them.</summary>
internal interface IPeers
{
    /// <summary>What a node's model finds in an image, or its refusal.</summary>
    /// <exception cref="Exception">The node gave no answer.</exception>
    Task<DetectAnswer> DetectAsync(string silo, string arn, byte[] image);

    /// <summary>Time since the last request for a model on a node; null if it is not loaded there.</summary>
    /// <exception cref="Exception">The node gave no answer.</exception>
    Task<TimeSpan?> IdleForAsync(string silo, string arn);

    /// <summary>Tells a node that the database has changed. It may get lost: every node also looks by itself.</summary>
    void Wake(string silo);
}

/// <summary>What nodes do for one another with their own models.</summary>
internal sealed class LocalAnswers(LocalModels models, NodeLease lease)
{
    /// <summary>What the model in this process finds in an image, or its refusal. Null if it is not here, or if this node may not answer for it.</summary>
    public async Task<DetectAnswer?> DetectAsync(string arn, byte[] image, CancellationToken cancel)
    {
        var term = lease.Term;
        if (!lease.Holds || models.Find(arn) is not { } model)
        {
            return null;
        }

        try
        {
            var predictions = await model.DetectAsync(image, cancel);
            // Again: the process may have been stopped in between, and the model may be another node's by now, also if this node has joined again.
            if (!lease.Holds || lease.Term != term)
            {
                return null;
            }

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

    /// <summary>Time since the last request for a model; null if it is not loaded here.</summary>
    public TimeSpan? IdleFor(string arn) => models.Find(arn)?.IdleFor;
}
