using Microsoft.Extensions.Options;
using Ocellus.Hosting.Placement;
using Ocellus.Hosting.Serving;
using Ocellus.Settings;
using Ocellus.Storage;

namespace Ocellus.Hosting;

/// <summary>Registers what running models need.</summary>
internal static class HostingServices
{
    /// <summary>Time for the rest of the server to stop after the models have drained.</summary>
    private static readonly TimeSpan _afterDrain = TimeSpan.FromSeconds(15);

    public static void AddHosting(this WebApplicationBuilder builder)
    {
        FreedMemory.Prepare();
        builder.Services.AddSettings<HostingOptions>("Ocellus:Hosting");
        builder.Services.AddSettings<ClusterOptions>(ClusterOptions.Section);
        // What connects the nodes first: services stop in reverse order, and requests of others are answered to the end.
        builder.AddNodes();
        builder.Services.AddOptions<HostOptions>()
            .Configure<IOptions<HostingOptions>, IOptions<ClusterOptions>>(
                (host, hosting, cluster) => host.ShutdownTimeout = hosting.Value.DrainTimeout + _afterDrain
                    + (cluster.Value.IsCluster ? cluster.Value.HandOverTimeout + cluster.Value.LeaveDelay : TimeSpan.Zero));
        builder.Services
            .AddSingleton<ServingThreads>()
            .AddSingleton<LocalModels>()
            .AddSingleton(services => NodeIdentity.Of(services.GetRequiredService<DataDirectory>(), services.GetRequiredService<IOptions<ClusterOptions>>()))
            .AddSingleton(
                services => new NodeLease(services.GetRequiredService<TimeProvider>(), services.GetRequiredService<NodeIdentity>().IsAlone))
            .AddSingleton<NodeCatalog>()
            .AddSingleton<PlacementCatalog>()
            .AddSingleton<RouteTable>()
            .AddSingleton<LocalAnswers>()
            .AddSingleton<FleetLeader>()
            .AddSingleton<ClusterModels>()
            .AddSingleton<FreedMemory>()
            .AddHostedService<WarmUp>()
            .AddSingleton<FleetWorker>()
            .AddSingleton<NodeWorker>()
            // Before the fleet's: the node joins first, and leaves when its models are unloaded.
            .AddHostedService(services => services.GetRequiredService<NodeWorker>())
            .AddHostedService(services => services.GetRequiredService<FleetWorker>())
            .AddSingleton<HostingChoices>()
            .AddSingleton<WakeOnDetect>()
            .AddHostedService<IdleStop>();
    }
}
