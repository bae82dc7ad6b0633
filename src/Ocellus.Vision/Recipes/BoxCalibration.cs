using Ocellus.Vision.Evaluation;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Networks;

namespace Ocellus.Vision.Recipes;

/// <summary>
/// Calibrates a detector's scores: how often a box of a score is right, at an overlap of one half, on images it has not learnt from. The order of scores stays
/// as it is.
/// </summary>
/// <remarks>Platt scaling (Platt 1999); for detectors Küppers et al. 2020 (arXiv:2004.13546).</remarks>
internal static class BoxCalibration
{
    // Standard deviations of factor and shift before anything is measured: with few boxes, chance would decide otherwise.
    private const double FactorDeviation = .3, ShiftDeviation = .5;

    // A factor that is not positive would turn the order round.
    private const double FactorMin = .2;

    // Boxes of one image are right or wrong together, so each tells less than one of an image of its own.
    private const double BoxShare = .5;

    // Scores of 0 and 1 have no logit.
    private const double Least = 1e-6;

    private const int StepsMax = 100;

    /// <summary>The images that are held back, chosen by the seed: of each label at most its share. Empty where there are too few.</summary>
    public static int[] HeldBack(DetectorTask task, BoxCalibrationPlan plan, int seed)
    {
        // Images without boxes are a kind of their own.
        int none = task.Labels.Count;
        int[][] kinds = [.. task.Boxes.Select(b => b.Count == 0 ? [none] : b.Select(box => box.Label).Distinct().ToArray())];
        var allowed = new int[task.Labels.Count + 1];
        for (int l = 0; l < allowed.Length; l++)
        {
            allowed[l] = (int)(kinds.Count(k => k.Contains(l)) * plan.HeldBack);
        }

        int[] order = [.. Enumerable.Range(0, task.Images.Count)];
#pragma warning disable CA5394 // Not security: the same seed must hold back the same images.
        new Random(seed).Shuffle(order);
#pragma warning restore CA5394
        var held = new List<int>();
        foreach (int image in order)
        {
            if (held.Count < plan.HeldBackMax && kinds[image].All(l => allowed[l] > 0))
            {
                held.Add(image);
                foreach (int label in kinds[image])
                {
                    allowed[label]--;
                }
            }
        }

        return held.Count < plan.HeldBackMin ? [] : [.. held.Order()];
    }

    /// <summary>The scale for a model whose scores are raw.</summary>
    /// <param name="bytes">Content of model.onnx.</param>
    /// <param name="description">Content of model.json.</param>
    /// <param name="task">The images.</param>
    /// <param name="held">Images that the model has not learnt from.</param>
    /// <param name="plan">What to expect.</param>
    /// <param name="threads">Threads for a prediction.</param>
    /// <param name="cancel">Ends it between two images.</param>
    public static LogitScale Measure(
        byte[] bytes, ModelDescription description, DetectorTask task, int[] held, BoxCalibrationPlan plan, int threads, CancellationToken cancel)
    {
        using var model = new TrainedModel(bytes, description, threads);
        var limits = new ImageLimits(SideMin: 1);
        var found = new List<(double Score, bool Hit)>();
        foreach (int image in held)
        {
            cancel.ThrowIfCancellationRequested();
            IReadOnlyList<Prediction> boxes = model.Predict([model.Prepare(task.Images.Read(image), limits)])[0];
            int[] matches = BoxMatching.Match(task.Boxes[image], boxes);
            found.AddRange(boxes.Select((box, i) => ((double)box.Score, matches[i] >= 0)));
        }

        return Fit(found, plan.ExpectedFactor, plan.ExpectedShift);
    }

    /// <summary>Factor and shift of the logits with the least log loss, drawn towards the expected ones as far as the boxes are few.</summary>
    /// <param name="found">Raw score of each box, 0 to 1, and whether it is right.</param>
    /// <param name="expectedFactor">The factor to expect of such a model.</param>
    /// <param name="expectedShift">The shift to expect.</param>
    public static LogitScale Fit(IReadOnlyList<(double Score, bool Hit)> found, double expectedFactor, double expectedShift)
    {
        double[] logits = [.. found.Select(f => Math.Log(Math.Clamp(f.Score, Least, 1 - Least) / (1 - Math.Clamp(f.Score, Least, 1 - Least))))];
        double factor = expectedFactor, shift = expectedShift;
        const double factorWeight = 1 / (FactorDeviation * FactorDeviation), shiftWeight = 1 / (ShiftDeviation * ShiftDeviation);

        // Newton's method on a convex function of two variables, halving a step that would not go down.
        double loss = Loss(factor, shift);
        for (int step = 0; step < StepsMax; step++)
        {
            double gf = (factor - expectedFactor) * factorWeight, gs = (shift - expectedShift) * shiftWeight, ff = factorWeight, ss = shiftWeight, fs = 0;
            for (int i = 0; i < logits.Length; i++)
            {
                double p = 1 / (1 + Math.Exp(-(factor * logits[i] + shift))), error = BoxShare * (p - (found[i].Hit ? 1 : 0)), bend = BoxShare * p * (1 - p);
                (gf, gs) = (gf + error * logits[i], gs + error);
                (ff, fs, ss) = (ff + bend * logits[i] * logits[i], fs + bend * logits[i], ss + bend);
            }

            double determinant = ff * ss - fs * fs, df = (ss * gf - fs * gs) / determinant, ds = (ff * gs - fs * gf) / determinant, size = 1;
            double next = Loss(factor - df, shift - ds);
            while (next > loss && size > 1e-3)
            {
                size /= 2;
                next = Loss(factor - size * df, shift - size * ds);
            }

            if (!(next < loss))
            {
                break;
            }

            (factor, shift, loss) = (factor - size * df, shift - size * ds, next);
        }

        return new LogitScale((float)Math.Max(FactorMin, factor), (float)shift);

        double Loss(double factor, double shift)
        {
            double awayFactor = (factor - expectedFactor) / FactorDeviation, awayShift = (shift - expectedShift) / ShiftDeviation;
            double loss = (awayFactor * awayFactor + awayShift * awayShift) / 2;
            for (int i = 0; i < logits.Length; i++)
            {
                double z = factor * logits[i] + shift;
                // log(1 + exp(∓z)), without overflow.
                z = found[i].Hit ? -z : z;
                loss += BoxShare * (Math.Max(z, 0) + Math.Log(1 + Math.Exp(-Math.Abs(z))));
            }

            return loss;
        }
    }
}
