using System.Net;
using Microsoft.AspNetCore.Connections;
using Orleans.Configuration;

namespace Ocellus.Hosting.Placement;

/// <summary>
/// One node is a cluster of one: the same path as on many nodes, with the membership in memory. It opens no port, because no other node
/// connects; so any number of servers and tests can run on one machine.
/// </summary>
internal static class ClusterOfOne
{
    /// <summary>Only part of the node's name; nothing listens on it.</summary>
    private const int NominalPort = 11111;

    /// <summary>Many times the number of models that a machine can run.</summary>
    private const int DirectoryCacheSize = 1000;

    public static void AddClusterOfOne(this WebApplicationBuilder builder) => builder.UseOrleans(silo =>
    {
        silo.UseLocalhostClustering(siloPort: NominalPort, gatewayPort: 0, serviceId: "ocellus", clusterId: "ocellus");
        // Decoding and network passes run off the grains' threads, so a longer turn is a fault worth logging.
        silo.Configure<SchedulingOptions>(o => o.TurnWarningLengthThreshold = TimeSpan.FromSeconds(2));
        // Locations of grains on other nodes. Slots are allocated at the start: the default, a million, takes 22 MB.
        silo.Configure<GrainDirectoryOptions>(o => o.CacheSize = DirectoryCacheSize);
        foreach (var listener in silo.Services.Where(s => s.IsKeyedService && s.ServiceType == typeof(IConnectionListenerFactory)).ToList())
        {
            silo.Services.Remove(listener);
            silo.Services.AddKeyedSingleton<IConnectionListenerFactory>(listener.ServiceKey, (_, _) => new SilentListenerFactory());
        }
    });

    private sealed class SilentListenerFactory : IConnectionListenerFactory
    {
        public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
            ValueTask.FromResult<IConnectionListener>(new SilentListener(endpoint));
    }

    /// <summary>Accepts no connection until it is closed.</summary>
    private sealed class SilentListener(EndPoint endPoint) : IConnectionListener
    {
        private readonly TaskCompletionSource<ConnectionContext?> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public EndPoint EndPoint { get; } = endPoint;

        public ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) => new(_closed.Task.WaitAsync(cancellationToken));

        public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            _closed.TrySetResult(null);
            return ValueTask.CompletedTask;
        }

        public ValueTask DisposeAsync() => UnbindAsync();
    }
}
