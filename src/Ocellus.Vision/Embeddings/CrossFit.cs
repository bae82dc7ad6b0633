namespace Ocellus.Vision.Embeddings;

/// <summary>What heads say of rows that they have not learned from: each row is judged by a head fitted without its fold.</summary>
internal sealed class CrossFit
{
    /// <summary>Folds when only one number, the temperature, is taken from them.</summary>
    public const int FoldsForTemperature = 3;

    private const double TemperatureMin = .2, TemperatureMax = 5;

    private readonly LabelledEmbeddings _data;

    private CrossFit(LabelledEmbeddings data, float[][] logits) => (_data, Logits) = (data, logits);

    /// <summary>Of each row, [labels].</summary>
    public float[][] Logits { get; }

    /// <summary>Fits a head for each fold.</summary>
    /// <param name="centre">Of all images.</param>
    /// <param name="data">Rows and their labels.</param>
    /// <param name="folds">At least 2; fewer where no label has so many rows.</param>
    /// <param name="threads">Folds at a time.</param>
    /// <param name="cancel">Ends it with an exception.</param>
    /// <returns>Null if no label has two rows: then nothing can be judged.</returns>
    public static CrossFit? Run(EmbeddingCentre centre, LabelledEmbeddings data, int folds, int threads, CancellationToken cancel)
    {
        int[] counts = new int[data.LabelCount];
        foreach (int label in data.Labels.SelectMany(l => l))
        {
            counts[label]++;
        }

        folds = Math.Min(folds, counts.DefaultIfEmpty().Max());
        if (folds < 2)
        {
            return null;
        }

        int[] fold = Folds(data.Labels, folds);
        var logits = new float[data.Embeddings.Count][];
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancel };
        Parallel.For(0, folds, options, f =>
        {
            int[] rest = [.. Enumerable.Range(0, fold.Length).Where(r => fold[r] != f)];
            LabelHead head = LabelHead.FitOnce(centre, data.Only(rest), cancel);
            for (int r = 0; r < fold.Length; r++)
            {
                if (fold[r] == f)
                {
                    logits[r] = head.Logits(data.Embeddings[r]);
                }
            }
        });
        return new CrossFit(data, logits);
    }

    /// <summary>The temperature whose scores have the smallest log loss.</summary>
    public double Temperature()
    {
        // The loss has one minimum in the logarithm of the temperature: golden section search.
        double low = Math.Log(TemperatureMin), high = Math.Log(TemperatureMax), ratio = (Math.Sqrt(5) - 1) / 2;
        while (high - low > .02)
        {
            double a = high - ratio * (high - low), b = low + ratio * (high - low);
            (low, high) = LogLoss(Math.Exp(a)) < LogLoss(Math.Exp(b)) ? (low, b) : (a, high);
        }

        return Math.Exp((low + high) / 2);
    }

    /// <summary>Rows of a label go round the folds, so that each fold has its share. Rows with several labels go by their first.</summary>
    internal static int[] Folds(IReadOnlyList<IReadOnlyList<int>> labels, int folds)
    {
        var next = new Dictionary<int, int>();
        var fold = new int[labels.Count];
        for (int r = 0; r < fold.Length; r++)
        {
            int label = labels[r].Count > 0 ? labels[r][0] : -1, at = next.GetValueOrDefault(label, Math.Max(0, label));
            fold[r] = at % folds;
            next[label] = at + 1;
        }

        return fold;
    }

    private double LogLoss(double temperature)
    {
        double loss = 0;
        for (int r = 0; r < Logits.Length; r++)
        {
            float[] scores = LabelHead.Scores(Logits[r], temperature, _data.MultiLabel);
            for (int l = 0; l < scores.Length; l++)
            {
                bool has = _data.Labels[r].Contains(l);
                loss -= has ? Math.Log(Math.Max(scores[l], 1e-7)) : _data.MultiLabel ? Math.Log(Math.Max(1 - scores[l], 1e-7)) : 0;
            }
        }

        return loss;
    }
}
