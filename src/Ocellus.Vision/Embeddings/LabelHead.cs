using System.Numerics.Tensors;

namespace Ocellus.Vision.Embeddings;

/// <summary>Embeddings with the labels that people gave their images.</summary>
/// <param name="Embeddings">[<see cref="ImageFingerprint.Length"/>] each.</param>
/// <param name="Labels">Of each, indices below <paramref name="LabelCount"/>; none means that it has none of them.</param>
/// <param name="LabelCount">How many labels there are.</param>
/// <param name="MultiLabel">Whether an image may have several. If not, rows need exactly one.</param>
public sealed record LabelledEmbeddings(IReadOnlyList<Half[]> Embeddings, IReadOnlyList<IReadOnlyList<int>> Labels, int LabelCount, bool MultiLabel)
{
    /// <summary>Some of the rows.</summary>
    internal LabelledEmbeddings Only(IReadOnlyList<int> rows) =>
        this with { Embeddings = [.. rows.Select(r => Embeddings[r])], Labels = [.. rows.Select(r => Labels[r])] };
}

/// <summary>
/// A linear classifier of embeddings, fitted in milliseconds: multinomial logistic regression, or one sigmoid a label where an image may have several.
/// Immutable; thread-safe.
/// </summary>
public sealed class LabelHead
{
    /// <summary>Weight of the losses beside half the squared weights. Embeddings have length 1.</summary>
    internal const double LossWeight = 10;

    private const int StepsMax = 100;

    private readonly EmbeddingCentre _centre;
    private readonly float[] _weights; // [labels, Length + 1], the last the bias
    private readonly double _temperature;
    private readonly bool _multiLabel;

    private LabelHead(EmbeddingCentre centre, float[] weights, double temperature, bool multiLabel) =>
        (_centre, _weights, _temperature, _multiLabel) = (centre, weights, temperature, multiLabel);

    private static int Row => ImageFingerprint.Length + 1;

    /// <summary>Fits a head whose scores are calibrated on rows that it has not seen, where there are enough of them.</summary>
    /// <param name="centre">Of all images.</param>
    /// <param name="data">At least one row and one label.</param>
    /// <param name="cancel">Ends the fit with an exception.</param>
    public static LabelHead Fit(EmbeddingCentre centre, LabelledEmbeddings data, CancellationToken cancel)
    {
        LabelHead head = FitOnce(centre, data, cancel);
        double temperature = CrossFit.Run(centre, data, CrossFit.FoldsForTemperature, 1, cancel)?.Temperature() ?? 1;
        return new LabelHead(centre, head._weights, temperature, data.MultiLabel);
    }

    /// <summary>The score of each label, 0 to 1; of one label an image, they sum to 1.</summary>
    /// <param name="embedding">[<see cref="ImageFingerprint.Length"/>].</param>
    public float[] Scores(ReadOnlySpan<Half> embedding) => Scores(Logits(embedding), _temperature, _multiLabel);

    /// <summary>Fits without calibration.</summary>
    internal static LabelHead FitOnce(EmbeddingCentre centre, LabelledEmbeddings data, CancellationToken cancel)
    {
        ArgumentOutOfRangeException.ThrowIfZero(data.Embeddings.Count, nameof(data));
        ArgumentOutOfRangeException.ThrowIfLessThan(data.LabelCount, 1, nameof(data));
        int rows = data.Embeddings.Count, labels = data.LabelCount;
        var x = new float[rows * Row];
        var targets = new float[rows * labels];
        for (int r = 0; r < rows; r++)
        {
            centre.Apply(data.Embeddings[r], x.AsSpan(r * Row, ImageFingerprint.Length));
            x[r * Row + Row - 1] = 1;
            foreach (int label in data.Labels[r])
            {
                targets[r * labels + label] = 1;
            }
        }

        float[] weights = LimitedMemoryBfgs.Minimise(
            new float[labels * Row], (at, gradient) => Loss(x, targets, rows, labels, data.MultiLabel, at, gradient), StepsMax, cancel);
        return new LabelHead(centre, weights, 1, data.MultiLabel);
    }

    /// <summary>[labels], before the temperature.</summary>
    internal float[] Logits(ReadOnlySpan<Half> embedding)
    {
        Span<float> row = stackalloc float[Row];
        _centre.Apply(embedding, row[..^1]);
        row[^1] = 1;
        var logits = new float[_weights.Length / Row];
        for (int l = 0; l < logits.Length; l++)
        {
            logits[l] = TensorPrimitives.Dot(row, _weights.AsSpan(l * Row, Row));
        }

        return logits;
    }

    /// <summary>Scores from logits.</summary>
    internal static float[] Scores(float[] logits, double temperature, bool multiLabel)
    {
        var scores = new float[logits.Length];
        TensorPrimitives.Multiply(logits, (float)(1 / temperature), scores);
        if (multiLabel)
        {
            TensorPrimitives.Sigmoid(scores, scores);
        }
        else
        {
            TensorPrimitives.SoftMax(scores, scores);
        }

        return scores;
    }

    /// <summary>Half the squared weights without biases, plus the weighted cross entropy; writes the gradient.</summary>
    private static double Loss(float[] x, float[] targets, int rows, int labels, bool multiLabel, float[] at, float[] gradient)
    {
        double squares = 0, loss = 0;
        for (int l = 0; l < labels; l++)
        {
            ReadOnlySpan<float> weights = at.AsSpan(l * Row, Row - 1);
            squares += TensorPrimitives.SumOfSquares(weights);
            weights.CopyTo(gradient.AsSpan(l * Row));
            gradient[l * Row + Row - 1] = 0;
        }

        var logits = new float[labels];
        for (int r = 0; r < rows; r++)
        {
            ReadOnlySpan<float> row = x.AsSpan(r * Row, Row), truth = targets.AsSpan(r * labels, labels);
            for (int l = 0; l < labels; l++)
            {
                logits[l] = TensorPrimitives.Dot(row, at.AsSpan(l * Row, Row));
            }

            loss += Error(logits, truth, multiLabel); // logits become guess - truth
            for (int l = 0; l < labels; l++)
            {
                Span<float> target = gradient.AsSpan(l * Row, Row);
                TensorPrimitives.MultiplyAdd(row, (float)LossWeight * logits[l], target, target);
            }
        }

        return .5 * squares + LossWeight * loss;
    }

    /// <summary>Cross entropy of a row; its logits become the loss's slopes.</summary>
    private static double Error(Span<float> logits, ReadOnlySpan<float> truth, bool multiLabel)
    {
        double error = 0;
        if (multiLabel)
        {
            for (int l = 0; l < logits.Length; l++)
            {
                float z = logits[l], sigmoid = 1 / (1 + MathF.Exp(-z));
                error += Math.Max(z, 0) - z * truth[l] + Math.Log(1 + Math.Exp(-Math.Abs(z)));
                logits[l] = sigmoid - truth[l];
            }

            return error;
        }

        float highest = TensorPrimitives.Max(logits);
        double sum = 0;
        for (int l = 0; l < logits.Length; l++)
        {
            error -= truth[l] * (logits[l] - highest);
            logits[l] = MathF.Exp(logits[l] - highest);
            sum += logits[l];
        }

        for (int l = 0; l < logits.Length; l++)
        {
            logits[l] = (float)(logits[l] / sum) - truth[l];
        }

        return error + Math.Log(sum);
    }
}
