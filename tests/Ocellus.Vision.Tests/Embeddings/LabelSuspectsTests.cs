using Ocellus.Vision.Embeddings;

namespace Ocellus.Vision.Tests.Embeddings;

public sealed class LabelSuspectsTests
{
    [Fact]
    public void Labels_that_were_exchanged_are_the_first_suspects()
    {
        using var embedder = new ImageEmbedder();
        Half[][] all = [.. SampleCells.Files.Select(f => embedder.Fingerprint(f).Embedding)];
        string[] names = [.. SampleCells.Labels.Distinct()];
        int[] truth = [.. SampleCells.Labels.Select(l => Array.IndexOf(names, l))], given = [.. truth];
        int[] wrong = [5, 50, 100];
        foreach (int row in wrong)
        {
            given[row] = (given[row] + 1) % names.Length;
        }

        IReadOnlyList<LabelSuspect> suspects = LabelSuspects.Find(
            new LabelledEmbeddings(all, [.. given.Select(g => (IReadOnlyList<int>)[g])], names.Length, MultiLabel: false), 10, 2, TestContext.Current.CancellationToken);

        Assert.Superset(wrong.ToHashSet(), suspects.Take(5).Select(s => s.Row).ToHashSet());
        Assert.All(suspects.Where(s => wrong.Contains(s.Row)), s => Assert.Equal((given[s.Row], truth[s.Row]), (s.Label, s.Likelier)));
        Assert.Equal(suspects.OrderBy(s => s.Score), suspects);
    }

    [Fact]
    public void A_label_of_three_images_is_not_judged()
    {
        Half[][] rows = [.. Enumerable.Range(0, 9).Select(Row)];
        IReadOnlyList<int>[] labels = [[0], [0], [0], [0], [0], [0], [1], [1], [1]];

        Assert.Empty(LabelSuspects.Find(new LabelledEmbeddings(rows, labels, 2, MultiLabel: false), 10, 1, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Nothing_is_suspected_where_there_is_one_label_or_no_image()
    {
        Assert.Empty(LabelSuspects.Find(new LabelledEmbeddings([], [], 2, MultiLabel: false), 10, 1, TestContext.Current.CancellationToken));
        Assert.Empty(LabelSuspects.Find(new LabelledEmbeddings([Row(0), Row(1)], [[0], [0]], 1, MultiLabel: false), 10, 1, TestContext.Current.CancellationToken));
    }

    /// <summary>All alike but for one value; the last three belong to the others by it.</summary>
    private static Half[] Row(int at)
    {
        var values = new Half[ImageFingerprint.Length];
        (values[0], values[1 + at]) = ((Half)1, (Half).1);
        return values;
    }
}
