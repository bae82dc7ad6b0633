using Ocellus.Vision.Boxes;
using Ocellus.Vision.Inference;

namespace Ocellus.Vision.Evaluation;

/// <summary>Matches found boxes to true ones.</summary>
public static class BoxMatching
{
    /// <summary>Minimum intersection over union of a match.</summary>
    public const double IouMin = .5;

    /// <summary>For each found box the index of the true box that it matches, or -1.</summary>
    /// <remarks>
    /// Greedy, best score first: each takes the box of its label that it overlaps most among those not yet taken. So matches above a
    /// score do not depend on what was found below it, and counting them for a threshold is exact.
    /// </remarks>
    public static int[] Match(IReadOnlyList<LabelledBox> truth, IReadOnlyList<Prediction> found)
    {
        ArgumentNullException.ThrowIfNull(truth);
        ArgumentNullException.ThrowIfNull(found);
        var matches = new int[found.Count];
        Array.Fill(matches, -1);
        var taken = new bool[truth.Count];
        foreach (int candidate in Enumerable.Range(0, found.Count).OrderByDescending(i => found[i].Score))
        {
            Box box = found[candidate].Box ?? throw new ArgumentException("A prediction without a box cannot be matched.", nameof(found));
            int best = -1;
            double overlap = 0;
            for (int t = 0; t < truth.Count; t++)
            {
                if (taken[t] || truth[t].Label != found[candidate].Label)
                {
                    continue;
                }

                double iou = BoxOverlap.Iou(box, truth[t].Box);
                if (iou >= IouMin && iou > overlap)
                {
                    (best, overlap) = (t, iou);
                }
            }

            matches[candidate] = best;
            if (best >= 0)
            {
                taken[best] = true;
            }
        }

        return matches;
    }
}
