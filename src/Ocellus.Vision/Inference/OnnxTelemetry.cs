using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Ocellus.Vision.Inference;

/// <summary>
/// ONNX Runtime, from 1.29 on, reports its use to its makers unless it is told not to: it writes a device id and a database below the home
/// folder and sends what models it runs. It looks for the wish once, when it is loaded; its own interface can only be asked later.
/// </summary>
public static class OnnxTelemetry
{
    /// <summary>What ONNX Runtime reads. With 1 it makes no device id and no queue, and has nothing that could send.</summary>
    public const string Variable = "ORT_DISABLE_TELEMETRY";

    /// <summary>Turns it off for this process and those that it starts, whatever the environment says. To be called before other threads run.</summary>
    public static void TurnOff()
    {
        // .NET keeps a copy of the environment: this one is for the processes that are started, and for Windows.
        Environment.SetEnvironmentVariable(Variable, "1");
        if (!OperatingSystem.IsWindows() && SetEnvironment(Variable, "1", overwrite: 1) != 0)
        {
            throw new InvalidOperationException($"{Variable} cannot be set (error {Marshal.GetLastPInvokeError()}); set it to 1 before Ocellus is started.");
        }
    }

    // No program that uses this library can forget it, and none of its code runs earlier.
#pragma warning disable CA2255
    [ModuleInitializer]
#pragma warning restore CA2255
    internal static void TurnOffFirst() => TurnOff();

    [DllImport("libc", EntryPoint = "setenv", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetEnvironment(
        [MarshalAs(UnmanagedType.LPUTF8Str)] string name, [MarshalAs(UnmanagedType.LPUTF8Str)] string value, int overwrite);
}
