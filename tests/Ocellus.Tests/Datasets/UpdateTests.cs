using System.Text;
using System.Text.Json.Nodes;
using Dapper;
using Ocellus.Datasets;
using Ocellus.Refusals;
using Ocellus.Tests.Identity;
using static Ocellus.Tests.Datasets.TestDatasets;

namespace Ocellus.Tests.Datasets;

public sealed class UpdateTests : IDisposable
{
    private readonly TestDatasets _datasets = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _datasets.Dispose();

    [Fact]
    public async Task A_known_image_is_replaced_as_a_whole_in_its_place_and_an_unknown_one_added_at_the_end()
    {
        var arn = await DatasetAsync("a", "b", "c");

        var row = await _datasets.UpdateAsync(arn, Line("new.jpg", "d"), Line("b.jpg"));

        Assert.Equal((DatasetStatus.UPDATE_COMPLETE, "The dataset was successfully updated.", "SUCCESS"), (row.Status, row.Message, row.Code));
        Assert.Equal((4, 3, 3, 0), (row.Total, row.Labeled, row.Labels, row.Errors));
        Assert.Equal(["a.jpg", "b.jpg", "c.jpg", "new.jpg"], await ImagesAsync(arn));
        Assert.Equal($$$"""{"source-ref":"s3://{{{Bucket}}}/b.jpg","cl-metadata":{"is_labeled":false}}""", (await _datasets.EntriesAsync(arn))[1]);
    }

