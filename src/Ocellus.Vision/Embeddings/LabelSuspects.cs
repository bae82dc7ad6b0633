namespace Ocellus.Vision.Embeddings;

/// <summary>A row whose label may be wrong.</summary>
/// <param name="Row">Its index.</param>
/// <param name="Label">The label it has.</param>
/// <param name="Score">What a head that has not seen the row gives that label, 0 to 1.</param>
/// <param name="Likelier">The label that fits best instead.</param>
/// <param name="LikelierScore">Its score, 0 to 1.</param>
public readonly record struct LabelSuspect(int Row, int Label, double Score, int Likelier, double LikelierScore);

/// <summary>Finds labels that look wrong: those that heads fitted on the other images find least likely.</summary>
/// <remarks>Northcutt, Jiang and Chuang 2021, "Confident Learning" (arXiv:1911.00068), ranked by the score of a row's own label.</remarks>
public static class LabelSuspects
{
    /// <summary>A label with fewer rows cannot be judged: without one of them it is hardly known.</summary>
    public const int RowsMin = 4;

    private const int Folds = 5;

    /// <summary>The suspects, the least likely label first.</summary>
    /// <param name="data">Rows: images, or the boxes in them.</param>
    /// <param name="countMax">How many at most.</param>
    /// <param name="threads">Cores to use.</param>
    /// <param name="cancel">Ends the search with an exception.</param>
    /// <returns>
    /// Only rows for which another label scores higher, or, where an image may have several labels, those whose own scores below a half. Of clean data
    /// these are few, and not all of them wrong: a person decides.
    /// </returns>
    public static IReadOnlyList<LabelSuspect> Find(LabelledEmbeddings data, int countMax, int threads, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(data);
        if (data.Embeddings.Count == 0 || data.LabelCount < 2)
        {
            return [];
        }

        EmbeddingCentre centre = EmbeddingCentre.Of(data.Embeddings);
        if (CrossFit.Run(centre, data, Folds, threads, cancel) is not { } fit)
        {
            return [];
        }

        double temperature = fit.Temperature();
        var counts = new int[data.LabelCount];
        foreach (int label in data.Labels.SelectMany(l => l))
        {
            counts[label]++;
        }

        var found = new List<LabelSuspect>();
        for (int r = 0; r < data.Embeddings.Count; r++)
        {
            float[] scores = LabelHead.Scores(fit.Logits[r], temperature, data.MultiLabel);
            IReadOnlyList<int> own = data.Labels[r];
            int likelier = Enumerable.Range(0, scores.Length).Where(l => !own.Contains(l)).DefaultIfEmpty(-1).MaxBy(l => l < 0 ? 0 : scores[l]);
            foreach (int label in own.Where(l => counts[l] >= RowsMin && likelier >= 0))
            {
                if (data.MultiLabel ? scores[label] < .5 : scores[likelier] > scores[label])
                {
                    found.Add(new LabelSuspect(r, label, scores[label], likelier, scores[likelier]));
                }
            }
        }

        return [.. found.OrderBy(s => s.Score).ThenBy(s => s.Row).Take(countMax)];
    }
}
