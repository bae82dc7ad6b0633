using System.Net;
using System.Net.Sockets;
using Orleans.Configuration;

namespace Ocellus.Hosting.Placement;

/// <summary>
/// What connects nodes: a silo of Orleans on each, which carries calls to the silo of another by its address. Who is a node, and which models it has, is in the
/// database (<see cref="NodeCatalog"/>): each silo has a membership of its own, in memory, so there is one truth and not two that may differ. A server that
/// is alone starts none of this and opens no port.
/// </summary>
internal static class ClusterOfNodes
{
    /// <summary>Many times the number of models that a machine can run. Slots are allocated at the start: the default, a million, takes 22 MB.</summary>
    private const int DirectoryCacheSize = 1000;

    public static void AddNodes(this WebApplicationBuilder builder)
    {
        var options = builder.Configuration.GetSection(ClusterOptions.Section).Get<ClusterOptions>() ?? new();
        if (!options.IsCluster)
        {
            builder.Services.AddSingleton<IPeers, NoPeers>().AddSingleton(new NodeAddress(""));
            return;
        }

        var address = Address(options.NodeAddress);
        builder.UseOrleans(silo =>
        {
            silo.UseLocalhostClustering(address.Port, gatewayPort: 0, serviceId: "ocellus", clusterId: options.Name);
            silo.Configure<EndpointOptions>(o =>
            {
                (o.AdvertisedIPAddress, o.SiloPort, o.GatewayPort) = (address.Address, address.Port, 0);
                o.SiloListeningEndpoint = address;
            });
            // Decoding and network passes run off the services' threads, so a longer turn is a fault worth logging.
            silo.Configure<SchedulingOptions>(o => o.TurnWarningLengthThreshold = TimeSpan.FromSeconds(2));
            silo.Configure<GrainDirectoryOptions>(o => o.CacheSize = DirectoryCacheSize);
            silo.AddGrainService<NodeService>();
            if (NodeCertificates.Read(options, address) is { } certificates)
            {
                silo.UseTls(certificates.Own, certificates.Apply);
            }
        });
        builder.Services.AddSingleton<IPeers, SiloPeers>()
            .AddSingleton(services => new NodeAddress(services.GetRequiredService<ILocalSiloDetails>().SiloAddress.ToParsableString()));
    }

    /// <summary>Reads an address; port 0 becomes a free one.</summary>
    /// <exception cref="InvalidOperationException">It is none.</exception>
    internal static IPEndPoint Address(string text)
    {
        if (!IPEndPoint.TryParse(text, out var address) || !text.Contains(':', StringComparison.Ordinal) || address.Address.Equals(IPAddress.Any)
            || address.Address.Equals(IPAddress.IPv6Any))
        {
            throw new InvalidOperationException(
                $"Ocellus:Cluster:NodeAddress is '{text}'; it should be the IP address and port at which the other nodes reach this one, such as "
                    + "10.0.0.5:11111.");
        }

        if (address.Port == 0)
        {
            using var probe = new TcpListener(address.Address, 0);
            probe.Start();
            address.Port = ((IPEndPoint)probe.LocalEndpoint).Port;
        }

        return address;
    }
}
