namespace Ocellus.Vision.Recipes;

/// <summary>
/// Temperature scaling (Guo et al. 2017, arXiv:1706.04599): one factor for the logits of a model, such that its scores are as high as it is right on
/// images it has not learnt from. Which label is first, and the order of images, stay as they are.
/// </summary>
internal static class Calibration
{
    // Factors tried: from a twentieth to twenty times, each 2.5 % more than the one before.
    private const double LogMax = 3, LogStep = .025;

    // Standard deviation of the factor's logarithm before anything is measured: with ten images, chance would decide otherwise.
    private const double PriorDeviation = .3;

    // In the multi-label case every image has several outcomes, of which only so many tell something new.
    private const double LabelShare = .5;

    /// <summary>The factor with the least log loss on the images, drawn towards an expected one as far as they are few.</summary>
    /// <param name="logits">[images][labels].</param>
    /// <param name="truth">Labels of each image.</param>
    /// <param name="multiLabel">Labels are independent of one another.</param>
    /// <param name="expected">The factor to expect of such a model.</param>
    public static double Factor(IReadOnlyList<float[]> logits, IReadOnlyList<IReadOnlyList<int>> truth, bool multiLabel, double expected)
    {
        double best = expected, least = double.PositiveInfinity;
        for (double log = -LogMax; log <= LogMax; log += LogStep)
        {
            double factor = Math.Exp(log), away = (log - Math.Log(expected)) / PriorDeviation, loss = away * away / 2;
            for (int i = 0; i < logits.Count; i++)
            {
                loss += Loss(logits[i], truth[i], multiLabel, factor);
            }

            if (loss < least)
            {
                (best, least) = (factor, loss);
            }
        }

        return best;
    }

    /// <summary>Logits that give the scores: their logarithms, or for independent labels those of the odds.</summary>
    public static float[] Logits(ReadOnlySpan<float> scores, bool multiLabel)
    {
        const float Least = 1e-7f;
        var logits = new float[scores.Length];
        for (int l = 0; l < logits.Length; l++)
        {
            float p = Math.Clamp(scores[l], Least, 1 - Least);
            logits[l] = multiLabel ? MathF.Log(p / (1 - p)) : MathF.Log(p);
        }

        return logits;
    }

    /// <summary>Scores of logits times a factor.</summary>
    public static double[] Scores(ReadOnlySpan<float> logits, bool multiLabel, double factor)
    {
        var scores = new double[logits.Length];
        double highest = multiLabel ? 0 : System.Numerics.Tensors.TensorPrimitives.Max(logits), sum = 0;
        for (int l = 0; l < scores.Length; l++)
        {
            scores[l] = multiLabel ? 1 / (1 + Math.Exp(-factor * logits[l])) : Math.Exp(factor * (logits[l] - highest));
            sum += scores[l];
        }

        for (int l = 0; l < scores.Length && !multiLabel; l++)
        {
            scores[l] /= sum;
        }

        return scores;
    }

    private static double Loss(ReadOnlySpan<float> logits, IReadOnlyList<int> truth, bool multiLabel, double factor)
    {
        double[] scores = Scores(logits, multiLabel, factor);
        const double Least = 1e-12;
        if (!multiLabel)
        {
            return -Math.Log(Math.Max(Least, scores[truth[0]]));
        }

        double loss = 0;
        for (int l = 0; l < scores.Length; l++)
        {
            loss -= Math.Log(Math.Max(Least, truth.Contains(l) ? scores[l] : 1 - scores[l]));
        }

        return loss * LabelShare;
    }
}
