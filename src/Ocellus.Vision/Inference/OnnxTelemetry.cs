using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Ocellus.Vision.Inference;

/// <summary>
/// From 1.29 on, ONNX Runtime reports usage to its vendor by default: it writes a device id and a database below the home folder and sends
/// which models it runs. It reads the variable that stops this once, when it is loaded; its API is usable only after that.
/// </summary>
public static class OnnxTelemetry
{
    /// <summary>The variable that ONNX Runtime reads. With 1 it creates no device id and no queue, and nothing that could send.</summary>
    public const string Variable = "ORT_DISABLE_TELEMETRY";

    /// <summary>Turns it off for this process and its children, overriding the environment. Must be called before other threads run.</summary>
    public static void TurnOff()
    {
        // Except on Windows, .NET changes only its own copy of the environment, which child processes inherit.
        Environment.SetEnvironmentVariable(Variable, "1");
        if (!OperatingSystem.IsWindows() && SetEnvironment(Variable, "1", overwrite: 1) != 0)
        {
            throw new InvalidOperationException($"{Variable} cannot be set (error {Marshal.GetLastPInvokeError()}); set it to 1 before Ocellus is started.");
        }
    }

    // As a module initializer it cannot be forgotten by a program, and runs before the library's other code.
#pragma warning disable CA2255
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void TurnOffFirst() => TurnOff();

    [DllImport("libc", EntryPoint = "setenv", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetEnvironment(
        [MarshalAs(UnmanagedType.LPUTF8Str)] string name, [MarshalAs(UnmanagedType.LPUTF8Str)] string value, int overwrite);
}
