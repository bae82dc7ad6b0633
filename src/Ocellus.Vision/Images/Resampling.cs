using System.Buffers;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Ocellus.Vision.Images;

/// <summary>
/// Colour transform of a view: new = red · <paramref name="Red"/> + green · <paramref name="Green"/> + blue · <paramref name="Blue"/> +
/// <paramref name="Offset"/>, values of 0 to 255.
/// </summary>
internal readonly record struct Tone(Vector128<float> Red, Vector128<float> Green, Vector128<float> Blue, Vector128<float> Offset)
{
    /// <summary>Each channel times its own factor, plus <paramref name="brightness"/>.</summary>
    public static Tone Gains(float red, float green, float blue, float brightness) =>
        new(Vector128.Create(red, 0, 0, 0), Vector128.Create(0, green, 0, 0), Vector128.Create(0, 0, blue, 0), Vector128.Create(brightness));

    /// <summary>
    /// Distance from grey times <paramref name="saturation"/> (1 keeps it), then times <paramref name="contrast"/>, plus <paramref name="brightness"/>.
    /// </summary>
    public static Tone Saturated(float contrast, float brightness, float saturation)
    {
        // Shares of the channels in grey: ITU-R BT.601.
        float kept = contrast * saturation, grey = contrast * (1 - saturation);
        Vector128<float> Row(float share, int channel) => (Vector128.Create(grey * share) + Vector128<float>.Zero.WithElement(channel, kept));
        return new Tone(Row(.299f, 0), Row(.587f, 1), Row(.114f, 2), Vector128.Create(brightness));
    }

    public Vector128<float> Apply(Vector128<float> rgb) => Red * rgb[0] + Green * rgb[1] + Blue * rgb[2] + Offset;
}

/// <summary>
/// Draws parts of images for training: resized, mirrored, colour-adjusted and normalised in one pass. The filter is a triangle widened
/// by the reduction factor, so there is no aliasing and views are as smooth as the images that the finished model sees.
/// </summary>
internal static class Resampling
{
    /// <summary>Draws into rows of <paramref name="stride"/> values, interleaved RGB, from the first value of <paramref name="target"/> on.</summary>
    public static void Draw(DecodedImage image, ResamplingAxis columns, ResamplingAxis rows, Tone tone, Span<float> target, int stride)
    {
        int width = columns.Count, line = width * 3;
        int firstRow = rows.First, endRow = Math.Min(rows.End, image.Height);
        float[] rented = ArrayPool<float>.Shared.Rent((endRow - firstRow) * line); // large: one for each view would burden the garbage collector
        Span<float> across = rented.AsSpan(0, (endRow - firstRow) * line);
        for (int y = firstRow; y < endRow; y++)
        {
            Span<float> to = across.Slice((y - firstRow) * line, line);
            for (int x = 0; x < width; x++)
            {
                Vector128<float> sum = default; // red, green, blue and an unused number
                int at = (y * image.Width + columns.Start(x)) * 3;
                foreach (float weight in columns.Weights(x))
                {
                    if (weight != 0) // otherwise it may lie beyond the image's edge
                    {
                        sum += weight * Pixel(image.Rgb, at);
                    }

                    at += 3;
                }

                tone.Apply(sum).AsVector3().CopyTo(to[(3 * x)..]);
            }
        }

        for (int y = 0; y < rows.Count; y++)
        {
            Span<float> to = target.Slice(y * stride, line);
            to.Clear();
            int from = rows.Start(y) - firstRow;
            foreach (float weight in rows.Weights(y))
            {
                if (weight != 0)
                {
                    AddScaled(to, across.Slice(from * line, line), weight);
                }

                from++;
            }

            Normalise(to);
        }

        ArrayPool<float>.Shared.Return(rented);
    }

    /// <summary>Red, green and blue as numbers, and an unused fourth.</summary>
    private static Vector128<float> Pixel(byte[] rgb, int at)
    {
        uint four = at <= rgb.Length - sizeof(uint) ? Unsafe.ReadUnaligned<uint>(ref rgb[at]) : (uint)(rgb[at] | rgb[at + 1] << 8 | rgb[at + 2] << 16);
        return Vector128.ConvertToSingle(Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(four).AsByte())).AsInt32());
    }

    private static void AddScaled(Span<float> target, ReadOnlySpan<float> source, float weight)
    {
        Span<Vector<float>> wideTarget = MemoryMarshal.Cast<float, Vector<float>>(target);
        ReadOnlySpan<Vector<float>> wideSource = MemoryMarshal.Cast<float, Vector<float>>(source);
        for (int i = 0; i < wideTarget.Length; i++)
        {
            wideTarget[i] += wideSource[i] * weight;
        }

        for (int i = wideTarget.Length * Vector<float>.Count; i < target.Length; i++)
        {
            target[i] += source[i] * weight;
        }
    }

    private static void Normalise(Span<float> values)
    {
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (Math.Clamp(values[i], 0, 255) - 127f) / 128f;
        }
    }
}

/// <summary>Source pixels and weights of each target pixel along one axis.</summary>
internal sealed class ResamplingAxis
{
    private readonly int[] _start;
    private readonly float[] _weight;
    private readonly int _taps;

    /// <param name="from">First source pixel of the part that is drawn.</param>
    /// <param name="length">Source pixels of the part; those outside are not used.</param>
    /// <param name="target">Target pixels of the whole part.</param>
    /// <param name="first">The first of them to compute.</param>
    /// <param name="end">The one after the last to compute.</param>
    /// <param name="mirrored">True to reverse the direction.</param>
    public ResamplingAxis(int from, int length, int target, int first, int end, bool mirrored)
    {
        double step = (double)length / target, support = Math.Max(1, step);
        _taps = (int)Math.Ceiling(support * 2) + 1;
        _start = new int[end - first];
        _weight = new float[_start.Length * _taps];
        for (int i = 0; i < _start.Length; i++)
        {
            int position = mirrored ? target - 1 - (first + i) : first + i;
            double middle = (position + .5) * step;
            int start = Math.Clamp((int)Math.Floor(middle - support), 0, length - 1);
            double sum = 0;
            for (int k = 0; k < _taps && start + k < length; k++)
            {
                double weight = Math.Max(0, 1 - Math.Abs(start + k + .5 - middle) / support);
                _weight[i * _taps + k] = (float)weight;
                sum += weight;
            }

            for (int k = 0; k < _taps; k++)
            {
                _weight[i * _taps + k] = (float)(_weight[i * _taps + k] / sum);
            }

            _start[i] = from + start;
        }

        (First, End) = (_start.Min(), _start.Max() + _taps);
    }

    /// <summary>Target pixels.</summary>
    public int Count => _start.Length;

    /// <summary>The first source pixel used.</summary>
    public int First { get; }

    /// <summary>The one after the last source pixel with a weight; it may lie beyond the part.</summary>
    public int End { get; }

    /// <summary>The source pixel of the first weight.</summary>
    public int Start(int target) => _start[target];

    public ReadOnlySpan<float> Weights(int target) => _weight.AsSpan(target * _taps, _taps);
}
