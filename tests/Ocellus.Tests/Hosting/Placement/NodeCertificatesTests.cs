using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Ocellus.Hosting.Placement;

namespace Ocellus.Tests.Hosting.Placement;

public sealed class NodeCertificatesTests : IDisposable
{
    private static readonly IPEndPoint _loopback = new(IPAddress.Loopback, 11111);

    private readonly string _folder = Directory.CreateTempSubdirectory("ocellus-certificates-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Without_certificates_a_node_is_reached_from_its_own_machine_only()
    {
        Assert.Null(NodeCertificates.Read(new(), _loopback));
        var refusal = Assert.Throws<InvalidOperationException>(() => NodeCertificates.Read(new(), new(IPAddress.Parse("10.0.0.5"), 11111)));
        Assert.StartsWith("The node address 10.0.0.5:11111 can be reached from other machines", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("--node-address", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Those_of_the_cluster_s_authority_are_accepted_and_no_other()
    {
        using var authority = Authority("ours");
        using var foreign = Authority("another");
        var options = Options(authority, "node1", authority);
        using var one = NodeCertificates.Read(options, new(IPAddress.Parse("10.0.0.5"), 11111))!.Own;
        Assert.True(one.HasPrivateKey);
        X509Certificate2Collection trusted = [authority];
        using var two = Signed("node2", authority);
        using var stranger = Signed("node2", foreign);
        Assert.True(NodeCertificates.IsOfAuthority(two, trusted));
        Assert.False(NodeCertificates.IsOfAuthority(stranger, trusted));
        Assert.False(NodeCertificates.IsOfAuthority(foreign, trusted));
    }

    [Fact]
    public void What_no_other_node_would_accept_is_refused_at_the_start()
    {
        using var authority = Authority("ours");
        using var foreign = Authority("another");
        var options = Options(foreign, "node1", authority);
        Assert.Contains("is not signed by", Refusal(options), StringComparison.Ordinal);

        File.WriteAllText(options.Certificate, "no certificate");
        Assert.Contains("cannot be read", Refusal(options), StringComparison.Ordinal);

        options.CertificateKey = "";
        Assert.Contains("belong together", Refusal(options), StringComparison.Ordinal);
    }

    private static string Refusal(ClusterOptions options) =>
        Assert.Throws<InvalidOperationException>(() => NodeCertificates.Read(options, _loopback)).Message;

    private static X509Certificate2 Authority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        return request.CreateSelfSigned(TimeProvider.System.GetUtcNow().AddDays(-1), TimeProvider.System.GetUtcNow().AddDays(1));
    }

    private static X509Certificate2 Signed(string name, X509Certificate2 authority)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        using var certificate = request.Create(
            authority, TimeProvider.System.GetUtcNow().AddHours(-1), TimeProvider.System.GetUtcNow().AddHours(1), Guid.NewGuid().ToByteArray());
        return certificate.CopyWithPrivateKey(key);
    }

    private ClusterOptions Options(X509Certificate2 signer, string name, X509Certificate2 authority)
    {
        using var certificate = Signed(name, signer);
        using var key = certificate.GetECDsaPrivateKey()!;
        var options = new ClusterOptions
        {
            Certificate = Path.Combine(_folder, "node.pem"),
            CertificateKey = Path.Combine(_folder, "node.key"),
            CertificateAuthority = Path.Combine(_folder, "ca.pem"),
        };
        File.WriteAllText(options.Certificate, certificate.ExportCertificatePem());
        File.WriteAllText(options.CertificateKey, key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(options.CertificateAuthority, authority.ExportCertificatePem());
        return options;
    }
}
