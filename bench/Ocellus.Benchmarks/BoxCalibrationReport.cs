using System.Globalization;
using Ocellus.Vision.Inference;

namespace Ocellus.Benchmarks;

/// <summary>
/// Expected calibration error of boxes: for boxes in ten bins of score, the mean difference between the mean score and the share that is right at an overlap of
/// one half, weighted by the number of boxes; before the calibration and with it.
/// </summary>
internal static class BoxCalibrationReport
{
    private const int Bins = 10;

    public static void Write(ModelDescription description, IReadOnlyList<IReadOnlyList<Prediction>> found, IReadOnlyList<IReadOnlyList<int>> matches)
    {
        var boxes = new List<(double Raw, double Score, bool Right)>();
        for (int image = 0; image < found.Count; image++)
        {
            for (int i = 0; i < found[image].Count; i++)
            {
                double score = Math.Clamp(found[image][i].Score, 1e-6, 1 - 1e-6), logit = Math.Log(score / (1 - score));
                double raw = 1 / (1 + Math.Exp((description.ScoreShift - logit) * description.Temperature));
                boxes.Add((raw, score, matches[image][i] >= 0));
            }
        }

        System.Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"temperature {description.Temperature:0.000}, shift {description.ScoreShift:0.000}; {boxes.Count} boxes"));
        foreach (double least in (ReadOnlySpan<double>)[.01, .05, .3, .5])
        {
            // The same boxes in both, so that the errors can be compared.
            var those = boxes.Where(b => b.Raw >= least).ToList();
            System.Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"  raw score at least {least:0.00}: {those.Count} boxes, expected calibration error raw {Error(those.Select(b => (b.Raw, b.Right))):0.000}, "
                    + $"calibrated {Error(those.Select(b => (b.Score, b.Right))):0.000}"));
        }

        foreach (var bin in boxes.GroupBy(b => Bin(b.Score)).OrderBy(g => g.Key))
        {
            System.Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"  {bin.Count()} boxes of a score of {bin.Average(b => b.Score):0.000} (raw {bin.Average(b => b.Raw):0.000}): "
                    + $"{bin.Average(b => b.Right ? 1 : 0):0.000} right"));
        }
    }

    private static double Error(IEnumerable<(double Score, bool Right)> boxes)
    {
        var all = boxes.ToList();
        return all.GroupBy(b => Bin(b.Score)).Sum(g => Math.Abs(g.Sum(b => b.Score - (b.Right ? 1 : 0)))) / Math.Max(1, all.Count);
    }

    private static int Bin(double score) => Math.Min(Bins - 1, (int)(score * Bins));
}
