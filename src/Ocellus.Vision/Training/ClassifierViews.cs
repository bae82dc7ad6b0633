using Ocellus.Vision.Data;
using Ocellus.Vision.Images;

namespace Ocellus.Vision.Training;

/// <summary>Pictures at network size: the plain squashed one, and random views for training.</summary>
internal sealed class ClassifierViews(IPictureSource pictures, int size, int seed, long cacheBytes)
{
    private readonly Dictionary<int, DecodedPicture> cache = [];
    private long cached;

    /// <summary>The picture as the finished model will see it.</summary>
    public byte[] Plain(int index) => Pictures.DecodeSquashed(pictures.Read(index), size, size).Rgb;

    /// <summary>
    /// A crop of 35–100 % of the area, near the picture's own shape, half of the time mirrored, brightness and contrast moved a
    /// little. The same seed, round and picture give the same view.
    /// </summary>
    public void Random(int index, int round, Span<float> planes)
    {
        DecodedPicture picture = Decoded(index);
        // Not security: views have to repeat for a seed.
#pragma warning disable CA5394
        var random = new Random(unchecked((seed * 7919 + round) * 1_000_003 + index));
        int w = picture.Width, h = picture.Height;
        double area = w * (double)h * (.35 + .65 * random.NextDouble()), ratio = Math.Exp(.6 * random.NextDouble() - .3);
        int cw = Math.Clamp((int)Math.Sqrt(area * ratio), 1, w), ch = Math.Clamp((int)Math.Sqrt(area / ratio), 1, h);
        int left = random.Next(w - cw + 1), top = random.Next(h - ch + 1);
        bool mirrored = random.NextDouble() < .5;
        float contrast = (float)(.8 + .4 * random.NextDouble()), brightness = (float)(30 * random.NextDouble() - 15);
#pragma warning restore CA5394
        Crop(picture, left, top, cw, ch, mirrored, contrast, brightness, planes);
    }

    private DecodedPicture Decoded(int index)
    {
        if (cache.TryGetValue(index, out DecodedPicture? kept)) return kept;
        DecodedPicture picture = Pictures.DecodeUpright(pictures.Read(index), size * 3 / 2);
        if (cached + picture.Rgb.Length <= cacheBytes)
        {
            cached += picture.Rgb.Length;
            cache.Add(index, picture);
        }
        return picture;
    }

    private void Crop(DecodedPicture p, int left, int top, int cw, int ch, bool mirrored, float contrast, float brightness, Span<float> planes)
    {
        int area = size * size;
        for (int y = 0; y < size; y++)
        {
            float sy = Math.Clamp((y + .5f) * ch / size - .5f, 0, ch - 1);
            int y0 = (int)sy, y1 = Math.Min(y0 + 1, ch - 1);
            float fy = sy - y0;
            int row0 = (top + y0) * p.Width, row1 = (top + y1) * p.Width;
            for (int x = 0; x < size; x++)
            {
                float sx = Math.Clamp((x + .5f) * cw / size - .5f, 0, cw - 1);
                int x0 = (int)sx, x1 = Math.Min(x0 + 1, cw - 1);
                float fx = sx - x0;
                int at = y * size + (mirrored ? size - 1 - x : x);
                int a = 3 * (row0 + left + x0), b = 3 * (row0 + left + x1), c = 3 * (row1 + left + x0), d = 3 * (row1 + left + x1);
                for (int k = 0; k < 3; k++)
                {
                    float upper = p.Rgb[a + k] + fx * (p.Rgb[b + k] - p.Rgb[a + k]), lower = p.Rgb[c + k] + fx * (p.Rgb[d + k] - p.Rgb[c + k]);
                    float value = Math.Clamp((upper + fy * (lower - upper)) * contrast + brightness, 0, 255);
                    planes[k * area + at] = (value - 127f) / 128f;
                }
            }
        }
    }
}
