using System.Globalization;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Evaluation;
using Ocellus.Vision.Inference;

namespace Ocellus.Training.Evaluation;

/// <summary>
/// Compares an 8-bit model with the float model that it was made of, on the test images, and decides whether it may take its place.
/// </summary>
/// <param name="Metric">What is compared: F1Score of the summary for classifiers, AveragePrecision (mAP@0.5) for detectors.</param>
/// <param name="Float">The float model's, 0 to 1.</param>
/// <param name="Int8">The 8-bit model's, 0 to 1.</param>
/// <param name="SameBestLabel">
/// Share of the images, or of the places of the boxes that the float model finds at its thresholds, whose best label is the same; 1 if there are none.
/// </param>
internal sealed record PrecisionGate(string Metric, double Float, double Int8, double SameBestLabel)
{
    /// <summary>The metric may fall by so much: less than a person could measure again on other test images.</summary>
    public const double FallMax = .005;

    /// <summary>Minimum share of best labels that stay.</summary>
    public const double SameMin = .985;

    /// <summary>Sums of floating point numbers differ in their last digits.</summary>
    private const double Rounding = 1e-9;

    /// <summary>Whether the 8-bit model may be served.</summary>
    public bool IsPassed => Float - Int8 <= FallMax + Rounding && SameBestLabel >= SameMin - Rounding;

    /// <summary>What the test said, for <c>StatusMessage</c> and <c>model.json</c>.</summary>
    public string Sentence => IsPassed
        ? string.Create(
            CultureInfo.InvariantCulture,
            $"The 8-bit model may be served: {Name} {Int8:0.000}, in float {Float:0.000}; {Share(SameBestLabel)} of the best labels are the same.")
        : string.Create(
            CultureInfo.InvariantCulture,
            $"It stays in float: with 8 bits {Name} would be {Int8:0.000} instead of {Float:0.000}, and {Share(SameBestLabel)} of the best labels would stay; "
            + $"at most {FallMax} less and at least {Share(SameMin)} are needed.");

    private string Name => Metric == "F1Score" ? "F1" : "mAP@0.5";

    /// <summary>Compares classifiers.</summary>
    /// <param name="reals">Metrics of the float model.</param>
    /// <param name="bytes">Metrics of the 8-bit model.</param>
    /// <param name="realScores">Image × label, the float model's.</param>
    /// <param name="byteScores">The same of the 8-bit model.</param>
    public static PrecisionGate OfClassifiers(EvaluationReport reals, EvaluationReport bytes, float[,] realScores, float[,] byteScores)
    {
        int images = realScores.GetLength(0);
        var same = Enumerable.Range(0, images).Count(i => Best(realScores, i) == Best(byteScores, i));
        return new PrecisionGate("F1Score", reals.F1, bytes.F1, images == 0 ? 1 : (double)same / images);
    }

    /// <summary>Compares detectors.</summary>
    /// <param name="reals">Metrics of the float model, with its thresholds.</param>
    /// <param name="bytes">Metrics of the 8-bit model.</param>
    /// <param name="realBoxes">For each image what the float model found, at any score.</param>
    /// <param name="byteBoxes">The same of the 8-bit model.</param>
    public static PrecisionGate OfDetectors(
        EvaluationReport reals, EvaluationReport bytes, IReadOnlyList<IReadOnlyList<Prediction>> realBoxes, IReadOnlyList<IReadOnlyList<Prediction>> byteBoxes)
    {
        int boxes = 0, same = 0;
        for (var image = 0; image < realBoxes.Count; image++)
        {
            foreach (var (label, score, box) in realBoxes[image])
            {
                if (score >= reals.Labels[label].Threshold)
                {
                    boxes++;
                    same += Best(realBoxes[image], box!.Value) == Best(byteBoxes[image], box.Value) ? 1 : 0;
                }
            }
        }

        return new PrecisionGate("AveragePrecision", reals.AveragePrecision ?? 0, bytes.AveragePrecision ?? 0, boxes == 0 ? 1 : (double)same / boxes);
    }

    /// <summary>The label of the best box at a place; null if there is none.</summary>
    private static int? Best(IReadOnlyList<Prediction> boxes, Box place)
    {
        Prediction? best = null;
        foreach (var one in boxes)
        {
            if (one.Score > (best?.Score ?? 0) && BoxOverlap.Iou(one.Box!.Value, place) >= BoxMatching.IouMin)
            {
                best = one;
            }
        }

        return best?.Label;
    }

    private static int Best(float[,] scores, int image)
    {
        var best = 0;
        for (var label = 1; label < scores.GetLength(1); label++)
        {
            best = scores[image, label] > scores[image, best] ? label : best;
        }

        return best;
    }

    /// <summary>Per cent, rounded down, so that what fails does not read as enough.</summary>
    private static string Share(double share) =>
        string.Create(CultureInfo.InvariantCulture, $"{Math.Floor(share * 1000 + Rounding) / 10:0.0} %");
}
