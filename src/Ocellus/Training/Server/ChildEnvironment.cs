using System.Diagnostics;

namespace Ocellus.Training.Server;

/// <summary>
/// The environment of child processes: what the runtime, the native libraries and the system read, and nothing else. Keys of an external store, of AWS or
/// others of the server's user must not reach a process that runs third-party libraries on untrusted images.
/// </summary>
internal static class ChildEnvironment
{
    private static readonly string[] _names =
    [
        "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TZDIR", "TMPDIR", "TMP", "TEMP", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH",
        "XDG_CACHE_HOME", "CUDA_VISIBLE_DEVICES",
        // Windows cannot start a process without the first two.
        "SystemRoot", "SystemDrive", "windir", "ComSpec", "PATHEXT", "USERPROFILE", "LOCALAPPDATA", "APPDATA", "ProgramFiles", "ProgramData",
        "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE",
    ];

    /// <summary>Prefixes: of the runtime, the C library, threading, and the libraries for learning and images.</summary>
    private static readonly string[] _prefixes =
    [
        "LC_", "DOTNET_", "COMPlus_", "CORECLR_", "MALLOC_", "GLIBC_", "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "ONEDNN_", "DNNL_", "ATEN_", "TORCH_",
        "PYTORCH_", "ORT_", "ONNXRUNTIME_", "VIPS_", "G_",
    ];

    /// <summary>Parts of names that occur in secrets, but in no setting of these libraries.</summary>
    private static readonly string[] _secretParts = ["SECRET", "TOKEN", "PASSWORD", "CREDENTIAL", "API_KEY", "ACCESS_KEY", "PRIVATE"];

    /// <summary>Removes everything else from the environment of a process to start.</summary>
    public static void Restrict(ProcessStartInfo start)
    {
        foreach (var name in start.Environment.Keys.Where(name => !IsAllowed(name)).ToList())
        {
            start.Environment.Remove(name);
        }
    }

    /// <summary>Whether a child may have a variable.</summary>
    internal static bool IsAllowed(string name) =>
        (_names.Contains(name, OperatingSystem.IsWindows() ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal)
            || Array.Exists(_prefixes, f => name.StartsWith(f, StringComparison.Ordinal)))
        && !Array.Exists(_secretParts, s => name.Contains(s, StringComparison.OrdinalIgnoreCase));
}
