namespace Ocellus.Console.Images;

/// <summary>A box with its label, in whole pixels of the upright image, origin top-left.</summary>
internal sealed record LabelledRect(string Label, int Left, int Top, int Width, int Height);

/// <summary>What a person sees and changes of one image: its labels and its boxes.</summary>
internal sealed record ImageLabels(IReadOnlyList<string> Labels, IReadOnlyList<LabelledRect> Boxes)
{
    public static ImageLabels None { get; } = new([], []);

    public bool IsEmpty => Labels.Count == 0 && Boxes.Count == 0;

    /// <summary>Whether both have the same labels and boxes, in any order.</summary>
    public bool Matches(ImageLabels other) => IsSame(Labels, other.Labels) && IsSame(Boxes, other.Boxes);

    /// <summary>
    /// What comes of two people's changes to the same state: <paramref name="now"/> made of <paramref name="was"/>, while the stored state became
    /// <paramref name="theirs"/>. Null if both changed the same thing differently; then a person has to choose.
    /// </summary>
    /// <param name="was">What the person saw.</param>
    /// <param name="now">What the person made of it.</param>
    /// <param name="theirs">What is stored.</param>
    /// <param name="single">Whether an image has one label at most.</param>
    public static ImageLabels? Merge(ImageLabels was, ImageLabels now, ImageLabels theirs, bool single)
    {
        var labels = Merge(was.Labels, now.Labels, theirs.Labels);
        var boxes = Merge(was.Boxes, now.Boxes, theirs.Boxes);
        return labels is null || boxes is null || (single && labels.Count > 1 && now.Labels.Count <= 1 && theirs.Labels.Count <= 1)
            ? null
            : new ImageLabels(labels, boxes);
    }

    /// <summary>
    /// A moved box is one that is gone and one that is new, so two moves of the same box show as the same one gone and different ones new.
    /// </summary>
    private static List<T>? Merge<T>(IReadOnlyList<T> was, IReadOnlyList<T> now, IReadOnlyList<T> theirs)
    {
        List<T> gone = Without(was, now), theirGone = Without(was, theirs), added = Without(now, was), theirAdded = Without(theirs, was);
        var bothGone = gone.Count > Without(gone, theirGone).Count;
        if (bothGone && !IsSame(added, theirAdded) && (added.Count > 0 || theirAdded.Count > 0)
            // A batch that arrives again, because its answer was lost: all that it adds is there.
            && !(added.Count > 0 && Without(added, theirAdded).Count == 0 && Without(gone, theirGone).Count == 0))
        {
            return null;
        }

        return [.. Without(theirs, gone), .. Without(added, theirAdded)];
    }

    private static bool IsSame<T>(IReadOnlyList<T> left, IReadOnlyList<T> right) => left.Count == right.Count && Without(left, right).Count == 0;

    /// <summary>The items of a list less those of another, each as often as it occurs there.</summary>
    private static List<T> Without<T>(IReadOnlyList<T> items, IReadOnlyList<T> less)
    {
        var left = new List<T>(less);
        return [.. items.Where(item => !left.Remove(item))];
    }
}
