using Ocellus.Datasets.Manifests;
using Xunit;

namespace Ocellus.Tests.Datasets.Manifests;

public sealed class StratifiedSplitTests
{
    private static string[][] Entries(params (string Label, int Count)[] labels) =>
        [.. labels.SelectMany(label => Enumerable.Repeat(new[] { label.Label }, label.Count))];

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(-1)]
    public void Seventy_lines_give_fourteen_test_lines_shared_by_label(int seed)
    {
        var entries = Entries(("a", 40), ("b", 20), ("c", 10));

        var split = StratifiedSplit.Split(entries, seed: seed)!;

        Assert.Equal(14, split.Count(test => test));
        Assert.Equal((8, 4, 2), (split[..40].Count(test => test), split[40..60].Count(test => test), split[60..].Count(test => test)));
    }

    [Fact]
    public void A_rare_label_is_on_both_sides()
    {
        var split = StratifiedSplit.Split(Entries(("a", 38), ("b", 2)))!;

        Assert.Equal(8, split.Count(test => test));
        Assert.Single(split[38..], test => test);
    }

    [Fact]
    public void Equal_seeds_split_equally_and_others_do_not()
    {
        var entries = Entries(("a", 50), ("b", 50));

        Assert.Equal(StratifiedSplit.Split(entries, seed: 3), StratifiedSplit.Split(entries, seed: 3));
        Assert.NotEqual(StratifiedSplit.Split(entries, seed: 3), StratifiedSplit.Split(entries, seed: 4));
    }

    [Fact]
    public void A_label_with_one_entry_or_an_empty_side_makes_it_impossible()
    {
        Assert.Null(StratifiedSplit.Split(Entries(("a", 9), ("b", 1))));
        Assert.Null(StratifiedSplit.Split(Entries(("a", 2))));
        Assert.Null(StratifiedSplit.Split([]));
    }

    [Fact]
    public void Images_with_several_labels_leave_every_label_in_training()
    {
        string[][] entries = [["a", "b"], ["a", "b"], ["a"], ["a"], ["a"], ["a"], ["a"], ["a"], ["a", "c"], ["c"]];

        var split = StratifiedSplit.Split(entries)!;

        Assert.Equal(2, split.Count(test => test));
        Assert.Equal(["a", "b", "c"], entries.Where((_, index) => !split[index]).SelectMany(entry => entry).Distinct().Order());
        Assert.Equal(["a", "b", "c"], entries.Where((_, index) => split[index]).SelectMany(entry => entry).Distinct().Order());
    }

    [Fact]
    public void A_dataset_at_the_image_limit_of_classification_is_split()
    {
        var split = StratifiedSplit.Split(Entries(("a", 249_000), ("b", 1_000)))!;

        Assert.Equal(50_000, split.Count(test => test));
        Assert.Equal(200, split[249_000..].Count(test => test));
    }
}
