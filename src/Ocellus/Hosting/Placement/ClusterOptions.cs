using System.ComponentModel.DataAnnotations;

namespace Ocellus.Hosting.Placement;

/// <summary>More than one machine. Section <c>Ocellus:Cluster</c>; without a name, the server is alone.</summary>
internal sealed class ClusterOptions
{
    public const string Section = "Ocellus:Cluster";

    /// <summary>Name of the cluster, the same on all of its nodes; <c>--cluster</c> sets it. Default empty: the server is alone.</summary>
    public string Name { get; set; } = "";

    /// <summary>
    /// Address at which the other nodes reach this one; <c>--node-address</c> sets it. Default: a free port on the loopback, for several nodes on one machine.
    /// Port 0 takes a free one.
    /// </summary>
    public string NodeAddress { get; set; } = "127.0.0.1:0";

    /// <summary>
    /// How long a node keeps its places after its last sign of life. It renews four times as often, and stops answering a sixth earlier. Default 6 s: the
    /// models of a node that died are loaded elsewhere within 10 s. The same on all nodes.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:02", "00:01:00")]
    public TimeSpan Lease { get; set; } = TimeSpan.FromSeconds(6);

    /// <summary>Maximum wait for other nodes to load what a node has that stops. Default 30 s: a load takes a second, and few models share a node.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:10:00")]
    public TimeSpan HandOverTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a node that stops still takes requests while <c>/health/ready</c> says that it is going, so that whatever distributes requests can notice.
    /// Default 5 s: longer than the usual time between two checks of a proxy. Kubernetes checks every 10 s unless told otherwise.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:00", "00:10:00")]
    public TimeSpan LeaveDelay { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>File with this node's certificate (PEM). Connections between nodes are then encrypted, and both sides show a certificate.</summary>
    public string Certificate { get; set; } = "";

    /// <summary>File with the certificate's private key (PEM).</summary>
    public string CertificateKey { get; set; } = "";

    /// <summary>File with the certificates of the authority that signs those of all nodes, and of nothing else (PEM).</summary>
    public string CertificateAuthority { get; set; } = "";

    /// <summary>Whether there are to be other nodes.</summary>
    internal bool IsCluster => Name.Length > 0;

    /// <summary>Time between renewals.</summary>
    internal TimeSpan RenewEvery => Lease / 4;

    /// <summary>How long a node counts on its lease: the rest is for clocks that differ in speed.</summary>
    internal TimeSpan CountedLease => Lease * 5 / 6;
}
