using Ocellus.Vision.Boxes;
using Ocellus.Vision.Images;

namespace Ocellus.Vision.Recipes;

/// <summary>Random views of the training images with their boxes: scaled, shifted, mirrored and with changed colours. Used by one thread at a time.</summary>
internal sealed class DetectorViews(ImageSource images, IReadOnlyList<IReadOnlyList<LabelledBox>> boxes, DetectorInput input, DetectorPlan plan)
{
    // A box mostly outside the view is no example.
    private const double VisibleMin = .3;

    // Smaller boxes, in pixels of the network input, are specks.
    private const float SideMin = 1;

    private readonly Dictionary<int, DecodedImage> _cache = [];
    private long _cachedBytes;

    /// <summary>Values of one view: height × width × 3.</summary>
    public int ValuesPerView => input.Width * input.Height * 3;

    /// <summary>One view and its boxes. The same plan, pass and index give the same view.</summary>
    /// <param name="index">Of the image.</param>
    /// <param name="pass">How many times the image was used before.</param>
    /// <param name="mosaic">Share of views that are mosaics of four images.</param>
    /// <param name="others">The images that may be beside it in a mosaic.</param>
    /// <param name="view">Height × width × 3, normalised, written.</param>
    public TrueBox[] Random(int index, int pass, double mosaic, ReadOnlySpan<int> others, Span<float> view)
    {
        view.Clear(); // grey 127 is 0 after normalisation
        var truth = new List<TrueBox>();
#pragma warning disable CA5394 // Not security: the same seed must give the same view.
        var random = new Random(ViewSeed.Of(plan.Seed, pass, index));
        if (others.Length > 1 && random.NextDouble() < mosaic)
        {
            int middleX = (int)(input.Width * (.3 + .4 * random.NextDouble())), middleY = (int)(input.Height * (.3 + .4 * random.NextDouble()));
            for (int quarter = 0; quarter < 4; quarter++)
            {
                bool right = quarter % 2 == 1, lower = quarter >= 2;
                var clip = new Clip(right ? middleX : 0, lower ? middleY : 0, right ? input.Width : middleX, lower ? input.Height : middleY);
                Place(quarter == 0 ? index : others[random.Next(others.Length)], random, clip, view, truth);
            }
        }
        else
        {
            Place(index, random, new Clip(0, 0, input.Width, input.Height), view, truth);
        }
#pragma warning restore CA5394
        return [.. truth];
    }

#pragma warning disable CA5394
    private void Place(int index, Random random, Clip clip, Span<float> view, List<TrueBox> truth)
    {
        DecodedImage image = Decoded(index);
        double scale = input.FittingScale(image.Width, image.Height) * Math.Exp(Between(Math.Log(plan.ScaleMin), Math.Log(plan.ScaleMax)));
        int width = Math.Max(1, (int)Math.Round(image.Width * scale)), height = Math.Max(1, (int)Math.Round(image.Height * scale));
        int left, top;
        bool mirrored;
        if (clip.Width < input.Width && boxes[index].Count > 0)
        {
            // A quarter of a mosaic is a part of the image in which one of its boxes is.
            Box shown = boxes[index][random.Next(boxes[index].Count)].Box;
            mirrored = random.NextDouble() < .5;
            left = clip.Left + Around(clip.Width, width, mirrored ? 1 - shown.Left - shown.Width : shown.Left, shown.Width);
            top = clip.Top + Around(clip.Height, height, shown.Top, shown.Height);
        }
        else
        {
            (left, top) = (clip.Left + Shift(clip.Width - width), clip.Top + Shift(clip.Height - height));
            mirrored = random.NextDouble() < .5;
        }

        float contrast = (float)Between(.8, 1.2), brightness = (float)Between(-20, 20);
        bool tinted = random.NextDouble() < .3;
        Draw(image, view, clip, left, top, width, height, mirrored, Tone.Gains(contrast * Tint(), contrast * Tint(), contrast * Tint(), brightness));
        Add(boxes[index], clip, left, top, width, height, mirrored, truth);

        double Between(double low, double high) => low + (high - low) * random.NextDouble();
        float Tint() => tinted ? (float)Between(.9, 1.1) : 1;
        int Shift(int room) => random.Next(Math.Min(0, room), Math.Max(0, room) + 1);

        // As Shift, but with the whole box inside, if it fits.
        int Around(int side, int length, float start, float extent)
        {
            int room = side - length, low = Math.Max(Math.Min(0, room), (int)Math.Ceiling(-start * length));
            int high = Math.Min(Math.Max(0, room), (int)Math.Floor(side - (start + extent) * length));
            return low <= high ? random.Next(low, high + 1) : Shift(room);
        }
    }
#pragma warning restore CA5394

