using System.Net;
using Microsoft.Extensions.Options;

namespace Ocellus.Console;

/// <summary>
/// The hosts under which the console answers. A page of another site could give its own name this machine's address (DNS rebinding), and would then be of the
/// console's origin for the browser; the name in the Host header gives it away.
/// </summary>
/// <param name="options">Further names.</param>
/// <param name="urls">Addresses that the server listens on; read at the first request, when they are known.</param>
internal sealed class AllowedHosts(IOptions<ConsoleOptions> options, Func<IEnumerable<string>> urls)
{
    private readonly Lazy<HashSet<string>> _names = new(() => new(
        urls().Select(url => BindingAddress.Parse(url).Host).Concat(options.Value.AllHosts).Append("localhost"), StringComparer.OrdinalIgnoreCase));

    /// <summary>Whether a request may name this host. Addresses are always allowed: whoever opens one gets its own origin.</summary>
    public bool Has(HostString host) => _names.Value.Contains(host.Host) || IPAddress.TryParse(host.Host.Trim('[', ']'), out _);
}
