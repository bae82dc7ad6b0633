using NetVips;

namespace Ocellus.Benchmarks;

/// <summary>A box of a drawn flaw, in pixels.</summary>
internal readonly record struct FlawBox(int Label, int Left, int Top, int Width, int Height);

/// <summary>One drawn part with its flaws.</summary>
internal sealed class FlawsImage
{
    private const int SideMin = 200, SideMax = 500, Quality = 90;

    // A pixel belongs to a flaw if this share of it does.
    private const double Belongs = .3;

    // Pixels that people leave around what they label, at most.
    private const int Margin = 2;

    private readonly Random _random;
    private readonly double[] _light;

#pragma warning disable CA5394 // Not security: a seed must draw the same image.
    private FlawsImage(Random random)
    {
        (_random, Width, Height) = (random, random.Next(SideMin, SideMax + 1), random.Next(SideMin, SideMax + 1));
        _light = new double[Width * Height];
    }

    public int Width { get; }

    public int Height { get; }

    public List<FlawBox> Boxes { get; } = [];

    public static FlawsImage Draw(Random random)
    {
        var image = new FlawsImage(random);
        image.Surface();
        image.Marks();

        // Most photographs show one kind of flaw; some show none.
        int label = random.Next(4), flaws = random.NextDouble() < .08 ? 0 : 1 + (int)(2.6 * Math.Pow(random.NextDouble(), 2));
        for (int i = 0; i < flaws; i++)
        {
            image.Flaw(random.NextDouble() < .8 ? label : random.Next(4));
        }

        return image;
    }

    public void Save(string path)
    {
        var grey = new byte[Width * Height];
        for (int i = 0; i < grey.Length; i++)
        {
            grey[i] = (byte)Math.Clamp(_light[i] + Normal(3), 0, 255);
        }

        using Image image = Image.NewFromMemory(grey, Width, Height, 1, Enums.BandFormat.Uchar);
        using Image soft = image.Gaussblur(.5), colour = soft.Colourspace(Enums.Interpretation.Srgb);
        colour.Jpegsave(path, q: Quality);
    }

    private double Between(double low, double high) => low + (high - low) * _random.NextDouble();

    private double Normal(double deviation) =>
        deviation * Math.Sqrt(-2 * Math.Log(1 - _random.NextDouble())) * Math.Cos(2 * Math.PI * _random.NextDouble());
#pragma warning restore CA5394

    /// <summary>Shading, clouds, grain and the streaks of grinding.</summary>
    private void Surface()
    {
        double level = Between(95, 165), slopeX = Between(-25, 25), slopeY = Between(-25, 25), streak = Between(1, 5);
        var clouds = new ValueNoise(Seed(), Between(50, 140));
        var grain = new ValueNoise(Seed(), Between(2.5, 6));
        double grainDepth = Between(4, 12);
        double[] streaks = [.. Enumerable.Range(0, Width).Select(_ => Normal(streak))];
        for (int y = 0; y < Height; y++)
        {
            for (int x = 0; x < Width; x++)
            {
                _light[y * Width + x] = level + slopeX * (x / (double)Width - .5) + slopeY * (y / (double)Height - .5) + 24 * clouds.At(x, y)
                    + grainDepth * grain.At(x, y) + streaks[x] + Normal(3);
            }
        }
    }

    /// <summary>What is no flaw: grinding marks from edge to edge, soft stains.</summary>
    private void Marks()
    {
        for (int i = Next(3); i > 0; i--)
        {
            double x0 = Between(0, Width), lean = Between(-.08, .08), width = Between(1.5, 5), depth = Between(-9, 9);
            Blend(0, Width, (x, y) => Soft(Math.Abs(x - x0 - lean * y), width), depth);
        }

        for (int i = Next(5); i > 0; i--)
        {
            double x0 = Between(0, Width), y0 = Between(0, Height), radius = Between(4, 18), depth = Between(-12, 12);
            Blend(0, Width, (x, y) => Math.Exp(-((x - x0) * (x - x0) + (y - y0) * (y - y0)) / (radius * radius)), depth);
        }
    }

    private void Flaw(int label)
    {
        double x = Between(15, Width - 15), y = Between(15, Height - 15);
        switch (label)
        {
            case 0:
                Blowhole(x, y);
                break;
            case 1:
                Blob(label, x, y, Between(5, 24), Between(.45, 1), noise: 7, depth: Between(-55, -22), ripple: 14);
                break;
            case 2:
                Crack(x, y);
                break;
            default:
                Blob(label, x, y, Between(7, 32), Between(.25, .9), noise: 5, depth: Between(6, 20), ripple: 34);
                break;
        }
    }

    private void Blowhole(double x0, double y0)
    {
        double radius = Between(2.2, 7), flat = Between(.75, 1), depth = Between(-75, -28);
        var cover = Blend(0, Width, (x, y) => Soft(Math.Sqrt((x - x0) * (x - x0) + (y - y0) * (y - y0) / (flat * flat)), radius), depth);
        Blend(0, Width, (x, y) => Soft(Math.Abs(Math.Sqrt((x - x0) * (x - x0) + (y - y0) * (y - y0)) - radius - 1), 1) * (x > x0 ? 1 : 0), Between(4, 22));
        AddBox(0, cover);
    }

