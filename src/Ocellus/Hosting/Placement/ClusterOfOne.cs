using System.Net;
using Microsoft.AspNetCore.Connections;
using Orleans.Configuration;

namespace Ocellus.Hosting.Placement;

/// <summary>
/// One node is a cluster of one: the same path as on many nodes, with the membership in memory. It opens no port, as nobody could
/// connect; so any number of servers and tests run on one machine.
/// </summary>
internal static class ClusterOfOne
{
    /// <summary>Part of the node's name only; nothing listens on it.</summary>
    private const int NominalPort = 11111;

    /// <summary>Many times the models that a machine can run.</summary>
    private const int RemembersPlaces = 1000;

    public static void AddClusterOfOne(this WebApplicationBuilder builder) => builder.UseOrleans(silo =>
    {
        silo.UseLocalhostClustering(siloPort: NominalPort, gatewayPort: 0, serviceId: "ocellus", clusterId: "ocellus");
        // Decoding and network passes run off the grains' threads, so a turn that takes longer than this is a fault worth a line.
        silo.Configure<SchedulingOptions>(o => o.TurnWarningLengthThreshold = TimeSpan.FromSeconds(2));
        // Places of grains on other nodes. Each place is a slot in memory from the start: the default, a million, costs 22 MB.
        silo.Configure<GrainDirectoryOptions>(o => o.CacheSize = RemembersPlaces);
        foreach (var listener in silo.Services.Where(s => s.IsKeyedService && s.ServiceType == typeof(IConnectionListenerFactory)).ToList())
        {
            silo.Services.Remove(listener);
            silo.Services.AddKeyedSingleton<IConnectionListenerFactory>(listener.ServiceKey, (_, _) => new DeafListenerFactory());
        }
    });

    private sealed class DeafListenerFactory : IConnectionListenerFactory
    {
        public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
            ValueTask.FromResult<IConnectionListener>(new DeafListener(endpoint));
    }

    /// <summary>Accepts nobody until it is closed.</summary>
    private sealed class DeafListener(EndPoint endPoint) : IConnectionListener
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
