namespace Ocellus.Vision.Inference;

/// <summary>Where a classifier's evidence is: a score of each label at each place of a grid over the network's input.</summary>
/// <param name="Values">[labels, <paramref name="Rows"/>, <paramref name="Columns"/>].</param>
/// <param name="Rows">Of the grid.</param>
/// <param name="Columns">Of the grid.</param>
/// <param name="ShownWidth">Share of the grid's width that the image fills, 0 to 1.</param>
/// <param name="ShownHeight">Share of the grid's height that the image fills, 0 to 1.</param>
public sealed record EvidenceMap(IReadOnlyList<float> Values, int Rows, int Columns, float ShownWidth, float ShownHeight)
{
    /// <summary>The score of a label at a point of the image, between places interpolated.</summary>
    /// <param name="label">Index of the label.</param>
    /// <param name="x">Share of the image's width from the left, 0 to 1.</param>
    /// <param name="y">Share of the image's height from the top, 0 to 1.</param>
    public float At(int label, double x, double y)
    {
        double column = Math.Clamp(x * ShownWidth * Columns - .5, 0, Columns - 1), row = Math.Clamp(y * ShownHeight * Rows - .5, 0, Rows - 1);
        int left = (int)column, top = (int)row, right = Math.Min(left + 1, Columns - 1), bottom = Math.Min(top + 1, Rows - 1);
        double across = column - left, down = row - top;
        return (float)((1 - down) * ((1 - across) * Value(top, left) + across * Value(top, right))
            + down * ((1 - across) * Value(bottom, left) + across * Value(bottom, right)));

        float Value(int r, int c) => Values[(label * Rows + r) * Columns + c];
    }

    /// <summary>
    /// How much the evidence at a point stands out, 0 to 1: from nothing at the label's median over the image to 1 at its highest. Null if it
    /// is the same everywhere.
    /// </summary>
    /// <param name="label">Index of the label.</param>
    public Func<double, double, double>? Standing(int label)
    {
        float[] sorted = Sorted(label);
        double highest = sorted[^1], median = sorted[sorted.Length / 2];
        return highest <= median ? null : (x, y) => Math.Clamp((At(label, x, y) - median) / (highest - median), 0, 1);
    }

    /// <summary>The scores of a label at the places that show the image, in ascending order.</summary>
    private float[] Sorted(int label)
    {
        int rows = Shown(ShownHeight, Rows), columns = Shown(ShownWidth, Columns);
        return [.. Enumerable.Range(0, rows * columns).Select(i => Values[(label * Rows + i / columns) * Columns + i % columns]).Order()];

        // A thousandth of a place is rounding.
        static int Shown(float share, int count) => Math.Clamp((int)Math.Ceiling(share * count - 1e-3), 1, count);
    }
}