    /// <summary>A patch with an uneven outline and a grain of its own.</summary>
    private void Blob(int label, double x0, double y0, double radius, double aspect, double noise, double depth, double ripple)
    {
        double angle = Between(0, Math.PI), cos = Math.Cos(angle), sin = Math.Sin(angle);
        var outline = new ValueNoise(Seed(), Math.Max(4, radius / 2));
        var inside = new ValueNoise(Seed(), noise / 3);
        var cover = Blend(0, Width, (x, y) =>
        {
            double u = ((x - x0) * cos + (y - y0) * sin) / radius, v = ((y - y0) * cos - (x - x0) * sin) / (radius * aspect);
            double within = 1 - Math.Sqrt(u * u + v * v) + .9 * outline.At(x, y);
            return u * u + v * v > 4 ? 0 : Math.Clamp(within * radius / 4, 0, 1);
        }, depth);
        for (int i = 0; i < cover.Length; i++)
        {
            _light[i] += cover[i] > 0 ? cover[i] * ripple * inside.At(i % Width, i / Width) : 0;
        }

        AddBox(label, cover);
    }

    /// <summary>A line that wanders and fades; most run along an edge of the part.</summary>
    private void Crack(double x, double y)
    {
        double length = Between(18, 110), width = Between(.6, 1.3), depth = Between(-42, -14);
        double heading = (Next(2) * Math.PI / 2) + (Next(10) < 7 ? Normal(.07) : Between(-.8, .8)), turn = 0;
        var cover = new double[_light.Length];
        for (double way = 0; way < length; way += .5)
        {
            turn = .92 * turn + Normal(.005);
            heading += turn;
            (x, y) = (x + .5 * Math.Cos(heading), y + .5 * Math.Sin(heading));
            double strength = Math.Min(1, Math.Min(way, length - way) / 6 + .45);
            for (int py = Math.Max(0, (int)y - 3); py <= Math.Min(Height - 1, (int)y + 3); py++)
            {
                for (int px = Math.Max(0, (int)x - 3); px <= Math.Min(Width - 1, (int)x + 3); px++)
                {
                    double near = Soft(Math.Sqrt((px - x) * (px - x) + (py - y) * (py - y)), width) * strength;
                    cover[py * Width + px] = Math.Max(cover[py * Width + px], near);
                }
            }
        }

        for (int i = 0; i < cover.Length; i++)
        {
            _light[i] += depth * cover[i];
        }

        AddBox(2, cover);
    }

    private int Next(int below) => (int)Between(0, below);

    private int Seed() => (int)Between(0, int.MaxValue);

    /// <summary>1 within the reach, 0 beyond it, and in between over a pixel and a half.</summary>
    private static double Soft(double distance, double reach) => Math.Clamp((reach - distance) / 1.5 + .5, 0, 1);

    private double[] Blend(int from, int to, Func<double, double, double> cover, double depth)
    {
        var covers = new double[_light.Length];
        for (int y = 0; y < Height; y++)
        {
            for (int x = from; x < to; x++)
            {
                covers[y * Width + x] = cover(x, y);
                _light[y * Width + x] += depth * covers[y * Width + x];
            }
        }

        return covers;
    }

    private void AddBox(int label, double[] cover)
    {
        int[] at = [.. Enumerable.Range(0, cover.Length).Where(i => cover[i] >= Belongs)];
        if (at.Length < 6)
        {
            return;
        }

        int left = Math.Max(0, at.Min(i => i % Width) - Next(Margin + 1)), right = Math.Min(Width, at.Max(i => i % Width) + 1 + Next(Margin + 1));
        int top = Math.Max(0, at.Min(i => i / Width) - Next(Margin + 1)), bottom = Math.Min(Height, at.Max(i => i / Width) + 1 + Next(Margin + 1));
        Boxes.Add(new FlawBox(label, left, top, right - left, bottom - top));
    }

    /// <summary>Smooth random values, -0.5 to 0.5, with a grid of a given size in pixels.</summary>
    private sealed class ValueNoise(int seed, double size)
    {
        public double At(double x, double y)
        {
            double u = x / size, v = y / size;
            int i = (int)Math.Floor(u), j = (int)Math.Floor(v);
            double a = Ease(u - i), b = Ease(v - j);
            return (1 - b) * ((1 - a) * Corner(i, j) + a * Corner(i + 1, j)) + b * ((1 - a) * Corner(i, j + 1) + a * Corner(i + 1, j + 1));
        }

        private static double Ease(double t) => t * t * (3 - 2 * t);

        private double Corner(int i, int j)
        {
            uint hash = unchecked((uint)(seed + i * 374_761_393 + j * 668_265_263));
            hash = unchecked((hash ^ (hash >> 13)) * 1_274_126_177);
            hash = unchecked((hash ^ (hash >> 15)) * 2_246_822_519);
            return (hash ^ (hash >> 16)) / (double)uint.MaxValue - .5;
        }
    }
}
