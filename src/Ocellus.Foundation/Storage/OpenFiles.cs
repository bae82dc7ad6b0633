using System.Globalization;

namespace Ocellus.Storage;

/// <summary>
/// How many files and connections this process may have open, and how many connections a server accepts. Without a limit, a server would accept connections
/// until no handle is left; then the runtime cannot load anything more and ends the process.
/// </summary>
internal static class OpenFiles
{
    /// <summary>Files of the runtime, the libraries, the database and the models: counted on a running server, with a margin.</summary>
    public const int OwnFiles = 300;

    /// <summary>Connections that a server accepts even where the system allows hardly any files.</summary>
    public const int ConnectionsMin = 16;

    /// <summary>The hard limit, to which .NET raises the soft one at start; null where it is unknown or unlimited.</summary>
    public static long? Limit()
    {
        const string limits = "/proc/self/limits";
        var line = File.Exists(limits) ? File.ReadLines(limits).FirstOrDefault(l => l.StartsWith("Max open files", StringComparison.Ordinal)) : null;
        return line?.Split(' ', StringSplitOptions.RemoveEmptyEntries)[4] is { } hard and not "unlimited"
            ? long.Parse(hard, CultureInfo.InvariantCulture)
            : null;
    }

    /// <summary>Maximum number of connections: half of the handles that are left, because a request may also open a file. Null for no limit.</summary>
    public static long? ConnectionsMax(long? limit) => limit is { } files ? Math.Max(ConnectionsMin, (files - OwnFiles) / 2) : null;
}
