using System.Globalization;

namespace Ocellus.Storage;

/// <summary>
/// How many files and connections the system lets this process have open, and how many connections a server takes of them. Without a bound of its own it would
/// take connections until none is left, and then the runtime itself ends the process, for it can load nothing more.
/// </summary>
internal static class OpenFiles
{
    /// <summary>Files of the runtime, the libraries, the database and the models, counted on a running server with room.</summary>
    public const int Own = 300;

    /// <summary>Connections that a server takes even where the system allows next to nothing.</summary>
    public const int ConnectionsMin = 16;

    /// <summary>The hard limit, up to which .NET raises its own at start; null where the system does not tell or sets none.</summary>
    public static long? Limit()
    {
        const string limits = "/proc/self/limits";
        var line = File.Exists(limits) ? File.ReadLines(limits).FirstOrDefault(l => l.StartsWith("Max open files", StringComparison.Ordinal)) : null;
        return line?.Split(' ', StringSplitOptions.RemoveEmptyEntries)[4] is { } hard and not "unlimited"
            ? long.Parse(hard, CultureInfo.InvariantCulture)
            : null;
    }

    /// <summary>
    /// Connections at once: half of what is left beside the process's own, for a request may open a file beside its connection. Null: as many as come.
    /// </summary>
    public static long? ConnectionsMax(long? limit) => limit is { } most ? Math.Max(ConnectionsMin, (most - Own) / 2) : null;
}
