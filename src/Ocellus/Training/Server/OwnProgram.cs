using System.Diagnostics;

namespace Ocellus.Training.Server;

/// <summary>How this program starts itself again, as a child process.</summary>
internal static class OwnProgram
{
    /// <summary>The start of another process of this program. Nothing is redirected yet.</summary>
    /// <param name="words">The verb and its arguments.</param>
    public static ProcessStartInfo Start(params IReadOnlyList<string> words)
    {
        var (file, first) = Host(Environment.ProcessPath, AppContext.BaseDirectory);
        return new ProcessStartInfo(file, [.. first, .. words]) { UseShellExecute = false };
    }

    /// <summary>
    /// The file to execute and the arguments that come before all others. An installed Ocellus brings its runtime and is its own executable; one that was built
    /// on the machine runs in <c>dotnet</c>, and so does a child of a test runner, which is the process itself there.
    /// </summary>
    /// <param name="process">The executable of this process, if known.</param>
    /// <param name="folder">The folder of the program's files.</param>
    internal static (string File, IReadOnlyList<string> First) Host(string? process, string folder)
    {
        if (process is not null && Path.GetFullPath(Path.GetDirectoryName(process)! + Path.DirectorySeparatorChar) == Path.GetFullPath(folder)
            && Path.GetFileNameWithoutExtension(process) == "Ocellus")
        {
            return (process, []);
        }

        var host = process is not null && Path.GetFileNameWithoutExtension(process) == "dotnet" ? process : "dotnet";
        return (host, ["exec", Path.Combine(folder, "Ocellus.dll")]);
    }
}
