using System.Numerics.Tensors;

namespace Ocellus.Vision.Embeddings;

/// <summary>Minimises a smooth function.</summary>
/// <remarks>Nocedal and Wright 2006, "Numerical Optimization", algorithms 7.4 and 7.5, with halved steps (algorithm 3.1).</remarks>
internal static class LimitedMemoryBfgs
{
    private const int History = 10, HalvingsMax = 20;

    /// <summary>Share of the decrease that the slope promises.</summary>
    private const double Armijo = 1e-4;

    /// <summary>Relative decrease of a step below which the search has ended.</summary>
    private const double Tolerance = 1e-5;

    /// <summary>Runs until a step hardly changes the value, or for a number of steps.</summary>
    /// <param name="start">Where to begin; it is changed.</param>
    /// <param name="evaluate">The value at a point; writes its gradient.</param>
    /// <param name="stepsMax">How many steps at most.</param>
    /// <param name="cancel">Looked at before each step.</param>
    /// <returns>The best point.</returns>
    public static float[] Minimise(float[] start, Func<float[], float[], double> evaluate, int stepsMax, CancellationToken cancel)
    {
        float[] at = start, gradient = new float[at.Length], next = new float[at.Length], nextGradient = new float[at.Length];
        float[] direction = new float[at.Length];
        var past = new List<(float[] Step, float[] Change, double Rho)>();
        double value = evaluate(at, gradient);
        for (int i = 0; i < stepsMax; i++)
        {
            cancel.ThrowIfCancellationRequested();
            Direct(gradient, past, direction);
            double slope = TensorPrimitives.Dot<float>(direction, gradient), length = 1;
            if (slope >= 0)
            {
                break;
            }

            if (past.Count == 0)
            {
                length = Math.Min(1, 1 / TensorPrimitives.SumOfMagnitudes<float>(gradient));
            }

            double nextValue = 0;
            int halvings = 0;
            for (; halvings < HalvingsMax; halvings++, length /= 2)
            {
                TensorPrimitives.MultiplyAdd(direction, (float)length, at, next);
                nextValue = evaluate(next, nextGradient);
                if (nextValue <= value + Armijo * length * slope)
                {
                    break;
                }
            }

            if (halvings == HalvingsMax)
            {
                break;
            }

            float[] step = new float[at.Length], change = new float[at.Length];
            TensorPrimitives.Subtract(next, at, step);
            TensorPrimitives.Subtract(nextGradient, gradient, change);
            double curvature = TensorPrimitives.Dot<float>(step, change);
            if (curvature > 1e-12)
            {
                past.Add((step, change, 1 / curvature));
                if (past.Count > History)
                {
                    past.RemoveAt(0);
                }
            }

            bool ended = value - nextValue < Tolerance * Math.Abs(value);
            (at, next) = (next, at);
            (gradient, nextGradient) = (nextGradient, gradient);
            value = nextValue;
            if (ended)
            {
                break;
            }
        }

        return at;
    }

    /// <summary>Writes the direction of the next step.</summary>
    private static void Direct(float[] gradient, List<(float[] Step, float[] Change, double Rho)> past, float[] direction)
    {
        TensorPrimitives.Negate(gradient, direction);
        var alphas = new double[past.Count];
        for (int i = past.Count - 1; i >= 0; i--)
        {
            alphas[i] = past[i].Rho * TensorPrimitives.Dot<float>(past[i].Step, direction);
            TensorPrimitives.MultiplyAdd(past[i].Change, (float)-alphas[i], direction, direction);
        }

        if (past.Count > 0)
        {
            (_, float[] change, double rho) = past[^1];
            TensorPrimitives.Multiply(direction, (float)(1 / (rho * TensorPrimitives.SumOfSquares<float>(change))), direction);
        }

        for (int i = 0; i < past.Count; i++)
        {
            double beta = past[i].Rho * TensorPrimitives.Dot<float>(past[i].Change, direction);
            TensorPrimitives.MultiplyAdd(past[i].Step, (float)(alphas[i] - beta), direction, direction);
        }
    }
}
