using Ocellus.Vision.Kernels;
using Ocellus.Vision.Networks;
using static TorchSharp.torch;

namespace Ocellus.Vision.Recipes;

/// <summary>Fits a linear head to embeddings.</summary>
/// <remarks>
/// In TorchSharp 0.107, <c>torch.optim.LBFGS</c> has no line search, so nothing keeps a step from going too far, and it runs all iterations in one
/// native call, which cannot be cancelled. With the recipe's weight of the loss it reaches the same loss but takes a third longer
/// (bench/results/epyc-2-cores/own-code.md).
/// </remarks>
internal static class LogisticRegression
{
    private const int History = 10;
    private const int IterationsMax = 300;

    /// <summary>
    /// Logistic regression by L-BFGS, minimising half the squared weights plus c times the summed loss: multinomial if each row of
    /// targets sums to one, independent sigmoids for <paramref name="multiLabel"/>. The bias is not regularised. With <paramref name="start"/> it is the
    /// difference from its weights that is: with no rows, the head would be that one.
    /// </summary>
    public static LinearHead Fit(
        float[] features, float[] targets, int rows, int labels, bool multiLabel, double c, CancellationToken cancel, LinearHead? start = null)
    {
        int width = features.Length / rows;
        using CollectionPause pause = CollectionPause.Begin();
        using var noGrad = no_grad();
        using var outer = NewDisposeScope();
        Tensor x = cat([TensorValues.Copied(features, rows, width), ones(rows, 1)], 1), y = TensorValues.Copied(targets, rows, labels);
        Tensor mask = cat([ones(width, 1), zeros(1, 1)], 0);
        Tensor w = zeros(width + 1, labels), origin = zeros(width + 1, labels);
        if (start is not null)
        {
            origin = cat([TensorValues.Copied(start.Weight, labels, width).t(), TensorValues.Copied(start.Bias, 1, labels)], 0);
            w = origin.clone();
        }

        var steps = new List<(Tensor S, Tensor Y, double Rho)>();
        (double value, Tensor gradient) = Evaluate(w);
        for (int i = 0; i < IterationsMax; i++)
        {
            cancel.ThrowIfCancellationRequested();
            if (gradient.abs().max().item<float>() < 1e-4 * Math.Max(1, c * rows))
            {
                break;
            }

            Tensor direction = Direction(gradient, steps);
            double slope = Dot(direction, gradient);
            if (slope >= 0)
            {
                direction = -gradient;
                slope = Dot(direction, gradient);
                steps.Clear();
            }

            double length = steps.Count == 0 ? Math.Min(1, 1 / gradient.abs().sum().item<float>()) : 1;
            bool moved = false;
            for (int k = 0; k < 25 && !moved; k++, length /= 2)
            {
                Tensor next = w + direction * length;
                (double nextValue, Tensor nextGradient) = Evaluate(next);
                if (!(nextValue <= value + 1e-4 * length * slope))
                {
                    continue;
                }

                Tensor s = next - w, d = nextGradient - gradient;
                double curvature = Dot(s, d);
                if (curvature > 1e-10)
                {
                    steps.Add((s, d, 1 / curvature));
                }

                if (steps.Count > History)
                {
                    steps.RemoveAt(0);
                }

                moved = true;
                bool converged = value - nextValue < 1e-7 * Math.Abs(value);
                (w, value, gradient) = (next, nextValue, nextGradient);
                i = converged ? IterationsMax : i;
            }

            if (!moved)
            {
                break;
            }
        }

        return new LinearHead(
            w.narrow(0, 0, width).t().contiguous().data<float>().ToArray(), w.narrow(0, width, 1).contiguous().data<float>().ToArray(), width);

        (double, Tensor) Evaluate(Tensor at)
        {
            using var scope = NewDisposeScope();
            Tensor logits = x.matmul(at), weights = (at - origin) * mask;
            Tensor loss = multiLabel
                ? (nn.functional.softplus(logits) - logits * y).sum()
                : (logits.logsumexp(1) - (logits * y).sum(1)).sum();
            Tensor guess = multiLabel ? logits.sigmoid() : logits.softmax(1);
            Tensor g = x.t().matmul(guess - y) * c + weights;
            return (c * loss.item<float>() + .5 * weights.square().sum().item<float>(), g.MoveToOuterDisposeScope());
        }
    }

    private static double Dot(Tensor a, Tensor b)
    {
        using var scope = NewDisposeScope();
        return (a * b).sum().item<float>();
    }

    private static Tensor Direction(Tensor gradient, List<(Tensor S, Tensor Y, double Rho)> steps)
    {
        using var scope = NewDisposeScope();
        Tensor q = gradient;
        var alphas = new double[steps.Count];
        for (int i = steps.Count - 1; i >= 0; i--)
        {
            alphas[i] = steps[i].Rho * Dot(steps[i].S, q);
            q = q - steps[i].Y * alphas[i];
        }

        if (steps.Count > 0)
        {
            q = q * (1 / (steps[^1].Rho * Dot(steps[^1].Y, steps[^1].Y)));
        }

        for (int i = 0; i < steps.Count; i++)
        {
            q = q + steps[i].S * (alphas[i] - steps[i].Rho * Dot(steps[i].Y, q));
        }

        return (-q).MoveToOuterDisposeScope();
    }
}
