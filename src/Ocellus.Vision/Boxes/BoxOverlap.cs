namespace Ocellus.Vision.Boxes;

/// <summary>How far boxes cover each other, and the choice among those that cover each other too far.</summary>
public static class BoxOverlap
{
    /// <summary>Intersection over union, 0 to 1; 0 for boxes without area.</summary>
    /// <remarks>Ratios serve as well as pixels: stretching an axis stretches all areas alike.</remarks>
    public static double Iou(Box a, Box b)
    {
        double width = Math.Min((double)a.Left + a.Width, (double)b.Left + b.Width) - Math.Max(a.Left, b.Left);
        double height = Math.Min((double)a.Top + a.Height, (double)b.Top + b.Height) - Math.Max(a.Top, b.Top);
        if (width <= 0 || height <= 0)
        {
            return 0;
        }

        double both = width * height;
        return both / ((double)a.Width * a.Height + (double)b.Width * b.Height - both);
    }

    /// <summary>
    /// Non-maximum suppression: best first, a box stays when no box that stays covers it by more than
    /// <paramref name="iouMax"/>. Equal scores keep the order they came in.
    /// </summary>
    /// <returns>Indexes of those that stay, best first.</returns>
    /// <remarks>The exported models do this with ONNX's NonMaxSuppression; this one serves tests and other sources of boxes.</remarks>
    public static IReadOnlyList<int> Suppress(IReadOnlyList<Box> boxes, IReadOnlyList<float> scores, double iouMax)
    {
        ArgumentNullException.ThrowIfNull(boxes);
        ArgumentNullException.ThrowIfNull(scores);
        if (boxes.Count != scores.Count)
        {
            throw new ArgumentException($"There are {boxes.Count} boxes but {scores.Count} scores.", nameof(scores));
        }

        var kept = new List<int>();
        foreach (int candidate in Enumerable.Range(0, boxes.Count).OrderByDescending(i => scores[i]))
        {
            if (kept.TrueForAll(k => Iou(boxes[k], boxes[candidate]) <= iouMax))
            {
                kept.Add(candidate);
            }
        }

        return kept;
    }
}
