using System.Buffers;
using Ocellus.Vision.Images;

namespace Ocellus.Vision.Recipes;

/// <summary>Images at network size: the plain squashed one, and random views for training. Used by one thread at a time.</summary>
internal sealed class ClassifierViews(ImageSource images, ClassifierPlan plan)
{
    // Maximum change of a view's aspect ratio (natural logarithm), as in the prototype.
    private const double AspectLogMax = .3;

    // Long side of a cached image in half sides of the network. Its smallest views are then still about as large as the network input,
    // and as sharp as what the finished model will see.
    private const int CachedHalfSides = 5;

    private readonly Dictionary<int, DecodedImage> _cache = [];
    private long _cachedBytes;

    /// <summary>The image as the finished model will see it.</summary>
    public byte[] Plain(int index) => ImageDecoder.DecodeSquashed(images.Read(index), plan.Size, plan.Size).Rgb;

    /// <summary>
    /// A crop of at least <see cref="ClassifierPlan.ViewAreaMin"/> of the area, close to the image's aspect ratio, mirrored half of the time, with slight
    /// changes of brightness, contrast and saturation, resized to <paramref name="side"/> pixels. The same seed, round and image give the same view.
    /// </summary>
    /// <remarks>
    /// No noise is added. Two grey levels of it cost 1 to 3 points of accuracy on photographs and a tenth of the log loss (six passes, two seeds;
    /// bench/results/epyc-2-cores/classify.md), and a model whose labels differ in more than smoothness is robust without it.
    /// </remarks>
    public void Random(int index, int round, int side, Span<float> planes)
    {
        DecodedImage image = Decoded(index);
        // Not security: views must repeat for a seed.
#pragma warning disable CA5394
        var random = new Random(ViewSeed.Of(plan.Seed, round, index));
        int w = image.Width, h = image.Height;
        double area = w * (double)h * (plan.ViewAreaMin + (1 - plan.ViewAreaMin) * random.NextDouble());
        double ratio = Math.Exp(AspectLogMax * (2 * random.NextDouble() - 1));
        int cw = Math.Clamp((int)Math.Sqrt(area * ratio), 1, w), ch = Math.Clamp((int)Math.Sqrt(area / ratio), 1, h);
        int left = random.Next(w - cw + 1), top = random.Next(h - ch + 1);
        bool mirrored = random.NextDouble() < .5;
        Tone tone = Tone.Saturated((float)(.8 + .4 * random.NextDouble()), (float)(30 * random.NextDouble() - 15), (float)(.8 + .4 * random.NextDouble()));
#pragma warning restore CA5394
        float[] rented = ArrayPool<float>.Shared.Rent(side * side * 3);
        Span<float> pixels = rented.AsSpan(0, side * side * 3);
        ResamplingAxis columns = new(left, cw, side, 0, side, mirrored), rows = new(top, ch, side, 0, side, mirrored: false);
        Resampling.Draw(image, columns, rows, tone, pixels, side * 3);
        Separate(pixels, planes);
        ArrayPool<float>.Shared.Return(rented);
    }

    private DecodedImage Decoded(int index)
    {
        if (_cache.TryGetValue(index, out DecodedImage? cached))
        {
            return cached;
        }

        DecodedImage image = ImageDecoder.DecodeUpright(images.Read(index), plan.Size * CachedHalfSides / 2);
        if (_cachedBytes + image.Rgb.Length <= plan.ImageCacheBytes)
        {
            _cachedBytes += image.Rgb.Length;
            _cache.Add(index, image);
        }

        return image;
    }

    /// <summary>Splits interleaved values into planes.</summary>
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
