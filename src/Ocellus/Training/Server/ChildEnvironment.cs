using System.Diagnostics;

namespace Ocellus.Training.Server;

/// <summary>
/// What a process that this one starts is told of the environment: what the runtime, the native libraries and the system read, and nothing else. Keys of an
/// outside store, of AWS or of whatever else the server's user has there are none of its business, and it runs other people's libraries on other people's
/// images.
/// </summary>
internal static class ChildEnvironment
{
    private static readonly string[] _names =
    [
        "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TZDIR", "TMPDIR", "TMP", "TEMP", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH",
        "XDG_CACHE_HOME", "CUDA_VISIBLE_DEVICES",
        // Windows starts no process without the first two.
        "SystemRoot", "SystemDrive", "windir", "ComSpec", "PATHEXT", "USERPROFILE", "LOCALAPPDATA", "APPDATA", "ProgramFiles", "ProgramData",
        "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE",
    ];

    /// <summary>Families: of the runtime, of the C library, of threads and of the libraries for learning and for images.</summary>
    private static readonly string[] _families =
    [
        "LC_", "DOTNET_", "COMPlus_", "CORECLR_", "MALLOC_", "GLIBC_", "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "ONEDNN_", "DNNL_", "ATEN_", "TORCH_",
        "PYTORCH_", "ORT_", "ONNXRUNTIME_", "VIPS_", "G_",
    ];

    /// <summary>Parts of names that no setting of these libraries has, but a secret may.</summary>
    private static readonly string[] _secrets = ["SECRET", "TOKEN", "PASSWORD", "CREDENTIAL", "API_KEY", "ACCESS_KEY", "PRIVATE"];

    /// <summary>Takes everything else out of the environment of a process that is to be started.</summary>
    public static void Restrict(ProcessStartInfo start)
    {
        foreach (var name in start.Environment.Keys.Where(name => !MayHave(name)).ToList())
        {
            start.Environment.Remove(name);
        }
    }

    /// <summary>Whether a child is told a variable.</summary>
    internal static bool MayHave(string name) =>
        (_names.Contains(name, OperatingSystem.IsWindows() ? StringComparer.OrdinalIgnoreCase : StringComparer.Ordinal)
            || Array.Exists(_families, f => name.StartsWith(f, StringComparison.Ordinal)))
        && !Array.Exists(_secrets, s => name.Contains(s, StringComparison.OrdinalIgnoreCase));
}
