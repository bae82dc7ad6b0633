using Ocellus.Vision.Embeddings;

namespace Ocellus.Console.Suggestions;

/// <summary>When a head is fitted, and to what. Pure.</summary>
internal static class HeadFits
{
    /// <summary>Images of a label from which on it is suggested.</summary>
    public const int ImagesMin = 3;

    /// <summary>Images whose labels changed from which on a head is fitted anew.</summary>
    public const int RefitAfter = 10;

    /// <summary>Images that a head learns from, so that a fit stays quick; of more, an equal share of each label.</summary>
    public const int ImagesMax = 2000;

    /// <summary>Labels with enough images, in the order of their names.</summary>
    public static IReadOnlyList<string> Labels(IEnumerable<SeenImage> known) =>
        [.. known.SelectMany(i => i.Labels.Distinct(StringComparer.Ordinal)).GroupBy(l => l, StringComparer.Ordinal)
            .Where(g => g.Count() >= ImagesMin).Select(g => g.Key).Order(StringComparer.Ordinal)];

    /// <summary>Whether there is enough to tell images apart: two labels, or one and images without it where labels are independent.</summary>
    public static bool IsEnough(IReadOnlyList<string> labels, IReadOnlyList<SeenImage> known, bool several) =>
        labels.Count >= 2 || (several && labels.Count == 1 && known.Count(i => !i.Labels.Contains(labels[0])) >= ImagesMin);

    /// <summary>Whether a head is out of date: other labels, or ten images that say something else.</summary>
    public static bool IsOld(FittedHead? head, IReadOnlyList<string> labels, IReadOnlyDictionary<string, string> known) =>
        head is null || !head.Labels.SequenceEqual(labels, StringComparer.Ordinal)
            || known.Count(k => head.Known.GetValueOrDefault(k.Key) != k.Value) + head.Known.Keys.Count(k => !known.ContainsKey(k)) >= RefitAfter;

    /// <summary>What each image that people labelled says.</summary>
    public static IReadOnlyDictionary<string, string> Said(IEnumerable<SeenImage> known) =>
        known.GroupBy(i => i.Image, StringComparer.Ordinal)
            .ToDictionary(g => g.Key, g => string.Join('\n', g.First().Labels.Order(StringComparer.Ordinal)), StringComparer.Ordinal);

    /// <summary>Rows for a fit.</summary>
    /// <param name="known">Images that people labelled, with their fingerprints.</param>
    /// <param name="labels">The labels to learn.</param>
    /// <param name="several">Whether an image may have several.</param>
    public static LabelledEmbeddings Rows(
        IReadOnlyList<(SeenImage Image, ImageFingerprint Print)> known, IReadOnlyList<string> labels, bool several)
    {
        var places = labels.Index().ToDictionary(l => l.Item, l => l.Index, StringComparer.Ordinal);
        var rows = known
            .Select(k => (k.Print.Embedding, Own: (IReadOnlyList<int>)[.. k.Image.Labels.Where(places.ContainsKey).Select(l => places[l]).Distinct()]))
            .Where(r => several || r.Own.Count == 1).ToList();
        if (rows.Count > ImagesMax)
        {
            var share = Math.Max(ImagesMin, ImagesMax / (labels.Count + 1));
            rows = [.. rows.GroupBy(r => r.Own.Count > 0 ? r.Own[0] : -1).SelectMany(g => g.TakeLast(share))];
        }

        return new([.. rows.Select(r => r.Embedding)], [.. rows.Select(r => r.Own)], labels.Count, several);
    }

    /// <summary>Labels to suggest from scores, the surest first, and how sure all of it is, percent.</summary>
    public static (IReadOnlyList<(int Label, int Score)> Labels, int Sure) Choose(float[] scores, bool several)
    {
        if (!several)
        {
            var best = Array.IndexOf(scores, scores.Max());
            return ([(best, Percent(scores[best]))], Percent(scores[best]));
        }

        (int Label, int Score)[] likely = [.. scores.Index().Where(s => s.Item >= .5f).OrderByDescending(s => s.Item).Select(s => (s.Index, Percent(s.Item)))];
        return (likely, Percent(scores.Min(s => Math.Max(s, 1 - s))));
    }

    public static int Percent(double score) => (int)Math.Clamp(Math.Round(100 * score), 0, 100);
}
