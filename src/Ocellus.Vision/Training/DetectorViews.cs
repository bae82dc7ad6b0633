using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Ocellus.Vision.Data;
using Ocellus.Vision.Evaluation;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Losses;

namespace Ocellus.Vision.Training;

/// <summary>Random views of the training pictures with their boxes: scaled, shifted, mirrored, colours moved. Used by one thread at a time.</summary>
internal sealed class DetectorViews(IPictureSource pictures, IReadOnlyList<IReadOnlyList<LabelledBox>> boxes, DetectorInput input, DetectorPlan plan)
{
    // A box mostly outside the view is no example.
    private const double VisibleMin = .3;

    // Smaller ones, in pixels of the network input, are specks.
    private const float SideMin = 1;

    private readonly Dictionary<int, DecodedPicture> _cache = [];
    private long _cached;

    /// <summary>Values of one view: height × width × 3.</summary>
    public int ValuesPerView => input.Width * input.Height * 3;

    /// <summary>One view and its boxes. The same plan, pass and index give the same view.</summary>
    /// <param name="index">Of the picture.</param>
    /// <param name="pass">How often the picture has been seen.</param>
    /// <param name="mosaic">Share of views put together from four pictures.</param>
    /// <param name="view">Height × width × 3, normalised, written.</param>
    public TrueBox[] Random(int index, int pass, double mosaic, Span<float> view)
    {
        view.Clear(); // grey 127 is 0 after normalisation
        var truth = new List<TrueBox>();
#pragma warning disable CA5394 // Not security: the same seed has to give the same view.
        var random = new Random(ViewSeed.Of(plan.Seed, pass, index));
        if (pictures.Count > 1 && random.NextDouble() < mosaic)
        {
            int middleX = (int)(input.Width * (.3 + .4 * random.NextDouble())), middleY = (int)(input.Height * (.3 + .4 * random.NextDouble()));
            for (int quarter = 0; quarter < 4; quarter++)
            {
                bool right = quarter % 2 == 1, lower = quarter >= 2;
                var clip = new Clip(right ? middleX : 0, lower ? middleY : 0, right ? input.Width : middleX, lower ? input.Height : middleY);
                Place(quarter == 0 ? index : random.Next(pictures.Count), random, clip, view, truth);
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
        DecodedPicture picture = Decoded(index);
        double scale = input.FittingScale(picture.Width, picture.Height) * Math.Exp(Between(Math.Log(plan.ScaleMin), Math.Log(plan.ScaleMax)));
        if (clip.Width < input.Width)
        {
            // A quarter of a mosaic: smaller, or little of the picture would be seen.
            scale *= .7;
        }

        int width = Math.Max(1, (int)Math.Round(picture.Width * scale)), height = Math.Max(1, (int)Math.Round(picture.Height * scale));
        int left = clip.Left + Shift(clip.Width - width), top = clip.Top + Shift(clip.Height - height);
        bool mirrored = random.NextDouble() < .5;
        float contrast = (float)Between(.8, 1.2), brightness = (float)Between(-20, 20);
        bool tinted = random.NextDouble() < .3;
        var gains = new Vector3(contrast * Tint(), contrast * Tint(), contrast * Tint());
        Draw(picture, view, clip, left, top, width, height, mirrored, gains.AsVector128(), Vector128.Create(brightness));
        Add(boxes[index], clip, left, top, width, height, mirrored, truth);

        double Between(double low, double high) => low + (high - low) * random.NextDouble();
        float Tint() => tinted ? (float)Between(.9, 1.1) : 1;
        int Shift(int room) => random.Next(Math.Min(0, room), Math.Max(0, room) + 1);
    }
#pragma warning restore CA5394

    private static void Add(IReadOnlyList<LabelledBox> from, Clip clip, int left, int top, int width, int height, bool mirrored, List<TrueBox> truth)
    {
        foreach ((int label, BoxRatio b) in from)
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

    private DecodedPicture Decoded(int index)
    {
        if (_cache.TryGetValue(index, out DecodedPicture? kept))
        {
            return kept;
        }

        // As large as the largest view; what the file does not have is not invented here.
        byte[] bytes = pictures.Read(index);
        PictureHeader header = Pictures.ReadHeader(bytes);
        double scale = input.FittingScale(header.UprightWidth, header.UprightHeight) * plan.ScaleMax;
        DecodedPicture picture = Pictures.DecodeUpright(bytes, Math.Max(1, (int)Math.Ceiling(Math.Max(header.UprightWidth, header.UprightHeight) * scale)));
        if (_cached + picture.Rgb.Length <= plan.PictureCacheBytes)
        {
            _cached += picture.Rgb.Length;
            _cache.Add(index, picture);
        }

        return picture;
    }

    /// <summary>Draws the picture, stretched to width × height at left, top, as far as it lies inside the clip.</summary>
    private void Draw(DecodedPicture picture, Span<float> view, Clip clip, int left, int top, int width, int height, bool mirrored, Vector128<float> gains, Vector128<float> brightness)
    {
        int x0 = Math.Max(clip.Left, left), x1 = Math.Min(clip.Right, left + width), y0 = Math.Max(clip.Top, top), y1 = Math.Min(clip.Bottom, top + height);
        if (x0 >= x1 || y0 >= y1)
        {
            return;
        }

        var columns = new Taps(picture.Width, width, x0 - left, x1 - left, mirrored);
        var rows = new Taps(picture.Height, height, y0 - top, y1 - top, mirrored: false);
        int firstRow = rows.Start.Min(), lastRow = rows.Start.Max() + rows.Count, line = (x1 - x0) * 3;
        lastRow = Math.Min(lastRow, picture.Height);
        var across = new float[(lastRow - firstRow) * line];
        for (int y = firstRow; y < lastRow; y++)
        {
            Span<float> target = across.AsSpan((y - firstRow) * line, line);
            for (int x = 0; x < x1 - x0; x++)
            {
                Vector128<float> sum = default; // red, green, blue and a number that means nothing
                int at = (y * picture.Width + columns.Start[x]) * 3;
                for (int k = 0; k < columns.Count; k++, at += 3)
                {
                    float weight = columns.Weight[x * columns.Count + k];
                    if (weight != 0) // else it may lie beyond the picture's edge
                    {
                        sum += weight * Pixel(picture.Rgb, at);
                    }
                }

                (sum * gains + brightness).AsVector3().CopyTo(target[(3 * x)..]);
            }
        }

        for (int y = y0; y < y1; y++)
        {
            Span<float> target = view.Slice((y * input.Width + x0) * 3, line);
            for (int k = 0; k < rows.Count; k++)
            {
                float weight = rows.Weight[(y - y0) * rows.Count + k];
                if (weight != 0)
                {
                    AddScaled(target, across.AsSpan((rows.Start[y - y0] - firstRow + k) * line, line), weight);
                }
            }

            Normalise(target);
        }
    }

    /// <summary>Red, green and blue as numbers, and a fourth that means nothing.</summary>
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

    private readonly record struct Clip(int Left, int Top, int Right, int Bottom)
    {
        public int Width => Right - Left;

        public int Height => Bottom - Top;
    }

    /// <summary>Source pixels and weights of each target pixel along one axis: a triangle as wide as the shrinking asks for, so that nothing flickers.</summary>
    private sealed class Taps
    {
        public Taps(int source, int target, int from, int to, bool mirrored)
        {
            double step = (double)source / target, support = Math.Max(1, step);
            Count = (int)Math.Ceiling(support * 2) + 1;
            Start = new int[to - from];
            Weight = new float[Start.Length * Count];
            for (int i = 0; i < Start.Length; i++)
            {
                int position = mirrored ? target - 1 - (from + i) : from + i;
                double middle = (position + .5) * step;
                int start = Math.Clamp((int)Math.Floor(middle - support), 0, source - 1);
                double sum = 0;
                for (int k = 0; k < Count && start + k < source; k++)
                {
                    double weight = Math.Max(0, 1 - Math.Abs(start + k + .5 - middle) / support);
                    Weight[i * Count + k] = (float)weight;
                    sum += weight;
                }

                for (int k = 0; k < Count; k++)
                {
                    Weight[i * Count + k] = (float)(Weight[i * Count + k] / sum);
                }

                Start[i] = start;
            }
        }

        public int[] Start { get; }

        public int Count { get; }

        public float[] Weight { get; }
    }
}
