using System.CommandLine;
using System.Text.RegularExpressions;

namespace Ocellus.Commands;

/// <summary>The options of a server that is a node of a cluster.</summary>
internal static partial class NodeOptions
{
    public static Option<string?> Cluster()
    {
        var cluster = new Option<string?>("--cluster")
        {
            Description = "Take part in the cluster of this name: the servers that share a database and an external store. The same command line on each.",
            HelpName = "NAME",
        };
        return cluster.Refusing(
            (name, _) => name is null || Name().IsMatch(name) ? null : $"--cluster is '{name}'; it takes 1 to 64 letters, digits, '-', '_' and '.'.");
    }

    public static Option<string?> Address() => new("--node-address")
    {
        Description = "IP address and port at which the other nodes reach this one. Without it, a free port on the loopback.",
        HelpName = "IP:PORT",
    };

    [GeneratedRegex(@"^[A-Za-z0-9._-]{1,64}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Name();
}
