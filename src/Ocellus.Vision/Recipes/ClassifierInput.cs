namespace Ocellus.Vision.Recipes;

/// <summary>Size of a classifier's input in pixels, both multiples of 32, and how images are brought to it.</summary>
/// <param name="Width">Pixels.</param>
/// <param name="Height">Pixels.</param>
/// <param name="KeepsAspect">The image keeps its aspect ratio, the rest is grey; otherwise it is squashed to the size.</param>
public readonly record struct ClassifierInput(int Width, int Height, bool KeepsAspect)
{
    /// <summary>Maximum long side; beyond it a training takes hours without a GPU.</summary>
    public const int LongSideMax = 1024;

    /// <summary>Side of the default input, for subjects that fill the image.</summary>
    public const int SideDefault = 224;

    /// <summary>Sides are multiples of the coarsest stride.</summary>
    public const int Multiple = 32;

    // Sides of squares with the area of the inputs that are tried, each about 1.3 times the one before (its cost 1.7 times).
    private static readonly int[] _sides = [288, 384, 512, 680, 896];

    // Enlarging images by more than this shows nothing new.
    private const double EnlargedMax = 1.25;

    // Images up to this aspect ratio are hardly distorted when squashed to a square.
    private const double SquareAspectMax = 1.5;

    // Share of images whose size the aspect ratio must suit. A few of other shapes are reduced further rather than make the input larger for all.
    private const double Covered = .8;

    /// <summary>A square that images are squashed to.</summary>
    public static ClassifierInput Square(int side) => new(side, side, KeepsAspect: false);

    /// <summary>For <c>resize</c> in model.json.</summary>
    public string Resize => KeepsAspect ? "fit" : "squash";

    /// <summary>Time of an answer relative to the default input; it grows with the area.</summary>
    public double Cost => (double)Width * Height / (SideDefault * SideDefault);

    /// <summary>Values of a normalised image.</summary>
    internal int Values => 3 * Width * Height;

    /// <summary>For the user, such as <c>896×672</c>.</summary>
    public override string ToString() => FormattableString.Invariant($"{Width}×{Height}");

    /// <summary>
    /// The inputs to try, from the cheapest on: the default; beside it, for elongated images, one of the same cost that keeps the aspect ratio; then ever
    /// larger ones that keep it.
    /// </summary>
    /// <param name="images">Upright size of each image, at least one.</param>
    public static IReadOnlyList<ClassifierInput> Candidates(IReadOnlyList<(int Width, int Height)> images)
    {
        ArgumentNullException.ThrowIfNull(images);
        double width = At(images.Select(i => i.Width)), height = At(images.Select(i => i.Height)), aspect = width / height;
        List<ClassifierInput> found = [Square(SideDefault)];
        int[] sides = Math.Max(aspect, 1 / aspect) > SquareAspectMax ? [SideDefault, .. _sides] : _sides;
        foreach (int side in sides)
        {
            double scale = Math.Min(LongSideMax / Math.Max(width, height), side / Math.Sqrt(width * height));
            // The short side follows the long one, so that little of the input is grey.
            int wide = Rounded(width * scale), high = Rounded(height * scale);
            (wide, high) = width > height ? (wide, Rounded(wide / aspect)) : (Rounded(high * aspect), high);
            var input = new ClassifierInput(wide, high, KeepsAspect: true);
            if (scale > EnlargedMax)
            {
                break;
            }

            if (!found.Contains(input))
            {
                found.Add(input);
            }
        }

        return found;

        static double At(IEnumerable<int> values)
        {
            int[] sorted = [.. values.Order()];
            return sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * Covered))];
        }
    }

    /// <summary>The input at a share of its size, for the first steps of fine-tuning.</summary>
    internal ClassifierInput Scaled(double share) => this with { Width = Down(Width * share), Height = Down(Height * share) };

    /// <summary>Width and height of an image in the input, and of its part that is shown.</summary>
    internal (int Width, int Height) Shown(int width, int height)
    {
        if (!KeepsAspect)
        {
            return (Width, Height);
        }

        double scale = Math.Min((double)Width / width, (double)Height / height);
        return (Math.Clamp((int)Math.Round(width * scale), 1, Width), Math.Clamp((int)Math.Round(height * scale), 1, Height));
    }

    private static int Rounded(double side) => Math.Max(Multiple, (int)Math.Round(side / Multiple) * Multiple);

    private static int Down(double side) => Math.Max(Multiple, (int)side / Multiple * Multiple);
}

/// <summary>What decides a label.</summary>
public enum ClassifierHeadKind
{
    /// <summary>Features averaged over the image: for subjects that fill it.</summary>
    Average,

    /// <summary>The locations with the most evidence: for small things on large images.</summary>
    Evidence,

    /// <summary>Both together.</summary>
    Both,
}

/// <summary>Input and head of a classifier, chosen for its data.</summary>
/// <param name="Input">Size of the network.</param>
/// <param name="Head">What decides a label.</param>
public readonly record struct ClassifierDesign(ClassifierInput Input, ClassifierHeadKind Head)
{
    internal bool HasEvidence => Head != ClassifierHeadKind.Average;

    internal bool HasAverage => Head != ClassifierHeadKind.Evidence;
}
