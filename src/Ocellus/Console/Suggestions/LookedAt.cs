using Ocellus.Console.Images;
using Ocellus.Vision.Embeddings;

namespace Ocellus.Console.Suggestions;

/// <summary>An image of a project, as suggestions need it.</summary>
/// <param name="Set">Where it is.</param>
/// <param name="Ordinal">Its place.</param>
/// <param name="Image">Its <c>source-ref</c>.</param>
/// <param name="Version">Of its content; empty where it is not known yet.</param>
/// <param name="Revision">Of its line.</param>
/// <param name="Labels">Its labels, those of boxes too.</param>
/// <param name="Flags">See <see cref="ImageFlags"/>.</param>
internal sealed record SeenImage(string Set, long Ordinal, string Image, string Version, string Revision, IReadOnlyList<string> Labels, int Flags)
{
    /// <summary>Whether a person said what is on it: nobody learns from suggestions that nobody confirmed.</summary>
    public bool IsKnown => (Flags & (ImageFlags.Labelled | ImageFlags.Nothing)) != 0 && (Flags & (ImageFlags.ToReview | ImageFlags.Errors)) == 0;

    /// <summary>Whether there is anything to suggest.</summary>
    public bool IsOpen => (Flags & (ImageFlags.Labelled | ImageFlags.Nothing)) == 0;

    /// <summary>Equal are two looks at an image that is as it was.</summary>
    public static IEqualityComparer<SeenImage> ByContent { get; } = EqualityComparer<SeenImage>.Create(
        (a, b) => a is not null && b is not null
            && (a.Set, a.Ordinal, a.Image, a.Version, a.Revision, a.Flags) == (b.Set, b.Ordinal, b.Image, b.Version, b.Revision, b.Flags),
        i => HashCode.Combine(i.Set, i.Ordinal));
}

/// <summary>What a version of a model says of an image: the score of each of its labels, 0 to 1.</summary>
internal sealed record ModelScores(string VersionArn, IReadOnlyList<string> Labels, float[] Scores);

/// <summary>What is known of a project's images, while someone works on them. Its members are read and written under <see cref="Gate"/>.</summary>
internal sealed class LookedAt
{
    public Lock Gate { get; } = new();

    /// <summary>Reads of the index wait for each other.</summary>
    public SemaphoreSlim Reading { get; } = new(1);

    public IReadOnlyList<SeenImage> Images { get; set; } = [];

    /// <summary>The last change that <see cref="Images"/> has, and when they were read.</summary>
    public long Seq { get; set; } = -1;

    public DateTimeOffset ReadAt { get; set; }

    /// <summary>Counts the reads that found other images, or other labels, than the one before: not only pages of the console change them.</summary>
    public long Reads { get; set; }

    /// <summary>By image; null for those that cannot be read.</summary>
    public Dictionary<string, (string Version, ImageFingerprint? Print)> Prints { get; } = new(StringComparer.Ordinal);

    /// <summary>By image.</summary>
    public Dictionary<string, ModelScores?> Scores { get; } = new(StringComparer.Ordinal);

    /// <summary>By image, revision of its line and place of the box in it: what boxes that people drew look like.</summary>
    public Dictionary<(string Image, string Revision), (string Label, Half[] Embedding)[]> Crops { get; } = [];

    /// <summary>When a page last asked; what nobody asks for is not computed.</summary>
    public DateTimeOffset Wanted { get; set; }

    public bool Works { get; set; }

    public FittedHead? Head { get; set; }

    /// <summary>Changes with what can be suggested.</summary>
    public long Revision { get; set; }

    /// <summary>The last findings, and <see cref="Reads"/> of what they were found in.</summary>
    public (long Reads, FindingsAnswer Answer)? Findings { get; set; }

    /// <summary>The fingerprint of an image as it is now.</summary>
    public ImageFingerprint? Print(SeenImage image) => Prints.TryGetValue(image.Image, out var found) && IsOf(image, found.Version) ? found.Print : null;

    /// <summary>Whether an image has been looked at, with or without success.</summary>
    public bool HasPrint(SeenImage image) => Prints.TryGetValue(image.Image, out var found) && IsOf(image, found.Version);

    private static bool IsOf(SeenImage image, string version) => image.Version.Length == 0 || version.Length == 0 || image.Version == version;
}

/// <summary>A head with what it was fitted to.</summary>
/// <param name="Head">The head.</param>
/// <param name="Labels">In the order of its scores.</param>
/// <param name="Known">Labels of each image that it learned from, joined.</param>
internal sealed record FittedHead(LabelHead Head, IReadOnlyList<string> Labels, IReadOnlyDictionary<string, string> Known);
