namespace Ocellus.Vision.Quantization;

/// <summary>How real numbers are written as bytes: <c>real = Step × (byte − Zero)</c>. Zero is always written exactly, as padding needs it.</summary>
internal readonly record struct ByteScale(float Step, byte Zero)
{
    /// <summary>Smallest step: that of a tensor that is zero everywhere must not be zero itself.</summary>
    private const float StepMin = 1e-8f;

    /// <summary>The scale of numbers in a range, which is widened to contain zero.</summary>
    public static ByteScale Of(float least, float most)
    {
        (least, most) = (Math.Min(least, 0), Math.Max(most, 0));
        float step = Math.Max(StepMin, (most - least) / byte.MaxValue);
        return new ByteScale(step, (byte)Math.Clamp(MathF.Round(-least / step), 0, byte.MaxValue));
    }

    /// <summary>The nearest byte, ties to even; what is outside of the range becomes its end.</summary>
    public byte Quantize(float real) => (byte)Math.Clamp(MathF.Round(real / Step) + Zero, 0, byte.MaxValue);

    /// <summary>The number that a byte stands for.</summary>
    public float Dequantize(byte value) => Step * (value - Zero);

    /// <summary>The smallest number that can be written.</summary>
    public float Least => Step * -Zero;

    /// <summary>The largest number that can be written.</summary>
    public float Most => Step * (byte.MaxValue - Zero);
}
