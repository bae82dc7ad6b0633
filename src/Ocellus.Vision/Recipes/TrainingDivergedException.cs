using System.Globalization;

namespace Ocellus.Vision.Recipes;

/// <summary>The loss is not finite, so the training cannot continue.</summary>
/// <param name="step">The step at which it happened, from 0.</param>
/// <param name="loss">The loss there.</param>
public sealed class TrainingDivergedException(int step, double loss) : Exception(string.Create(
    CultureInfo.InvariantCulture,
    $"The training diverged: the loss of step {step + 1} is {loss}. Lower learning rates, or another seed, usually help; "
    + $"so does removing images that are entirely of one colour."))
{
    /// <summary>The step at which it happened, from 0.</summary>
    public int Step { get; } = step;
}
