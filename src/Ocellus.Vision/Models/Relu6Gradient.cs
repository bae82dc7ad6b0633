using System.Runtime.Intrinsics;

namespace Ocellus.Vision.Models;

/// <summary>ReLU6 from its output: what is neither 0 nor 6 passed, and the gradient passes there.</summary>
internal static class Relu6Gradient
{
    /// <summary>The highest output.</summary>
    public const float Top = 6;

    /// <param name="gradient">Of the output.</param>
    /// <param name="output">Of ReLU6, 0 to 6, in the same order.</param>
    /// <param name="passed">To be written: the gradient of the input. May be <paramref name="gradient"/> itself.</param>
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
