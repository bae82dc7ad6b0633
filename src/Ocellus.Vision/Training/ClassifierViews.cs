using Ocellus.Vision.Data;
using Ocellus.Vision.Images;

namespace Ocellus.Vision.Training;

/// <summary>Pictures at network size: the plain squashed one, and random views for training. Used by one thread at a time.</summary>
internal sealed class ClassifierViews(IPictureSource pictures, int size, int seed, long cacheBytes)
{
    // Smallest share of the picture's area in a view, and most of the change of its shape (natural logarithm), as in the prototype.
    private const double AreaMin = .35, ShapeSpan = .3;

    // Half sides of the network that a kept picture's long side has: its smallest views are then still about as large as the network
    // and as sharp as what the finished model will see.
    private const int KeptSides = 5;

    private readonly Dictionary<int, DecodedPicture> _cache = [];
    private long _cachedBytes;

    /// <summary>The picture as the finished model will see it.</summary>
    public byte[] Plain(int index) => Pictures.DecodeSquashed(pictures.Read(index), size, size).Rgb;

    /// <summary>
    /// A crop of 35–100 % of the area, near the picture's own shape, half of the time mirrored, brightness, contrast and saturation
    /// moved a little, brought to <paramref name="side"/> pixels. The same seed, round and picture give the same view.
    /// </summary>
    public void Random(int index, int round, int side, Span<float> planes)
    {
        DecodedPicture picture = Decoded(index);
        // Not security: views have to repeat for a seed.
#pragma warning disable CA5394
        var random = new Random(ViewSeed.Of(seed, round, index));
        int w = picture.Width, h = picture.Height;
        double area = w * (double)h * (AreaMin + (1 - AreaMin) * random.NextDouble()), ratio = Math.Exp(ShapeSpan * (2 * random.NextDouble() - 1));
        int cw = Math.Clamp((int)Math.Sqrt(area * ratio), 1, w), ch = Math.Clamp((int)Math.Sqrt(area / ratio), 1, h);
        int left = random.Next(w - cw + 1), top = random.Next(h - ch + 1);
        bool mirrored = random.NextDouble() < .5;
        var tone = new Tone((float)(.8 + .4 * random.NextDouble()), (float)(30 * random.NextDouble() - 15), (float)(.8 + .4 * random.NextDouble()));
#pragma warning restore CA5394
        Crop(picture, left, top, cw, ch, mirrored, tone, side, planes);
    }

    private DecodedPicture Decoded(int index)
    {
        if (_cache.TryGetValue(index, out DecodedPicture? kept))
        {
            return kept;
        }

        DecodedPicture picture = Pictures.DecodeUpright(pictures.Read(index), size * KeptSides / 2);
        if (_cachedBytes + picture.Rgb.Length <= cacheBytes)
        {
            _cachedBytes += picture.Rgb.Length;
            _cache.Add(index, picture);
        }

        return picture;
    }

    private static void Crop(DecodedPicture p, int left, int top, int cw, int ch, bool mirrored, Tone tone, int side, Span<float> planes)
    {
        int area = side * side;
        byte[] rgb = p.Rgb;
        Span<float> reds = planes[..area], greens = planes.Slice(area, area), blues = planes.Slice(2 * area, area);
        for (int y = 0; y < side; y++)
        {
            float sy = Math.Clamp((y + .5f) * ch / side - .5f, 0, ch - 1);
            int y0 = (int)sy, y1 = Math.Min(y0 + 1, ch - 1);
            float fy = sy - y0;
            int row0 = (top + y0) * p.Width + left, row1 = (top + y1) * p.Width + left;
            for (int x = 0; x < side; x++)
            {
                float sx = Math.Clamp((x + .5f) * cw / side - .5f, 0, cw - 1);
                int x0 = (int)sx, x1 = Math.Min(x0 + 1, cw - 1);
                float fx = sx - x0;
                int at = y * side + (mirrored ? side - 1 - x : x);
                int a = 3 * (row0 + x0), b = 3 * (row0 + x1), c = 3 * (row1 + x0), d = 3 * (row1 + x1);
                float wa = (1 - fx) * (1 - fy), wb = fx * (1 - fy), wc = (1 - fx) * fy, wd = fx * fy;
                float red = wa * rgb[a] + wb * rgb[b] + wc * rgb[c] + wd * rgb[d];
                float green = wa * rgb[a + 1] + wb * rgb[b + 1] + wc * rgb[c + 1] + wd * rgb[d + 1];
                float blue = wa * rgb[a + 2] + wb * rgb[b + 2] + wc * rgb[c + 2] + wd * rgb[d + 2];
                float grey = .299f * red + .587f * green + .114f * blue;
                reds[at] = tone.Apply(red, grey);
                greens[at] = tone.Apply(green, grey);
                blues[at] = tone.Apply(blue, grey);
            }
        }
    }

    /// <summary>Factor of contrast, shift of brightness in grey values of 0 to 255, factor of saturation.</summary>
    private readonly record struct Tone(float Contrast, float Brightness, float Saturation)
    {
        public float Apply(float value, float grey) =>
            (Math.Clamp((grey + Saturation * (value - grey)) * Contrast + Brightness, 0, 255) - 127f) / 128f;
    }
}
