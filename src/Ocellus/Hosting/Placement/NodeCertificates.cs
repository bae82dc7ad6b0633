using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Orleans.Connections.Security;

namespace Ocellus.Hosting.Placement;

/// <summary>
/// Certificates of the connections between nodes. Both sides show one, and each accepts those that the cluster's own authority has signed: whoever has none can
/// neither listen nor take part.
/// </summary>
/// <param name="own">This node's, with its private key.</param>
/// <param name="authority">Those of the authority.</param>
internal sealed class NodeCertificates(X509Certificate2 own, X509Certificate2Collection authority)
{
    public X509Certificate2 Own => own;

    /// <summary>Reads the files that the settings name; null for a node on the loopback that has none.</summary>
    /// <exception cref="InvalidOperationException">Files are missing or cannot be read, or an address that others can reach is to do without.</exception>
    public static NodeCertificates? Read(ClusterOptions options, IPEndPoint address)
    {
        string[] given = [options.Certificate, options.CertificateKey, options.CertificateAuthority];
        if (given.All(string.IsNullOrEmpty))
        {
            return IPAddress.IsLoopback(address.Address) ? null : throw new InvalidOperationException(
                $"The node address {address} can be reached from other machines, and without certificates anyone there could take part in the cluster. Set "
                    + $"{ClusterOptions.Section}:Certificate, CertificateKey and CertificateAuthority, or choose a loopback address with --node-address.");
        }

        if (given.Any(string.IsNullOrEmpty))
        {
            throw new InvalidOperationException(
                $"{ClusterOptions.Section}:Certificate, CertificateKey and CertificateAuthority belong together; set all three or none.");
        }

        try
        {
            var authority = new X509Certificate2Collection();
            authority.ImportFromPemFile(options.CertificateAuthority);
            var own = X509Certificate2.CreateFromPemFile(options.Certificate, options.CertificateKey);
            return authority.Count == 0
                ? throw new InvalidOperationException($"{options.CertificateAuthority} ({ClusterOptions.Section}:CertificateAuthority) holds no certificate.")
                : IsOfAuthority(own, authority) ? new(own, authority)
                : throw new InvalidOperationException(
                    $"{options.Certificate} ({ClusterOptions.Section}:Certificate) is not signed by {options.CertificateAuthority}, or not valid now, so no "
                        + $"other node would accept it.");
        }
        catch (Exception failure) when (failure is CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new InvalidOperationException(
                $"The certificate, key or authority of {ClusterOptions.Section} cannot be read: {failure.Message.TrimEnd('.')}. All three are PEM files.",
                failure);
        }
    }

    /// <summary>Sets what Orleans asks of a connection.</summary>
    public void Apply(TlsOptions options)
    {
        options.LocalCertificate = own;
        options.RemoteCertificateMode = RemoteCertificateMode.RequireCertificate;
        options.ClientCertificateMode = RemoteCertificateMode.RequireCertificate;
        // The names in the certificates do not matter, since nodes come and go: the authority signs for nodes of this cluster and for nothing else.
        options.RemoteCertificateValidation = (certificate, _, _) => certificate is not null && IsOfAuthority(certificate, authority);
        options.OnAuthenticateAsClient = (_, handshake) =>
        {
            handshake.TargetHost = "ocellus";
            handshake.CertificateRevocationCheckMode = X509RevocationMode.NoCheck;
        };
        options.OnAuthenticateAsServer = (_, handshake) =>
        {
            handshake.ClientCertificateRequired = true;
            handshake.CertificateRevocationCheckMode = X509RevocationMode.NoCheck;
        };
    }

    /// <summary>Whether the authority has signed a certificate and it is valid now. Nothing is asked of the network.</summary>
    internal static bool IsOfAuthority(X509Certificate2 certificate, X509Certificate2Collection authority)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authority);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        return chain.Build(certificate);
    }
}
