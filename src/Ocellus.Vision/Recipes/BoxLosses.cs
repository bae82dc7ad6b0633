using static TorchSharp.torch;

namespace Ocellus.Vision.Recipes;

/// <summary>Overlap of paired boxes, differentiable. Boxes are x1 y1 x2 y2 in any one unit.</summary>
internal static class BoxLosses
{
    // Prevents 0 / 0 for boxes without area.
    private const float Tiny = 1e-7f;

    /// <summary>Intersection over union of paired boxes.</summary>
    /// <param name="a">[N, 4] float32.</param>
    /// <param name="b">[N, 4] float32.</param>
    /// <returns>[N] float32, 0 to 1.</returns>
    /// <exception cref="ArgumentException">The shapes differ, or the last size is not 4.</exception>
    public static Tensor Iou(Tensor a, Tensor b)
    {
        Check(a, b);
        using var scope = NewDisposeScope();
        (Tensor intersection, Tensor union, _) = Areas(a, b);
        return (intersection / union).MoveToOuterDisposeScope();
    }

    /// <summary>Generalised intersection over union of paired boxes: even boxes that do not touch have a gradient towards each other.</summary>
    /// <param name="predicted">[N, 4] float32.</param>
    /// <param name="truth">[N, 4] float32.</param>
    /// <returns>[N] float32 in (-1, 1]; 1 for equal boxes.</returns>
    /// <exception cref="ArgumentException">The shapes differ, or the last size is not 4.</exception>
    /// <remarks>Rezatofighi et al. 2019, Algorithm 2 (arXiv:1902.09630).</remarks>
    public static Tensor Giou(Tensor predicted, Tensor truth)
    {
        Check(predicted, truth);
        using var scope = NewDisposeScope();
        (Tensor intersection, Tensor union, Tensor hull) = Areas(predicted, truth);
        return (intersection / union - (hull - union) / hull).MoveToOuterDisposeScope();
    }

    private static (Tensor Intersection, Tensor Union, Tensor Hull) Areas(Tensor a, Tensor b)
    {
        Tensor[] p = a.unbind(1), q = b.unbind(1); // x1 y1 x2 y2, each [N]
        Tensor intersection = (minimum(p[2], q[2]) - maximum(p[0], q[0])).clamp_min(0) * (minimum(p[3], q[3]) - maximum(p[1], q[1])).clamp_min(0);
        Tensor union = (p[2] - p[0]) * (p[3] - p[1]) + (q[2] - q[0]) * (q[3] - q[1]) - intersection + Tiny;
        Tensor hull = (maximum(p[2], q[2]) - minimum(p[0], q[0])) * (maximum(p[3], q[3]) - minimum(p[1], q[1])) + Tiny;
        return (intersection, union, hull);
    }

    private static void Check(Tensor a, Tensor b)
    {
        if (a.dim() != 2 || a.shape[1] != 4 || !a.shape.SequenceEqual(b.shape))
        {
            throw new ArgumentException($"Boxes must be two tensors [N, 4]; received [{string.Join(", ", a.shape)}] and [{string.Join(", ", b.shape)}].");
        }
    }
}
