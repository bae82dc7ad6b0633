using Microsoft.Extensions.Options;
using Ocellus.Hosting.Placement;
using Ocellus.Hosting.Serving;
using Ocellus.Settings;

namespace Ocellus.Hosting;

/// <summary>Registers what running models need.</summary>
internal static class HostingServices
{
    /// <summary>Time for the rest of the server to stop after the models have drained.</summary>
    private static readonly TimeSpan _afterDrain = TimeSpan.FromSeconds(15);

    public static void AddHosting(this WebApplicationBuilder builder)
    {
        FreedMemory.Prepare();
        // The cluster first: services stop in reverse order, and models are unloaded through it.
        builder.AddClusterOfOne();
        builder.Services.AddSettings<HostingOptions>("Ocellus:Hosting");
        builder.Services.AddOptions<HostOptions>()
            .Configure<IOptions<HostingOptions>>((host, hosting) => host.ShutdownTimeout = hosting.Value.DrainTimeout + _afterDrain);
        builder.Services
            .AddSingleton<ServingThreads>()
            .AddSingleton<LocalModels>()
            .AddSingleton<ClusterModels>()
            .AddSingleton<FreedMemory>()
            .AddHostedService<WarmUp>()
            .AddSingleton<FleetWorker>()
            .AddHostedService(services => services.GetRequiredService<FleetWorker>())
            .AddSingleton<HostingChoices>()
            .AddSingleton<WakeOnDetect>()
            .AddHostedService<IdleStop>();
    }
}
