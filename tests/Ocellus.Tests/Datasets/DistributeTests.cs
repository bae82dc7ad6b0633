using System.Text.Json.Nodes;
using Ocellus.Datasets;
using Ocellus.Refusals;
using Ocellus.Tests.Identity;
using static Ocellus.Tests.Datasets.TestDatasets;

namespace Ocellus.Tests.Datasets;

public sealed class DistributeTests : IDisposable
{
    private readonly EntrySource.Empty _empty = new();
    private readonly TestDatasets _datasets = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _datasets.Dispose();

    [Fact]
    public async Task A_fifth_of_the_entries_moves_label_by_label_and_order_stays()
    {
        var (train, test) = await PairAsync(Enumerable.Range(0, 70).Select(i => Line($"{i:d2}.jpg", i < 40 ? "a" : i < 60 ? "b" : "c")));
        var all = await _datasets.EntriesAsync(train);

        await _datasets.Catalog.RequestDistributeAsync(Owner, test, train, Cancel);
        Assert.Equal(
            (DatasetStatus.UPDATE_IN_PROGRESS, DatasetStatus.UPDATE_IN_PROGRESS),
            ((await _datasets.RowAsync(train)).Status, (await _datasets.RowAsync(test)).Status));
        await _datasets.RunAsync();

        var (trainRow, testRow) = (await _datasets.RowAsync(train), await _datasets.RowAsync(test));
        Assert.Equal((DatasetStatus.UPDATE_COMPLETE, 56, 56, 3), (trainRow.Status, trainRow.Total, trainRow.Labeled, trainRow.Labels));
        Assert.Equal((DatasetStatus.UPDATE_COMPLETE, 14, 14, 3), (testRow.Status, testRow.Total, testRow.Labeled, testRow.Labels));
        Assert.Equal([("a", 8L, 0L), ("b", 4L, 0L), ("c", 2L, 0L)], await _datasets.Catalog.ListLabelsAsync(Owner, test, 0, 10, Cancel));
        var (left, moved) = (await _datasets.EntriesAsync(train), await _datasets.EntriesAsync(test));
        Assert.Equal(all, left.Concat(moved).Order(StringComparer.Ordinal));
        Assert.Equal(left.Order(StringComparer.Ordinal), left);
        Assert.Equal(moved.Order(StringComparer.Ordinal), moved);
    }

    [Fact]
    public async Task The_choice_is_the_same_each_time()
    {
        var lines = Enumerable.Range(0, 50).Select(i => Line($"{i:d2}.jpg", i % 2 == 0 ? "a" : "b")).ToList();
        var moved = new List<string[]>();
        foreach (var name in (string[])["one", "two"])
        {
            var (train, test) = await PairAsync(lines, name);
            await _datasets.Catalog.RequestDistributeAsync(Owner, train, test, Cancel);
            await _datasets.RunAsync();
            moved.Add(await _datasets.EntriesAsync(test));
        }

        Assert.Equal(moved[0], moved[1]);
    }

    [Fact]
    public async Task A_label_with_one_image_ends_both_in_failure_with_nothing_moved()
    {
        var (train, test) = await PairAsync(Enumerable.Range(0, 20).Select(i => Line($"{i:d2}.jpg", i == 7 ? "rare" : "a")));
        await _datasets.Catalog.RequestDistributeAsync(Owner, train, test, Cancel);

        await _datasets.RunAsync();

        foreach (var (arn, total) in ((string, int)[])[(train, 20), (test, 0)])
        {
            var row = await _datasets.RowAsync(arn);
            Assert.Equal((DatasetStatus.UPDATE_FAILED, "CLIENT_ERROR", total), (row.Status, row.Code, row.Total));
            Assert.Equal(
                "ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_DISTRIBUTE: The manifest file doesn't have enough labeled images to distribute the dataset.",
                row.Message);
        }

        Assert.Equal(20, (await _datasets.EntriesAsync(train)).Length);
    }

    [Fact]
    public async Task A_distribution_cut_off_in_the_middle_has_moved_nothing_and_a_restart_finishes_it()
    {
        var (train, test) = await PairAsync(Enumerable.Range(0, 100).Select(i => Line($"{i:d2}.jpg", i % 2 == 0 ? "a" : "b")));
        var (before, entries) = (await _datasets.StoredAsync(train), await _datasets.EntriesAsync(train));
        await _datasets.Catalog.RequestDistributeAsync(Owner, train, test, Cancel);
        var (trainRow, testRow) = (await _datasets.RowAsync(train), await _datasets.RowAsync(test));
        using var cut = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _datasets.Catalog.DistributeAsync(trainRow, testRow, Until(10), cut.Token));

