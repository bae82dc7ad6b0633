using Ocellus.Vision.Boxes;
using Ocellus.Vision.Images;

namespace Ocellus.Vision.Recipes;

/// <summary>Size of a detector's input in pixels, both multiples of 32.</summary>
internal readonly record struct DetectorInput(int Width, int Height)
{
    /// <summary>Enough for most images, yet small enough to train in minutes on two cores.</summary>
    public const int LongSideDefault = 416;

    /// <summary>Maximum long side; beyond it a training takes hours without a GPU.</summary>
    public const int LongSideMax = 1024;

    /// <summary>Side of a box, in pixels of the network input, below which the finest points (8 pixels apart) find it poorly.</summary>
    public const double BoxSideMin = 16;

    /// <summary>Sides are multiples of the coarsest stride.</summary>
    public const int Multiple = 32;

    // Share of images whose shape the input must suit. A few of other shapes are reduced further rather than make the input larger for all.
    private const double Covered = .8;

    /// <summary>Such as 416×320.</summary>
    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Width}×{Height}");

    public int LongSide => Math.Max(Width, Height);

    /// <summary>Chooses the size from the images and boxes.</summary>
    /// <param name="images">Upright size of each image.</param>
    /// <param name="boxes">Boxes of each image.</param>
    /// <param name="longSide">The long side, if given.</param>
    public static DetectorInput Choose(IReadOnlyList<(int Width, int Height)> images, IReadOnlyList<IReadOnlyList<LabelledBox>> boxes, int? longSide)
    {
        double[] sides = [.. images.Zip(boxes).SelectMany(p => p.Second.Select(b =>
        {
            double scale = (double)LongSideDefault / Math.Max(p.First.Width, p.First.Height);
            return Math.Sqrt(Math.Max(0, (double)b.Box.Width * b.Box.Height)) * Math.Sqrt((double)p.First.Width * p.First.Height) * scale;
        })).Order()];
        double median = sides.Length == 0 ? BoxSideMin : sides[sides.Length / 2];
        int side = longSide ?? Math.Min(LongSideMax, RoundUp(LongSideDefault * Math.Max(1, BoxSideMin / Math.Max(median, 1))));
        return new DetectorInput(RoundUp(side * At(images.Select(p => (double)p.Width / Math.Max(p.Width, p.Height)))),
            RoundUp(side * At(images.Select(p => (double)p.Height / Math.Max(p.Width, p.Height)))));

        static double At(IEnumerable<double> shares)
        {
            double[] sorted = [.. shares.Order()];
            return sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * Covered))];
        }
    }

    // Half a pixel of rounding must not cost a whole row of points.
    private static int RoundUp(double side) => Math.Max(Multiple, (int)Math.Ceiling((side - .5) / Multiple) * Multiple);

    /// <summary>The scale at which an image just fits, as <see cref="ImageDecoder.DecodeFitted(ReadOnlyMemory{byte}, int, int)"/> applies it.</summary>
    public double FittingScale(int width, int height) => Math.Min((double)Width / width, (double)Height / height);
}
