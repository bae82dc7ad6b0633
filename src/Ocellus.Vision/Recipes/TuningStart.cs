using Ocellus.Vision.Networks;
using Ocellus.Vision.Onnx;

namespace Ocellus.Vision.Recipes;

/// <summary>What fine-tuning starts from and is compared with.</summary>
/// <param name="Head">Initial weights of the head.</param>
/// <param name="LinearScore">Score of the linear head on the held-back images, 0 to 1.</param>
/// <param name="Learn">Images to learn from.</param>
/// <param name="Held">Images that are learnt from only after the comparison.</param>
/// <param name="Quality">Computes how a model does on the held-back images.</param>
/// <param name="SecondsPerImage">From <see cref="ClassifierTuning.MeasureImage"/>.</param>
/// <param name="Budget">Time of the training.</param>
/// <param name="Rounds">Views of each image that the head learnt from.</param>
internal sealed record TuningStart(
    ClassifierHead Head, double LinearScore, int[] Learn, int[] Held, Func<OnnxFile, ClassifierHead, HeldResult> Quality, double SecondsPerImage,
    TimeBudget Budget, int Rounds)
{
    /// <summary>All images.</summary>
    public int[] All { get; } = [.. Learn, .. Held];
}

/// <summary>How a model does on images it has not learnt from.</summary>
/// <param name="Score">Accuracy or F1, 0 to 1.</param>
/// <param name="Factor">Factor of its logits that calibrates its scores.</param>
internal readonly record struct HeldResult(double Score, double Factor);
