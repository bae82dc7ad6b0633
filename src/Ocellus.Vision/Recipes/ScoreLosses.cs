using static TorchSharp.torch;

namespace Ocellus.Vision.Recipes;

/// <summary>Losses of the scores.</summary>
internal static class ScoreLosses
{
    // As in varifocal loss (arXiv:2008.13367): the many easy negatives weigh next to nothing.
    private const float NegativeShare = .75f;

    /// <summary>
    /// Aligned cross-entropy, summed: positives are pulled to their target with the target as weight, negatives to 0 with weight
    /// 0.75 p², p being their own score.
    /// </summary>
    /// <param name="logits">Of any shape, float32.</param>
    /// <param name="targets">Of the same shape, 0 to 1; 0 is a negative.</param>
    /// <returns>A scalar: the sum over all elements divided by the sum of the targets (or by 1, if that is more).</returns>
    /// <remarks>Feng et al. 2021 (arXiv:2108.07755) with the weights of Zhang et al. 2021 (arXiv:2008.13367).</remarks>
    public static Tensor AlignedCrossEntropy(Tensor logits, Tensor targets)
    {
        using var scope = NewDisposeScope();
        Tensor weights;
        double positives;
        using (no_grad())
        {
            weights = where(targets > 0, targets, logits.sigmoid().square() * NegativeShare);
            positives = Math.Max(1, targets.sum().item<float>());
        }

        // log(1 + e^x) - x t, the cross-entropy of a sigmoid.
        Tensor entropy = nn.functional.softplus(logits) - logits * targets;
        return ((weights * entropy).sum() / positives).MoveToOuterDisposeScope();
    }
}
