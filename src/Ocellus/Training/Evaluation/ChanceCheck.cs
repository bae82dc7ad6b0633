using System.Globalization;
using Ocellus.Encodings;
using Ocellus.Vision.Evaluation;

namespace Ocellus.Training.Evaluation;

/// <summary>Says in words when test figures are no better than chance, with the likely reasons: a figure alone, such as F1 0.67, looks like a result.</summary>
[Assumed(
    "A model that is no better than chance",
    "It completes as any other. `StatusMessage` and `EvaluationDetails.Remark` of the evaluation summary, which AWS does not have, say so in words.")]
internal static class ChanceCheck
{
    /// <summary>A detector below this has found next to nothing: mAP@0.5, or F1 of a label.</summary>
    internal const double NothingFound = .05;

    /// <summary>Labels named; more would hide the sentence.</summary>
    private const int NamedMax = 3;

    /// <summary>Judges a classifier.</summary>
    /// <param name="report">Metrics at the thresholds that are judged.</param>
    /// <param name="scores">Image × label.</param>
    /// <param name="truth">Image × label.</param>
    /// <param name="evidence">What may be the reasons; called only if there is something to say.</param>
    /// <returns>Sentences for the user; null if there is nothing to say.</returns>
    public static string? OfClassifier(EvaluationReport report, float[,] scores, bool[,] truth, Func<ChanceEvidence> evidence)
    {
        if (ShuffleTest.Run(scores, truth) is not { } test)
        {
            return null;
        }

        if (test.IsChance)
        {
            return $"The model is no better than chance on the test images: {Compared(test, report, scores, truth)} {evidence().ForClassifier}";
        }

        var admitting = Admitting(report, scores);
        if (admitting.Count > 0)
        {
            return $"At the threshold of {Names([.. admitting.Select(l => string.Create(CultureInfo.InvariantCulture, $"'{l.Label}' (F1 {l.F1:0.00})"))])}, "
                + $"every test image counts as found, so that F1 says nothing about the model. {evidence().ForClassifier}";
        }

        return test.CanTell || report.F1 >= 1 ? null
            : string.Create(CultureInfo.InvariantCulture, $"{test.Images} test images are too few to tell whether the model is better than chance.");
    }

    /// <summary>Judges a detector.</summary>
    /// <param name="report">Metrics, with mAP@0.5 as average precision.</param>
    /// <param name="evidence">What may be the reasons; called only if there is something to say.</param>
    /// <returns>Sentences for the user; null if there is nothing to say.</returns>
    public static string? OfDetector(EvaluationReport report, Func<ChanceEvidence> evidence)
    {
        if (report.Labels.All(l => l.TestImages == 0))
        {
            return null;
        }

        if (report.AveragePrecision < NothingFound)
        {
            return string.Create(
                CultureInfo.InvariantCulture, $"The model finds next to nothing on the test images: mAP@0.5 is {report.AveragePrecision:0.000}. ")
                + evidence().ForDetector;
        }

        List<string> lost = [.. report.Labels.Where(l => l.TestImages > 0 && l.F1 < NothingFound).Select(l => $"'{l.Label}'")];
        return lost.Count == 0 ? null : $"Of {Names(lost)} the model finds next to nothing on the test images. {evidence().ForDetector}";
    }

    /// <summary>The model's figure beside that of the laziest answer.</summary>
    private static string Compared(ShuffleResult test, EvaluationReport report, float[,] scores, bool[,] truth)
    {
        int images = truth.GetLength(0), right = 0, single = 0;
        var counts = new int[truth.GetLength(1)];
        for (var image = 0; image < images; image++)
        {
            int best = 0, present = 0;
            for (var label = 0; label < counts.Length; label++)
            {
                best = scores[image, label] > scores[image, best] ? label : best;
                present += truth[image, label] ? 1 : 0;
                counts[label] += truth[image, label] ? 1 : 0;
            }

            right += truth[image, best] ? 1 : 0;
            single += present == 1 ? 1 : 0;
        }

        if (single < images)
        {
            return string.Create(
                CultureInfo.InvariantCulture, $"F1 is {test.F1:0.000}, and a model that gives every image every label has {test.Always:0.000}.");
        }

        var most = Array.IndexOf(counts, counts.Max());
        var luck = right > counts[most] ? "; so small a difference may be luck" : "";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"it gives {right} of {images} the right label, and always answering '{Shown(report.Labels[most].Label)}' would do so for {counts[most]}{luck}.");
    }

    private static List<LabelMetrics> Admitting(EvaluationReport report, float[,] scores)
    {
        var images = scores.GetLength(0);
        return
        [
            .. report.Labels.Where(
                (label, l) => label.TestImages > 0 && label.TestImages < images && Enumerable.Range(0, images).All(i => scores[i, l] >= label.Threshold)),
        ];
    }

    private static string Names(List<string> names) => string.Join(", ", names.Take(NamedMax).Select(Shown))
        + (names.Count > NamedMax ? string.Create(CultureInfo.InvariantCulture, $" and {names.Count - NamedMax} more") : "");

    private static string Shown(string label) => Readable.Truncate(label);
}
