namespace Ocellus.Vision.Evaluation;

/// <summary>The score threshold with the best F1, and the figures at it; all from 0 to 1.</summary>
public readonly record struct OperatingPoint(double Threshold, double Precision, double Recall, double F1);

/// <summary>Metrics from the scores of one label's candidates and whether each was right.</summary>
public static class PrecisionRecall
{
    /// <summary>Threshold of a label that was not tested.</summary>
    public const double ThresholdUntested = .5;

    // The recalls 0, 0.01 … 1, as in COCO's evaluation.
    private const int RecallPoints = 101;

    /// <summary>
    /// Area under the precision-recall curve, interpolated: the mean over 101 recalls of the best precision at that recall or a
    /// higher one. 0 where there is nothing to find.
    /// </summary>
    /// <param name="candidates">In any order; equal scores make one threshold.</param>
    /// <param name="positives">Number of true boxes.</param>
    public static double AveragePrecision(IEnumerable<(float Score, bool Hit)> candidates, int positives)
    {
        if (positives == 0)
        {
            return 0;
        }

        List<(float Score, int Hits, int Taken)> points = Points(candidates);
        double sum = 0, best = 0;
        int rank = points.Count - 1;
        for (int point = RecallPoints - 1; point >= 0; point--)
        {
            // In integers: hits / positives >= point / 100 must not depend on rounding.
            for (; rank >= 0 && (long)points[rank].Hits * (RecallPoints - 1) >= (long)point * positives; rank--)
            {
                best = Math.Max(best, points[rank].Hits / (double)points[rank].Taken);
            }

            sum += best;
        }

        return sum / RecallPoints;
    }

    /// <summary>The threshold with the best F1 among the distinct scores, the higher one in a tie. Candidates at or above it are predictions.</summary>
    public static OperatingPoint Best(IEnumerable<(float Score, bool Hit)> candidates, int positives)
    {
        if (positives == 0)
        {
            return new OperatingPoint(ThresholdUntested, 0, 0, 0);
        }

        double threshold = ThresholdUntested;
        long bestHits = 0, bestTaken = 1;
        foreach ((float score, int hits, int taken) in Points(candidates))
        {
            // F1 = 2 hits / (taken + positives), compared as fractions: rounding must not decide a tie, which keeps the higher threshold.
            if (hits * (bestTaken + positives) > bestHits * (taken + positives))
            {
                (threshold, bestHits, bestTaken) = (score, hits, taken);
            }
        }

        return new OperatingPoint(threshold, bestHits / (double)bestTaken, bestHits / (double)positives, 2.0 * bestHits / (bestTaken + positives));
    }

    /// <summary>For each distinct score, highest first, how many candidates are at or above it and how many of them are right.</summary>
    private static List<(float Score, int Hits, int Taken)> Points(IEnumerable<(float Score, bool Hit)> candidates)
    {
        var points = new List<(float Score, int Hits, int Taken)>();
        int hits = 0, taken = 0;
        foreach ((float score, bool hit) in candidates.OrderByDescending(c => c.Score))
        {
            taken++;
            hits += hit ? 1 : 0;
            if (points.Count > 0 && points[^1].Score == score)
            {
                points[^1] = (score, hits, taken);
            }
            else
            {
                points.Add((score, hits, taken));
            }
        }

        return points;
    }
}