    [Fact]
    public async Task Lines_of_ListDatasetEntries_come_back_as_they_are()
    {
        var broken = Line("b.jpg", "b").Replace("\"yes\"", "\"perhaps\"", StringComparison.Ordinal);
        var arn = await _datasets.CreateAsync(await _datasets.ProjectAsync(), "TRAIN", Line("a.jpg", "a"), broken, Line("c.jpg", [("c", true)]));
        var before = await _datasets.EntriesAsync(arn);
        Assert.Contains("cl-errors", before[1], StringComparison.Ordinal);

        var row = await _datasets.UpdateAsync(arn, before);

        Assert.Equal(DatasetStatus.UPDATE_COMPLETE, row.Status);
        Assert.Equal(before, await _datasets.EntriesAsync(arn));
        Assert.Equal(1, row.Errors);
        var mended = await _datasets.UpdateAsync(arn, before[1].Replace("perhaps", "yes", StringComparison.Ordinal));
        Assert.Equal(0, mended.Errors);
        Assert.DoesNotContain("cl-errors", (await _datasets.EntriesAsync(arn))[1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Line_feeds_carriage_returns_and_a_last_line_break_are_all_well()
    {
        var arn = await DatasetAsync("a");
        await _datasets.Catalog.RequestUpdateAsync(Owner, arn, Encoding.UTF8.GetBytes($"{Line("b.jpg")}\r\n{Line("c.jpg")}\n{Line("d.jpg")}\r\n"), Cancel);

        await _datasets.RunAsync();

        Assert.Equal(["a.jpg", "b.jpg", "c.jpg", "d.jpg"], await ImagesAsync(arn));
    }

    [Fact]
    public async Task Of_an_image_that_occurs_twice_the_first_line_stays()
    {
        var arn = await DatasetAsync("a");

        var row = await _datasets.UpdateAsync(arn, Line("a.jpg", "x"), Line("a.jpg", "y"), Line("b.jpg"), Line("c.jpg"), Line("d.jpg"));

        Assert.Equal(DatasetStatus.UPDATE_COMPLETE, row.Status);
        Assert.Equal(["x"], await LabelsAsync(arn));
    }

    [Theory]
    [InlineData(4, 1, "UPDATE_COMPLETE")]
    [InlineData(3, 1, "UPDATE_FAILED")]
    [InlineData(8, 2, "UPDATE_COMPLETE")]
    [InlineData(79, 20, "UPDATE_FAILED")]
    [InlineData(0, 1, "UPDATE_FAILED")]
    public async Task More_than_a_fifth_of_bad_lines_changes_nothing(int good, int bad, string status)
    {
        var arn = await DatasetAsync("a", "b");
        var before = await _datasets.StoredAsync(arn);
        string[] kinds = ["", "{", "[]", """{"kind":1}""", """{"source-ref":"http://a/b"}"""];

        var row = await _datasets.UpdateAsync(
            arn, [.. Enumerable.Range(0, bad).Select(i => kinds[i % kinds.Length]), .. Enumerable.Range(0, good).Select(i => Line($"new{i}.jpg")), ""]);

        Assert.Equal(status, row.Status.ToString());
        if (status == "UPDATE_FAILED")
        {
            Assert.Equal(("CLIENT_ERROR", "ERROR_TOO_MANY_RECORDS_IN_ERROR: The manifest file has too many terminal errors."), (row.Code, row.Message));
            Assert.Equal(before, await _datasets.StoredAsync(arn));
            Assert.Equal((2, 2, 2), (row.Total, row.Labeled, row.Labels));
            Assert.Equal(DatasetStatus.UPDATE_COMPLETE, (await _datasets.UpdateAsync(arn, Line("later.jpg"))).Status);
        }
        else
        {
            Assert.Equal(2 + good, row.Total);
        }
    }

    [Fact]
    public async Task Repeated_images_count_as_bad_lines()
    {
        var arn = await DatasetAsync("a");

        var row = await _datasets.UpdateAsync(arn, Line("b.jpg"), Line("b.jpg"), Line("c.jpg"));

        Assert.Equal((DatasetStatus.UPDATE_FAILED, 1), (row.Status, row.Total));
    }

    [Fact]
    public async Task More_labels_than_a_dataset_may_have_change_nothing()
    {
        var arn = await DatasetAsync([.. Enumerable.Range(0, 250).Select(i => $"l{i:d3}")]);
        var before = await _datasets.StoredAsync(arn);

        var row = await _datasets.UpdateAsync(arn, Line("a.jpg", "one more"));

        Assert.Equal(
            (DatasetStatus.UPDATE_FAILED, "ERROR_MANIFEST_TOO_MANY_LABELS: The manifest file has too many labels.", 250),
            (row.Status, row.Message, row.Labels));
        Assert.Equal(before, await _datasets.StoredAsync(arn));
        Assert.Equal(DatasetStatus.UPDATE_COMPLETE, (await _datasets.UpdateAsync(arn, Line("l000.jpg", "instead of l000"))).Status);
    }

    [Fact]
    public async Task What_is_known_to_be_too_many_labels_or_entries_is_refused_at_once()
    {
        var arn = await DatasetAsync("a");
        var before = await _datasets.StoredAsync(arn);

        await RefusedAsync(arn, Enumerable.Range(0, 251).Select(i => Line($"{i}.jpg", $"l{i}")));
        await RefusedAsync(arn, Enumerable.Repeat("", DatasetCatalog.EntriesMax + 2));
        await using (var connection = await _datasets.Data.ConnectAsync(Cancel))
        {
            // As if it had so many entries: two more are one too many, unless one of them is there.
            await connection.ExecuteAsync("UPDATE datasets SET total = @total WHERE arn = @arn", new { total = DatasetCatalog.EntriesMax - 1, arn });
        }

        await RefusedAsync(arn, [Line("new.jpg", "a"), Line("other.jpg", "a")]);
        Assert.Equal(before, await _datasets.StoredAsync(arn));
        Assert.Equal(DatasetStatus.CREATE_COMPLETE, (await _datasets.RowAsync(arn)).Status);
        Assert.Equal(
            (DatasetStatus.UPDATE_COMPLETE, 2),
            ((await _datasets.UpdateAsync(arn, Line("new.jpg", "a"), Line("a.jpg", "b"))).Status, (await _datasets.RowAsync(arn)).Total));
    }

    private async Task RefusedAsync(string arn, IEnumerable<string> lines) =>
        Assert.Equal(RefusalKind.LimitExceeded, (await Assert.ThrowsAsync<RefusedException>(() => _datasets.UpdateAsync(arn, lines))).Kind);

    [Fact]
    public async Task An_update_cut_off_in_the_middle_has_done_nothing_and_a_restart_finishes_it()
    {
        var arn = await DatasetAsync([.. Enumerable.Range(0, 100).Select(i => $"l{i:d3}")]);
        string[] lines = [.. Enumerable.Range(50, 100).Select(i => Line($"l{i:d3}.jpg", $"changed{i % 3}"))];
        var before = await _datasets.StoredAsync(arn);
        await _datasets.Catalog.RequestUpdateAsync(Owner, arn, Encoding.UTF8.GetBytes(string.Join('\n', lines)), Cancel);
        var dataset = await _datasets.RowAsync(arn);
        using var cut = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _datasets.Catalog.ApplyAsync(dataset, Until(70), cut.Token));

        _datasets.Reopen();
        Assert.Equal(DatasetStatus.UPDATE_IN_PROGRESS, (await _datasets.RowAsync(arn)).Status);
        Assert.Equal(before, await _datasets.StoredAsync(arn));
        await _datasets.RunAsync();
        var row = await _datasets.RowAsync(arn);
        Assert.Equal((DatasetStatus.UPDATE_COMPLETE, 150, 53), (row.Status, row.Total, row.Labels));
        Assert.Equal(Enumerable.Range(0, 150).Select(i => $"l{i:d3}.jpg"), await ImagesAsync(arn));
        Assert.Empty(await _datasets.Catalog.DueAsync(Cancel));

        IEnumerable<EntryRow> Until(int count)
        {
            for (var i = 0; i < lines.Length; i++)
            {
                if (i == count)
                {
                    cut.Cancel();
                }

                yield return new(0, $"s3://{Bucket}/l{50 + i:d3}.jpg", "{}", false, false, new Dictionary<string, bool>());
            }
        }
    }

    private async Task<string> DatasetAsync(params string[] labels) =>
        await _datasets.CreateAsync(await _datasets.ProjectAsync(), "TRAIN", labels.Select(l => Line($"{l}.jpg", l)));

    private async Task<string[]> ImagesAsync(string arn) =>
        [.. (await _datasets.EntriesAsync(arn)).Select(e => JsonNode.Parse(e)!["source-ref"]!.GetValue<string>()[$"s3://{Bucket}/".Length..])];

    private async Task<string[]> LabelsAsync(string arn) => [.. (await _datasets.Catalog.ListLabelsAsync(Owner, arn, 0, 1000, Cancel)).Select(l => l.Label)];
}
