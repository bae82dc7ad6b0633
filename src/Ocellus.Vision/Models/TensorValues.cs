using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Ocellus.Vision.Models;

/// <summary>The memory of tensors, for loops of our own.</summary>
internal static class TensorValues
{
    /// <summary>Values that a span of a tensor's bytes holds at most.</summary>
    public const long Max = int.MaxValue / sizeof(float);

    /// <summary>The values of a contiguous float32 tensor in their order; valid as long as the tensor is.</summary>
    public static Span<float> Of(Tensor tensor) => MemoryMarshal.Cast<byte, float>(tensor.bytes);

    /// <summary>A tensor with a copy of the values in libtorch's own memory: nothing of .NET's is pinned or kept.</summary>
    public static Tensor Copied(ReadOnlySpan<float> values, params long[] shape)
    {
        Tensor tensor = empty(shape);
        values.CopyTo(Of(tensor));
        return tensor;
    }
}
