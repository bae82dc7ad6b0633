using Ocellus.Vision.Embeddings;

namespace Ocellus.Vision.Tests.Embeddings;

public sealed class LabelHeadTests
{
    // Two opposite embeddings of length 1, one of each label: by symmetry the weights are (a, -a) along them, and no bias. The loss is
    // a² + 2 · 10 · ln(1 + exp(-2a)), least at a = 20 / (1 + exp(2a)), so a = 1.3235, and the score is 1 / (1 + exp(-2a)) = 0.934.
    [Fact]
    public void Two_opposite_embeddings_get_the_scores_of_logistic_regression()
    {
        Half[][] rows = [Axis(0), Axis(1)];
        var data = new LabelledEmbeddings(rows, [[0], [1]], 2, MultiLabel: false);

        LabelHead head = LabelHead.FitOnce(EmbeddingCentre.Of(rows), data, TestContext.Current.CancellationToken);

        Assert.Equal(.934, head.Scores(rows[0])[0], .002);
        Assert.Equal(.934, head.Scores(rows[1])[1], .002);
        Assert.Equal(1, head.Scores(rows[1]).Sum(), 1e-5);
    }

    // One sigmoid: the weight a along the embeddings, half as long a way: a² / 2 + 2 · 10 · ln(1 + exp(-a)), least at a = 20 / (1 + exp(a)), so a = 2.128,
    // and the scores are 0.894 and 0.106.
    [Fact]
    public void Where_an_image_may_have_several_labels_each_has_a_sigmoid_of_its_own()
    {
        Half[][] rows = [Axis(0), Axis(1)];
        var data = new LabelledEmbeddings(rows, [[0], []], 1, MultiLabel: true);

        LabelHead head = LabelHead.FitOnce(EmbeddingCentre.Of(rows), data, TestContext.Current.CancellationToken);

        Assert.Equal(.894, head.Scores(rows[0])[0], .002);
        Assert.Equal(.106, head.Scores(rows[1])[0], .002);
    }

    [Fact]
    public void A_dozen_labelled_images_tell_what_the_others_are()
    {
        using var embedder = new ImageEmbedder();
        Half[][] all = [.. SampleCells.Files.Select(f => embedder.Fingerprint(f).Embedding)];
        string[] names = [.. SampleCells.Labels.Distinct()];
        int[] truth = [.. SampleCells.Labels.Select(l => Array.IndexOf(names, l))];
        int[] known = [.. Enumerable.Range(0, all.Length).GroupBy(i => truth[i]).SelectMany(g => g.Take(4))], rest = [.. Enumerable.Range(0, all.Length).Except(known)];
        var data = new LabelledEmbeddings([.. known.Select(i => all[i])], [.. known.Select(i => (IReadOnlyList<int>)[truth[i]])], names.Length, MultiLabel: false);

        LabelHead head = LabelHead.Fit(EmbeddingCentre.Of(all), data, TestContext.Current.CancellationToken);

        double right = rest.Average(i => head.Scores(all[i]) is var s && Array.IndexOf(s, s.Max()) == truth[i] ? 1.0 : 0);
        Assert.True(right > .9, $"{right:0.000} of the suggestions are right");
    }

    [Fact]
    public void A_fit_can_be_cancelled()
    {
        Half[][] rows = [Axis(0), Axis(1)];
        var data = new LabelledEmbeddings(rows, [[0], [1]], 2, MultiLabel: false);

        Assert.Throws<OperationCanceledException>(() => LabelHead.Fit(EmbeddingCentre.Of(rows), data, new CancellationToken(canceled: true)));
    }

    [Fact]
    public void Folds_share_out_the_rows_of_each_label()
    {
        int[] folds = CrossFit.Folds([[0], [0], [0], [1], [1], []], 3);

        Assert.Equal([0, 1, 2, 1, 2, 0], folds);
    }

    [Fact]
    public void Without_two_rows_of_a_label_nothing_can_be_judged()
    {
        Half[][] rows = [Axis(0), Axis(1)];

        Assert.Null(CrossFit.Run(
            EmbeddingCentre.Of(rows), new LabelledEmbeddings(rows, [[0], [1]], 2, MultiLabel: false), 5, 1, TestContext.Current.CancellationToken));
    }

    private static Half[] Axis(int at)
    {
        var values = new Half[ImageFingerprint.Length];
        values[at] = (Half)1;
        return values;
    }
}
