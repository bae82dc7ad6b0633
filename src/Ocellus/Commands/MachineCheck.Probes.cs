using System.Globalization;

namespace Ocellus.Commands;

internal static partial class MachineCheck
{
    private static Finding Judge(string name, long value, long min, long wanted, string found, string advice, string? more = null) =>
        value >= wanted
            ? new(name, FindingState.Ok, found)
            : new(name, value >= min ? FindingState.Warning : FindingState.Problem, $"{found}{more ?? $"; {Size(wanted)} are recommended"}", advice);

    /// <summary>Memory that programs can have without swapping, on Linux.</summary>
    private static long? Available()
    {
        const string file = "/proc/meminfo";
        var line = File.Exists(file) ? File.ReadLines(file).FirstOrDefault(l => l.StartsWith("MemAvailable:", StringComparison.Ordinal)) : null;
        return line is null ? null : long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024;
    }

    /// <summary>The folder, or the nearest existing one above it.</summary>
    private static string Existing(string path)
    {
        while (!Directory.Exists(path) && Path.GetDirectoryName(path) is { } above)
        {
            path = above;
        }

        return path;
    }

    private static T Probe<T>(string folder, Func<string, T> run)
    {
        var file = Path.Combine(folder, $".ocellus-doctor-{Environment.ProcessId}-{Guid.NewGuid():N}");
        try
        {
            File.WriteAllText(file, "");
            return run(file);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static string Size(long bytes) => bytes >= 1L << 30
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 30):0.0} GB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 20):0} MB");
}