    private static void Add(IReadOnlyList<LabelledBox> from, Clip clip, int left, int top, int width, int height, bool mirrored, List<TrueBox> truth)
    {
        foreach ((int label, Box b) in from)
        {
            float a = Math.Clamp(b.Left, 0, 1), c = Math.Clamp(b.Left + b.Width, 0, 1);
            (float x1, float x2) = mirrored ? (1 - c, 1 - a) : (a, c);
            (x1, x2) = (left + x1 * width, left + x2 * width);
            float y1 = top + Math.Clamp(b.Top, 0, 1) * height, y2 = top + Math.Clamp(b.Top + b.Height, 0, 1) * height;
            float cx1 = Math.Clamp(x1, clip.Left, clip.Right), cx2 = Math.Clamp(x2, clip.Left, clip.Right);
            float cy1 = Math.Clamp(y1, clip.Top, clip.Bottom), cy2 = Math.Clamp(y2, clip.Top, clip.Bottom);
            if (cx2 - cx1 >= SideMin && cy2 - cy1 >= SideMin && (cx2 - cx1) * (cy2 - cy1) > VisibleMin * (x2 - x1) * (y2 - y1))
            {
                truth.Add(new TrueBox(cx1, cy1, cx2, cy2, label));
            }
        }
    }

    private DecodedImage Decoded(int index)
    {
        if (_cache.TryGetValue(index, out DecodedImage? cached))
        {
            return cached;
        }

        // As large as the largest view, but never enlarged.
        byte[] bytes = images.Read(index);
        ImageHeader header = ImageDecoder.ReadHeader(bytes);
        double scale = input.FittingScale(header.UprightWidth, header.UprightHeight) * plan.ScaleMax;
        DecodedImage image = ImageDecoder.DecodeUpright(
            bytes, header, Math.Max(1, (int)Math.Ceiling(Math.Max(header.UprightWidth, header.UprightHeight) * scale)));
        if (_cachedBytes + image.Rgb.Length <= plan.ImageCacheBytes)
        {
            _cachedBytes += image.Rgb.Length;
            _cache.Add(index, image);
        }

        return image;
    }

    /// <summary>Draws the image, stretched to width × height at left, top, as far as it lies inside the clip.</summary>
    private void Draw(DecodedImage image, Span<float> view, Clip clip, int left, int top, int width, int height, bool mirrored, Tone tone)
    {
        int x0 = Math.Max(clip.Left, left), x1 = Math.Min(clip.Right, left + width), y0 = Math.Max(clip.Top, top), y1 = Math.Min(clip.Bottom, top + height);
        if (x0 < x1 && y0 < y1)
        {
            var columns = new ResamplingAxis(0, image.Width, width, x0 - left, x1 - left, mirrored);
            var rows = new ResamplingAxis(0, image.Height, height, y0 - top, y1 - top, mirrored: false);
            Resampling.Draw(image, columns, rows, tone, view[((y0 * input.Width + x0) * 3)..], input.Width * 3);
        }
    }

    private readonly record struct Clip(int Left, int Top, int Right, int Bottom)
    {
        public int Width => Right - Left;

        public int Height => Bottom - Top;
    }
}
