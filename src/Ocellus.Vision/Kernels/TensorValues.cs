using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Ocellus.Vision.Kernels;

/// <summary>The memory of tensors, for loops of our own.</summary>
internal static class TensorValues
{
    /// <summary>Maximum values in a span over a tensor's bytes.</summary>
    public const long Max = int.MaxValue / sizeof(float);

    /// <summary>The values of a contiguous float32 tensor in their order; valid as long as the tensor is.</summary>
    public static Span<float> Of(Tensor tensor) => MemoryMarshal.Cast<byte, float>(tensor.bytes);

    /// <summary>A tensor with a copy of the values in libtorch's memory: no managed memory is pinned or kept.</summary>
    public static Tensor Copied(ReadOnlySpan<float> values, params long[] shape)
    {
        Tensor tensor = empty(shape);
        values.CopyTo(Of(tensor));
        return tensor;
    }

    /// <summary>The same values in channels-last strides: libtorch then picks its NHWC kernels, which are twice as fast here.</summary>
    public static Tensor ChannelsLast(Tensor input)
    {
        using var scope = NewDisposeScope();
        return input.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }
}
