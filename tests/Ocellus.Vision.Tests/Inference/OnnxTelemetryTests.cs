using System.Runtime.InteropServices;
using System.Text;
using Ocellus.Vision.Inference;

namespace Ocellus.Vision.Tests.Inference;

public sealed class OnnxTelemetryTests
{
    [Fact]
    public void A_program_that_uses_this_library_has_told_ONNX_Runtime_to_send_nothing_before_it_is_loaded()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "getenv is not what Windows has");
        // Any of its code: the library tells it by itself.
        _ = FeatureExtractor.DefaultBackbone;
        Assert.Equal("1", Marshal.PtrToStringUTF8(NativeEnvironment("ORT_DISABLE_TELEMETRY")));
        Assert.Equal("1", Environment.GetEnvironmentVariable("ORT_DISABLE_TELEMETRY"));
    }

    [Fact]
    public void The_ONNX_Runtime_that_is_built_in_reads_the_name_that_is_set()
    {
        var library = Path.Combine(AppContext.BaseDirectory, "libonnxruntime.so");
        Assert.SkipUnless(File.Exists(library), "the file has this name on Linux");
        ReadOnlySpan<byte> content = File.ReadAllBytes(library);
        // A version that sends by another way, or is told by another name, is to be seen here before it is shipped.
        Assert.True(
            content.IndexOf(Encoding.ASCII.GetBytes($"\0{OnnxTelemetry.Variable}\0")) > 0,
            "ONNX Runtime is not told by this name any more: look what it sends");
    }

    [DllImport("libc", EntryPoint = "getenv")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint NativeEnvironment([MarshalAs(UnmanagedType.LPUTF8Str)] string name);
}
