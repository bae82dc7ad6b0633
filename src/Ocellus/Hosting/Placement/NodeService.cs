using Orleans.Concurrency;
using Orleans.Runtime.Services;
using Orleans.Services;

namespace Ocellus.Hosting.Placement;

/// <summary>What a node does for the others. There is one on each; it is addressed by the node's silo, never looked up.</summary>
[Alias("Ocellus.INodeService")]
internal interface INodeService : IGrainService
{
    [Alias("Detect"), ResponseTimeout("00:02:00")]
    Task<DetectAnswer> DetectAsync(string arn, DetectRequest request);

    [Alias("IdleFor"), ResponseTimeout("00:00:10")]
    Task<TimeSpan?> IdleForAsync(string arn);

    [Alias("Wake"), ResponseTimeout("00:00:10")]
    Task WakeAsync();
}

/// <summary>Answers the other nodes.</summary>
[Reentrant]
internal sealed class NodeService(GrainId id, Silo silo, ILoggerFactory logs, LocalAnswers answers, FleetWorker fleet)
    : GrainService(id, silo, logs), INodeService
{
    // Off the service's scheduler, which runs one turn at a time: decoding and the network take milliseconds.
    public Task<DetectAnswer> DetectAsync(string arn, DetectRequest request) =>
        Task.Run(async () => await answers.DetectAsync(arn, request.Image, CancellationToken.None) ?? DetectAnswer.NotLoaded);

    public Task<TimeSpan?> IdleForAsync(string arn) => Task.FromResult(answers.IdleFor(arn));

    public Task WakeAsync()
    {
        fleet.WakeHere();
        return Task.CompletedTask;
    }
}

/// <summary>Calls other nodes over Orleans.</summary>
internal sealed class SiloPeers(IServiceProvider services) : GrainServiceClient<INodeService>(services), IPeers
{
    public Task<DetectAnswer> DetectAsync(string silo, string arn, byte[] image) => At(silo).DetectAsync(arn, new(image));

    public Task<TimeSpan?> IdleForAsync(string silo, string arn) => At(silo).IdleForAsync(arn);

    public void Wake(string silo) => At(silo).WakeAsync().Ignore();

    private INodeService At(string silo) => GetGrainService(SiloAddress.FromParsableString(silo));
}

/// <summary>A server that is alone has no others.</summary>
internal sealed class NoPeers : IPeers
{
    public Task<DetectAnswer> DetectAsync(string silo, string arn, byte[] image) => throw new InvalidOperationException("There is no other node.");

    public Task<TimeSpan?> IdleForAsync(string silo, string arn) => throw new InvalidOperationException("There is no other node.");

    public void Wake(string silo)
    {
    }
}
