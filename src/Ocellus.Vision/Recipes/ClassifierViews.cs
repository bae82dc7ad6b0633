using System.Buffers;
using Ocellus.Vision.Images;

namespace Ocellus.Vision.Recipes;

/// <summary>Images at network size: the plain squashed one, and random views for training. Used by one thread at a time.</summary>
internal sealed class ClassifierViews(ImageSource images, ClassifierPlan plan)
{
    // Most of the change of a view's shape (natural logarithm), as in the prototype.
    private const double ShapeSpan = .3;

    // Half sides of the network that a kept image's long side has: its smallest views are then still about as large as the network
    // and as sharp as what the finished model will see.
    private const int KeptSides = 5;

    // Grey levels, each way. Less than what saving an image again changes; without it a network learns from smooth images that the last bit tells something.
    private const double NoiseMax = 2;

    private readonly Dictionary<int, DecodedImage> _cache = [];
    private long _cachedBytes;

    /// <summary>The image as the finished model will see it.</summary>
    public byte[] Plain(int index) => ImageDecoder.DecodeSquashed(images.Read(index), plan.Size, plan.Size).Rgb;

    /// <summary>
    /// A crop of at least <see cref="ClassifierPlan.ViewAreaMin"/> of the area, near the image's own shape, half of the time mirrored, brightness,
    /// contrast and saturation moved a little, brought to <paramref name="side"/> pixels, each value moved by up to <see cref="NoiseMax"/> grey
    /// levels. The same seed, round and image give the same view.
    /// </summary>
    public void Random(int index, int round, int side, Span<float> planes)
    {
        DecodedImage image = Decoded(index);
        // Not security: views have to repeat for a seed.
#pragma warning disable CA5394
        var random = new Random(ViewSeed.Of(plan.Seed, round, index));
        int w = image.Width, h = image.Height;
        double area = w * (double)h * (plan.ViewAreaMin + (1 - plan.ViewAreaMin) * random.NextDouble());
        double ratio = Math.Exp(ShapeSpan * (2 * random.NextDouble() - 1));
        int cw = Math.Clamp((int)Math.Sqrt(area * ratio), 1, w), ch = Math.Clamp((int)Math.Sqrt(area / ratio), 1, h);
        int left = random.Next(w - cw + 1), top = random.Next(h - ch + 1);
        bool mirrored = random.NextDouble() < .5;
        float noise = (float)(NoiseMax * random.NextDouble());
        Tone tone = Tone.Saturated((float)(.8 + .4 * random.NextDouble()), (float)(30 * random.NextDouble() - 15), (float)(.8 + .4 * random.NextDouble()));
        byte[] moved = ArrayPool<byte>.Shared.Rent(side * side * 3);
        random.NextBytes(moved.AsSpan(0, side * side * 3));
#pragma warning restore CA5394
        float[] rented = ArrayPool<float>.Shared.Rent(side * side * 3);
        Span<float> pixels = rented.AsSpan(0, side * side * 3);
        ResamplingAxis columns = new(left, cw, side, 0, side, mirrored), rows = new(top, ch, side, 0, side, mirrored: false);
        Resampling.Draw(image, columns, rows, tone, pixels, side * 3);
        Move(pixels, moved, noise);
        Separate(pixels, planes);
        ArrayPool<byte>.Shared.Return(moved);
        ArrayPool<float>.Shared.Return(rented);
    }

    private DecodedImage Decoded(int index)
    {
        if (_cache.TryGetValue(index, out DecodedImage? kept))
        {
            return kept;
        }

        DecodedImage image = ImageDecoder.DecodeUpright(images.Read(index), plan.Size * KeptSides / 2);
        if (_cachedBytes + image.Rgb.Length <= plan.ImageCacheBytes)
        {
            _cachedBytes += image.Rgb.Length;
            _cache.Add(index, image);
        }

        return image;
    }

    /// <summary>Moves each value, which is one of 128 grey levels each way from 0, by a share of <paramref name="levels"/> that its byte tells.</summary>
    private static void Move(Span<float> pixels, ReadOnlySpan<byte> shares, float levels)
    {
        float scale = levels / 127.5f / 128f;
        for (int i = 0; i < pixels.Length; i++)
        {
            pixels[i] += (shares[i] - 127.5f) * scale;
        }
    }

    /// <summary>Interleaved values to planes.</summary>
    private static void Separate(ReadOnlySpan<float> pixels, Span<float> planes)
    {
        int area = pixels.Length / 3;
        Span<float> reds = planes[..area], greens = planes.Slice(area, area), blues = planes.Slice(2 * area, area);
        for (int i = 0; i < area; i++)
        {
            (reds[i], greens[i], blues[i]) = (pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2]);
        }
    }
}
