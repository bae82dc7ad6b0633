using Ocellus.Vision.Onnx;

namespace Ocellus.Vision.Tests.Recipes;

/// <summary>Exported models, read back to look at their weights.</summary>
internal static class OnnxBytes
{
    public static OnnxFile Parse(ReadOnlySpan<byte> bytes) => new(ModelProto.Parser.ParseFrom(bytes));
}
