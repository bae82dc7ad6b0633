namespace Ocellus.Vision.Evaluation;

/// <summary>How a classifier's figures compare with chance.</summary>
/// <param name="F1">Mean F1 of the labels at their best thresholds, 0 to 1; without labels that are on all images or on none.</param>
/// <param name="Always">The same if every image were given every label: the F1 that a threshold below all scores has.</param>
/// <param name="P">Share of random answers that do at least as well, over 0 to 1.</param>
/// <param name="PerfectP">The same for answers without a mistake: with very few images these cannot be told from chance either.</param>
/// <param name="Images">Test images.</param>
public readonly record struct ShuffleResult(double F1, double Always, double P, double PerfectP, int Images)
{
    /// <summary>Random answers do as well in more than one of twenty tries.</summary>
    public const double SignificanceMax = .05;

    /// <summary>The scores say no more about the images than random numbers would.</summary>
    public bool IsChance => P >= SignificanceMax && (CanTell || F1 <= Always);

    /// <summary>There are enough test images to tell good answers from chance.</summary>
    public bool CanTell => PerfectP < SignificanceMax;
}

/// <summary>
/// Tests whether scores have anything to do with the labels: a permutation test. The labels are dealt out anew among the images many times, and the best
/// thresholds are looked for each time, as they were for the real labels. So the luck that lies in choosing a threshold on the test images counts as chance.
/// </summary>
/// <remarks>Good, P.: Permutation, Parametric and Bootstrap Tests of Hypotheses, 3rd edition, 2005.</remarks>
public static class ShuffleTest
{
    // Enough to tell 0.04 from 0.06 in nearly every case.
    private const int ShufflesMax = 1_000, ShufflesMin = 100;

    // Scores visited in all, which takes about a second.
    private const long VisitsMax = 300_000_000;

    /// <summary>Runs the test; the same input gives the same result.</summary>
    /// <param name="scores">Image × label.</param>
    /// <param name="truth">Image × label.</param>
    /// <returns>Null if there is nothing to tell apart: each label is on all images or on none.</returns>
    /// <exception cref="ArgumentException">The sizes differ.</exception>
    public static ShuffleResult? Run(float[,] scores, bool[,] truth)
    {
        ArgumentNullException.ThrowIfNull(scores);
        ArgumentNullException.ThrowIfNull(truth);
        int images = scores.GetLength(0);
        if (truth.GetLength(0) != images || truth.GetLength(1) != scores.GetLength(1))
        {
            throw new ArgumentException("Scores and truth must both be images by labels.", nameof(truth));
        }

        // A label that all images have, or none, is the same however they are shuffled.
        Ranking[] labels =
        [
            .. Enumerable.Range(0, scores.GetLength(1)).Select(label => new Ranking(scores, truth, label)).Where(r => r.Positives > 0 && r.Positives < images),
        ];
        if (labels.Length == 0)
        {
            return null;
        }

        int[] order = [.. Enumerable.Range(0, images)];
        double real = Mean(labels, l => l.BestF1(order)), perfect = Mean(labels, l => l.PerfectF1(order));
        int shuffles = (int)Math.Clamp(VisitsMax / ((long)images * labels.Length), ShufflesMin, ShufflesMax), asGood = 0, asPerfect = 0;
        // Not security: the test must repeat.
#pragma warning disable CA5394
        var random = new Random(0);
        for (int i = 0; i < shuffles; i++)
        {
            random.Shuffle(order);
            asGood += Mean(labels, l => l.BestF1(order)) >= real - 1e-9 ? 1 : 0;
            asPerfect += Mean(labels, l => l.PerfectF1(order)) >= perfect - 1e-9 ? 1 : 0;
        }
#pragma warning restore CA5394
        // The real order is one of all orders, so no probability is 0.
        return new ShuffleResult(
            real, Mean(labels, l => 2.0 * l.Positives / (images + l.Positives)), (1.0 + asGood) / (1 + shuffles), (1.0 + asPerfect) / (1 + shuffles), images);
    }

    private static double Mean(Ranking[] labels, Func<Ranking, double> of)
    {
        double sum = 0;
        foreach (Ranking label in labels)
        {
            sum += of(label);
        }

        return sum / labels.Length;
    }

    /// <summary>The images in the order of one label's scores, so that a shuffle need not sort.</summary>
    private sealed class Ranking
    {
        private readonly int[] _byScore;
        private readonly bool[] _endsTie; // the next score is lower
        private readonly bool[] _truth;

        public Ranking(float[,] scores, bool[,] truth, int label)
        {
            int images = scores.GetLength(0);
            _truth = new bool[images];
            var values = new float[images];
            for (int i = 0; i < images; i++)
            {
                (_truth[i], values[i]) = (truth[i, label], scores[i, label]);
                Positives += _truth[i] ? 1 : 0;
            }

            _byScore = [.. Enumerable.Range(0, images).OrderByDescending(i => values[i])];
            _endsTie = [.. _byScore.Select((image, at) => at + 1 == images || values[_byScore[at + 1]] < values[image])];
        }

        public int Positives { get; }

        /// <summary>F1 at the best threshold if image i had the labels of image order[i].</summary>
        public double BestF1(int[] order)
        {
            double best = 0;
            int hits = 0;
            for (int at = 0; at < _byScore.Length; at++)
            {
                hits += _truth[order[_byScore[at]]] ? 1 : 0;
                if (_endsTie[at])
                {
                    best = Math.Max(best, 2.0 * hits / (at + 1 + Positives));
                }
            }

            return best;
        }

        /// <summary>The same for scores that are 1 where the label is and 0 elsewhere.</summary>
        public double PerfectF1(int[] order)
        {
            int hits = 0;
            for (int i = 0; i < order.Length; i++)
            {
                hits += _truth[i] && _truth[order[i]] ? 1 : 0;
            }

            return Math.Max(hits / (double)Positives, 2.0 * Positives / (order.Length + Positives));
        }
    }
}
