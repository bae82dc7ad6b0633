using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace Ocellus.Vision.Kernels;

/// <summary>The gradient of ReLU6 from its output: it passes where the output is neither 0 nor 6.</summary>
internal static class Relu6Gradient
{
    /// <summary>The highest output.</summary>
    private const float Top = 6;

    /// <summary>Some values of the gradient of a convolution's output; unchanged if no ReLU6 follows.</summary>
    /// <param name="gradient">Contiguous.</param>
    /// <param name="output">Of ReLU6, 0 to 6, in the same order; null if no ReLU6 follows.</param>
    /// <param name="passed">Written, in the same order, if a ReLU6 follows.</param>
    /// <param name="first">First of the values.</param>
    /// <param name="count">Number of values.</param>
    public static ReadOnlySpan<float> Passed(Tensor gradient, Tensor? output, Tensor passed, int first, int count)
    {
        ReadOnlySpan<float> outputGradient = TensorValues.Of(gradient).Slice(first, count);
        if (output is null)
        {
            return outputGradient;
        }

        Span<float> through = TensorValues.Of(passed).Slice(first, count);
        Pass(outputGradient, TensorValues.Of(output).Slice(first, count), through);
        return through;
    }

    /// <summary>The gradient where the output lies between 0 and 6, zeros elsewhere; <paramref name="passed"/> may be the gradient itself.</summary>
    public static void Pass(ReadOnlySpan<float> gradient, ReadOnlySpan<float> output, Span<float> passed)
    {
        Vector256<float> low = Vector256<float>.Zero, high = Vector256.Create(Top);
        int i = 0;
        for (; i <= passed.Length - Vector256<float>.Count; i += Vector256<float>.Count)
        {
            Vector256<float> y = Vector256.LoadUnsafe(in output[i]);
            (Vector256.LoadUnsafe(in gradient[i]) & Vector256.GreaterThan(y, low) & Vector256.LessThan(y, high)).StoreUnsafe(ref passed[i]);
        }

        for (; i < passed.Length; i++)
        {
            passed[i] = output[i] is > 0 and < Top ? gradient[i] : 0;
        }
    }
}
