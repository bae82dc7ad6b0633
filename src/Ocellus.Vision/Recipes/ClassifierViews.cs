using System.Buffers;
using System.Collections.Concurrent;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;

namespace Ocellus.Vision.Recipes;

/// <summary>Images at network size: the plain ones, as the finished model sees them, and random views for training. Thread-safe.</summary>
/// <param name="images">The images.</param>
/// <param name="plan">Seed and limits.</param>
/// <param name="input">Size of the network.</param>
/// <param name="areaMin">Minimum share of an image's area that a random view shows.</param>
internal sealed class ClassifierViews(ImageSource images, ClassifierPlan plan, ClassifierInput input, double areaMin)
{
    // Maximum change of a squashed view's aspect ratio (natural logarithm), as in the prototype.
    private const double AspectLogMax = .3;

    // Long side of a cached image in half long sides of the network. Its smallest views are then still about as large as the network input,
    // and as sharp as what the finished model will see.
    private const int CachedHalfSides = 5;

    private readonly ConcurrentDictionary<int, DecodedImage> _cache = new();
    private long _cachedBytes;

    /// <summary>Size of the network.</summary>
    public ClassifierInput Input => input;

    /// <summary>The image as the finished model will see it.</summary>
    public byte[] Plain(int index)
    {
        byte[] bytes = images.Read(index);
        return input.KeepsAspect
            ? TrainedModel.Fitted(bytes, ImageDecoder.ReadHeader(bytes), input.Width, input.Height).Rgb
            : ImageDecoder.DecodeSquashed(bytes, input.Width, input.Height).Rgb;
    }

    /// <summary>
    /// A crop of at least the given share of the area, close to the image's aspect ratio, mirrored half of the time, with slight changes of brightness,
    /// contrast and saturation, brought to the size of the network as an image of its own. The same seed, round and image give the same view.
    /// </summary>
    /// <param name="index">Of the image.</param>
    /// <param name="round">How many times the image was used before.</param>
    /// <param name="at">Size of the view: the network's, or less in the first steps.</param>
    /// <param name="planes">[3, height, width], normalised, written.</param>
    /// <remarks>
    /// No noise is added. Two grey levels of it cost 1 to 3 points of accuracy on photographs and a tenth of the log loss (six passes, two seeds;
    /// bench/results/epyc-2-cores/classify.md), and a model whose labels differ in more than smoothness is robust without it.
    /// </remarks>
    public void Random(int index, int round, ClassifierInput at, Span<float> planes)
    {
        DecodedImage image = Decoded(index);
        // Not security: views must repeat for a seed.
#pragma warning disable CA5394
        var random = new Random(ViewSeed.Of(plan.Seed, round, index));
        int w = image.Width, h = image.Height;
        double area = w * (double)h * (areaMin + (1 - areaMin) * random.NextDouble());
        double ratio = Math.Exp((at.KeepsAspect ? Math.Min(AspectLogMax, 1 - areaMin) : AspectLogMax) * (2 * random.NextDouble() - 1));
        ratio = at.KeepsAspect ? ratio * w / h : ratio;
        int cw = Math.Clamp((int)Math.Sqrt(area * ratio), 1, w), ch = Math.Clamp((int)Math.Sqrt(area / ratio), 1, h);
        int left = random.Next(w - cw + 1), top = random.Next(h - ch + 1);
        bool mirrored = random.NextDouble() < .5;
        Tone tone = Tone.Saturated((float)(.8 + .4 * random.NextDouble()), (float)(30 * random.NextDouble() - 15), (float)(.8 + .4 * random.NextDouble()));
#pragma warning restore CA5394
        (int width, int height) = at.Shown(cw, ch);
        float[] rented = ArrayPool<float>.Shared.Rent(at.Values);
        Span<float> pixels = rented.AsSpan(0, at.Values);
        if (width < at.Width || height < at.Height)
        {
            pixels.Clear(); // grey 127 is 0 after normalisation
        }

        ResamplingAxis columns = new(left, cw, width, 0, width, mirrored), rows = new(top, ch, height, 0, height, mirrored: false);
        Resampling.Draw(image, columns, rows, tone, pixels, at.Width * 3);
        Separate(pixels, planes);
        ArrayPool<float>.Shared.Return(rented);
    }

    private DecodedImage Decoded(int index)
    {
        if (_cache.TryGetValue(index, out DecodedImage? cached))
        {
            return cached;
        }

        DecodedImage image = ImageDecoder.DecodeUpright(images.Read(index), Math.Max(input.Width, input.Height) * CachedHalfSides / 2);
        if (Interlocked.Add(ref _cachedBytes, image.Rgb.Length) > plan.ImageCacheBytes || !_cache.TryAdd(index, image))
        {
            Interlocked.Add(ref _cachedBytes, -image.Rgb.Length);
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