        _datasets.Reopen();
        Assert.Equal(before, await _datasets.StoredAsync(train));
        Assert.Empty(await _datasets.StoredAsync(test));
        await _datasets.RunAsync();
        Assert.Equal((DatasetStatus.UPDATE_COMPLETE, 80), await StatusAndTotalAsync(train));
        Assert.Equal((DatasetStatus.UPDATE_COMPLETE, 20), await StatusAndTotalAsync(test));
        Assert.Equal(entries, (await _datasets.EntriesAsync(train)).Concat(await _datasets.EntriesAsync(test)).Order(StringComparer.Ordinal));

        IEnumerable<long> Until(int count)
        {
            for (var i = 1; i <= 20; i++)
            {
                if (i == count)
                {
                    cut.Cancel();
                }

                yield return i;
            }
        }
    }

    [Fact]
    public async Task New_entries_after_a_distribution_come_last_on_either_side()
    {
        var (train, test) = await PairAsync(Enumerable.Range(0, 10).Select(i => Line($"{i}.jpg", "a")));
        await _datasets.Catalog.RequestDistributeAsync(Owner, train, test, Cancel);
        await _datasets.RunAsync();

        await _datasets.UpdateAsync(train, Line("new.jpg", "a"));
        await _datasets.UpdateAsync(test, Line("new.jpg", "a"));

        foreach (var arn in (string[])[train, test])
        {
            Assert.EndsWith("/new.jpg", JsonNode.Parse((await _datasets.EntriesAsync(arn))[^1])!["source-ref"]!.GetValue<string>(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task What_is_no_pair_of_a_full_and_an_empty_dataset_at_rest_is_refused()
    {
        var (train, test) = await PairAsync(Enumerable.Range(0, 10).Select(i => Line($"{i}.jpg", "a")));
        var (otherTrain, otherTest) = await PairAsync([Line("x.jpg", "a"), Line("y.jpg", "a")], "other");
        var emptyTrain = (await _datasets.Catalog.CreateAsync(Owner, await _datasets.ProjectAsync("third"), "TRAIN", _empty, null, Cancel)).ToString();
        await _datasets.RunAsync();

        await RefusedAsync(RefusalKind.Invalid, train, train);
        await RefusedAsync(RefusalKind.Invalid, train, otherTest);
        await RefusedAsync(RefusalKind.Invalid, train, otherTrain);
        await RefusedAsync(RefusalKind.NotFound, train, test.Replace("us-east-1", "eu-west-1", StringComparison.Ordinal));
        await RefusedAsync(RefusalKind.NotFound, train, test[..^1] + (test[^1] == '1' ? "2" : "1"));
        var emptyTest = (await _datasets.Catalog.CreateAsync(Owner, (await _datasets.RowAsync(emptyTrain)).ProjectArn, "TEST", _empty, null, Cancel))
            .ToString();
        await RefusedAsync(RefusalKind.NotReady, emptyTrain, emptyTest);
        await _datasets.RunAsync();
        await RefusedAsync(RefusalKind.Invalid, emptyTrain, emptyTest);
        await _datasets.UpdateAsync(test, Line("z.jpg", "a"));
        await RefusedAsync(RefusalKind.Invalid, train, test);
        await _datasets.Catalog.RequestDeleteAsync(Owner, test, Cancel);
        await RefusedAsync(RefusalKind.NotFound, train, test);
    }

    private async Task RefusedAsync(RefusalKind kind, string first, string second)
    {
        foreach (var (a, b) in ((string, string)[])[(first, second), (second, first)])
        {
            Assert.Equal(kind, (await Assert.ThrowsAsync<RefusedException>(() => _datasets.Catalog.RequestDistributeAsync(Owner, a, b, Cancel))).Kind);
        }
    }

    private async Task<(string Train, string Test)> PairAsync(IEnumerable<string> lines, string project = "fruit")
    {
        var arn = await _datasets.ProjectAsync(project);
        var train = await _datasets.CreateAsync(arn, "TRAIN", lines);
        var test = (await _datasets.Catalog.CreateAsync(Owner, arn, "TEST", _empty, null, Cancel)).ToString();
        await _datasets.RunAsync();
        return (train, test);
    }

    private async Task<(DatasetStatus Status, long Total)> StatusAndTotalAsync(string arn)
    {
        var row = await _datasets.RowAsync(arn);
        return (row.Status, row.Total);
    }
}
