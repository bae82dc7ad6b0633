namespace Ocellus.Vision.Boxes;

/// <summary>
/// Assigns points of the network to true boxes: those inside a box whose current prediction is best in score and overlap combined.
/// </summary>
/// <remarks>Feng et al. 2021, section 3.2 (arXiv:2108.07755).</remarks>
internal static class TaskAlignment
{
    /// <summary>Maximum points for one box.</summary>
    public const int PointsPerBox = 13;

    // score^1 · IoU^6.
    private const int OverlapPower = 6;

    private const float MetricMin = 1e-12f;

    // A box narrower than the finest stride may contain no point and would never be learnt. Its points are taken from a square
    // slightly larger than the stride, which always contains one.
    private const float HalfSideMin = 4.01f;

    /// <param name="points">[A, 2]: x y of the points' centres, pixels.</param>
    /// <param name="boxes">[A, 4]: x1 y1 x2 y2 that each point predicts now, pixels.</param>
    /// <param name="scores">[A, <paramref name="labels"/>]: scores that each point predicts now, 0 to 1.</param>
    /// <param name="labels">Number of labels.</param>
    /// <param name="truth">The true boxes of one image.</param>
    /// <param name="matches">[A], written: index of the box assigned to the point, or -1.</param>
    /// <param name="targets">[A], written: target score of the point for that box's label, 0 to 1.</param>
    public static void Assign(
        ReadOnlySpan<float> points, ReadOnlySpan<float> boxes, ReadOnlySpan<float> scores, int labels, ReadOnlySpan<TrueBox> truth,
        Span<int> matches, Span<float> targets)
    {
        int count = matches.Length;
        matches.Fill(-1);
        targets.Clear();
        // Of the box assigned to each point so far.
        var overlaps = new float[count];
        var metrics = new float[count];
        var best = new List<(float Metric, float Overlap, int Point)>();
        for (int t = 0; t < truth.Length; t++)
        {
            TrueBox box = truth[t];
            float middleX = (box.X1 + box.X2) / 2, middleY = (box.Y1 + box.Y2) / 2;
            float halfX = Math.Max((box.X2 - box.X1) / 2, HalfSideMin), halfY = Math.Max((box.Y2 - box.Y1) / 2, HalfSideMin);
            best.Clear();
            for (int i = 0; i < count; i++)
            {
                if (halfX - Math.Abs(points[2 * i] - middleX) <= .01f || halfY - Math.Abs(points[2 * i + 1] - middleY) <= .01f)
                {
                    continue;
                }

                float overlap = Iou(boxes.Slice(4 * i, 4), box), metric = scores[i * labels + box.Label] * MathF.Pow(overlap, OverlapPower);
                if (metric > MetricMin)
                {
                    best.Add((metric, overlap, i));
                }
            }

            // Ties go to the first point, so that the choice does not depend on the sort.
            best.Sort(static (a, b) => a.Metric != b.Metric ? b.Metric.CompareTo(a.Metric) : a.Point.CompareTo(b.Point));
            foreach ((float metric, float overlap, int point) in best.Take(PointsPerBox))
            {
                // A point with several candidate boxes takes the one it overlaps most.
                if (matches[point] < 0 || overlap > overlaps[point])
                {
                    (matches[point], overlaps[point], metrics[point]) = (t, overlap, metric);
                }
            }
        }

        // The target of a box's best point is its overlap; the others' are lower in proportion.
        var metricMax = new float[truth.Length];
        var overlapMax = new float[truth.Length];
        for (int i = 0; i < count; i++)
        {
            if (matches[i] is >= 0 and var t)
            {
                metricMax[t] = Math.Max(metricMax[t], metrics[i]);
                overlapMax[t] = Math.Max(overlapMax[t], overlaps[i]);
            }
        }

        for (int i = 0; i < count; i++)
        {
            if (matches[i] is >= 0 and var t)
            {
                targets[i] = metrics[i] / (metricMax[t] + 1e-9f) * overlapMax[t];
            }
        }
    }

    private static float Iou(ReadOnlySpan<float> a, TrueBox b)
    {
        float width = Math.Min(a[2], b.X2) - Math.Max(a[0], b.X1), height = Math.Min(a[3], b.Y2) - Math.Max(a[1], b.Y1);
        if (width <= 0 || height <= 0)
        {
            return 0;
        }

        float intersection = width * height;
        return intersection / ((a[2] - a[0]) * (a[3] - a[1]) + (b.X2 - b.X1) * (b.Y2 - b.Y1) - intersection + 1e-7f);
    }
}
