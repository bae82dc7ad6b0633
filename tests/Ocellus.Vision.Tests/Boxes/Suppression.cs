using Ocellus.Vision.Boxes;

namespace Ocellus.Vision.Tests.Boxes;

/// <summary>What the exported models do with ONNX's NonMaxSuppression, to compare them with.</summary>
internal static class Suppression
{
    /// <summary>
    /// Non-maximum suppression: best first, a box stays when no box that stays covers it by more than
    /// <paramref name="iouMax"/>. Equal scores keep the order they came in.
    /// </summary>
    /// <returns>Indexes of those that stay, best first.</returns>
    public static IReadOnlyList<int> Suppress(IReadOnlyList<Box> boxes, IReadOnlyList<float> scores, double iouMax)
    {
        if (boxes.Count != scores.Count)
        {
            throw new ArgumentException($"There are {boxes.Count} boxes but {scores.Count} scores.", nameof(scores));
        }

        var kept = new List<int>();
        foreach (int candidate in Enumerable.Range(0, boxes.Count).OrderByDescending(i => scores[i]))
        {
            if (kept.TrueForAll(k => BoxOverlap.Iou(boxes[k], boxes[candidate]) <= iouMax))
            {
                kept.Add(candidate);
            }
        }

        return kept;
    }
}
