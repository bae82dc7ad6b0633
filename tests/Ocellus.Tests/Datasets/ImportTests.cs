using System.Text;
using Dapper;
using Microsoft.Extensions.Logging.Abstractions;
using Ocellus.Datasets;
using Ocellus.Refusals;
using Ocellus.Tests.Identity;
using Ocellus.Wire.AwsJson;
using static Ocellus.Tests.Datasets.TestDatasets;
using EmbeddedObjects = Ocellus.Objects.Files.EmbeddedObjects;

namespace Ocellus.Tests.Datasets;

public sealed class ImportTests : IDisposable
{
    /// <summary>Event id of the message that an import writes after each batch.</summary>
    private const int BatchWritten = 1103;

    private readonly TestDatasets _datasets = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _datasets.Dispose();

    [Theory]
    [InlineData("", "ERROR_EMPTY_MANIFEST: The manifest file is empty.")]
    [InlineData("image,label\na.jpg,ripe\n", "ERROR_MANIFEST_INACCESSIBLE_OR_UNSUPPORTED_FORMAT: The manifest file extension or contents are invalid.")]
    [InlineData("{\"kind\":1}\n{\"kind\":2}\n", "ERROR_TOO_MANY_RECORDS_IN_ERROR: The manifest file has too many terminal errors.")]
    [InlineData("{\"source-ref\":\"nowhere\"}\n{\n", "ERROR_TOO_MANY_RECORDS_IN_ERROR: The manifest file has too many terminal errors.")]
    public async Task A_manifest_that_is_none_ends_in_failure_without_entries(string manifest, string message)
    {
        var arn = await _datasets.RequestAsync(await _datasets.ProjectAsync(), "TRAIN", manifest);

        await _datasets.RunAsync();

        var row = await _datasets.RowAsync(arn);
        Assert.Equal((DatasetStatus.CREATE_FAILED, "CLIENT_ERROR", message), (row.Status, row.Code, row.Message));
        Assert.Empty(await _datasets.StoredAsync(arn));
    }

    [Fact]
    public async Task Too_many_bad_lines_at_the_end_leave_nothing_of_the_good_ones()
    {
        var arn = await _datasets.CreateAsync(
            await _datasets.ProjectAsync(), "TRAIN", [.. Enumerable.Range(0, 2000).Select(i => Line($"{i}.jpg", "a")), .. Enumerable.Repeat("bad", 501)]);

        Assert.Equal(DatasetStatus.CREATE_FAILED, (await _datasets.RowAsync(arn)).Status);
        Assert.Empty(await _datasets.StoredAsync(arn));
    }

    [Fact]
    public async Task More_lines_than_a_manifest_may_have_end_in_failure()
    {
        var arn = await _datasets.RequestAsync(await _datasets.ProjectAsync(), "TRAIN", Line("a.jpg") + new string('\n', DatasetCatalog.EntriesMax + 1));

        await _datasets.RunAsync();

        Assert.Equal("ERROR_MANIFEST_ROWS_EXCEEDS_MAXIMUM: The manifest file has too many rows.", (await _datasets.RowAsync(arn)).Message);
    }

    [Fact]
    public async Task A_bucket_that_goes_after_the_answer_ends_in_failure()
    {
        var arn = await _datasets.RequestAsync(await _datasets.ProjectAsync(), "TRAIN", Line("a.jpg"));
        foreach (var key in Directory.EnumerateDirectories(Path.Combine(_datasets.Data.ObjectsPath, Bucket)).ToList())
        {
            Directory.Delete(key, recursive: true);
        }

        _datasets.Reopen();
        _datasets.Objects.DeleteBucket(Bucket);
        await _datasets.RunAsync();

        Assert.Equal((DatasetStatus.CREATE_FAILED, "CLIENT_ERROR"), ((await _datasets.RowAsync(arn)).Status, (await _datasets.RowAsync(arn)).Code));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task An_import_cut_off_in_the_middle_is_finished_after_a_restart_as_if_nothing_had_been(int batches)
    {
        string[] lines = [.. Enumerable.Range(0, 4500).Select(i => Line($"{i:d4}.jpg", $"l{i % 7}"))];
        var whole = await _datasets.CreateAsync(await _datasets.ProjectAsync("whole"), "TRAIN", lines);
        var arn = await _datasets.RequestAsync(await _datasets.ProjectAsync(), "TRAIN", string.Join('\n', lines));
        using var cut = new CancellationTokenSource();
        var jobs = new DatasetJobs(_datasets.Catalog, new EmbeddedObjects(_datasets.Objects), new CancellingLogger<DatasetJobs>(cut, BatchWritten, batches));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await jobs.RunAsync((await _datasets.Catalog.DueAsync(Cancel))[0], cut.Token));

        _datasets.Reopen();
        Assert.Equal(batches * 2000, (await _datasets.StoredAsync(arn)).Length);
        Assert.Equal(RefusalKind.NotReady, (await Assert.ThrowsAsync<RefusedException>(() => _datasets.EntriesAsync(arn))).Kind);
        await _datasets.RunAsync();
        Assert.Equal(DatasetStatus.CREATE_COMPLETE, (await _datasets.RowAsync(arn)).Status);
        Assert.Equal(await _datasets.StoredAsync(whole), await _datasets.StoredAsync(arn));
        Assert.Equal((4500, 4500, 7), ((await _datasets.RowAsync(arn)).Total, (await _datasets.RowAsync(arn)).Labeled, (await _datasets.RowAsync(arn)).Labels));
    }

    [Fact]
    public async Task A_copy_cut_off_in_the_middle_is_finished_after_a_restart()
    {
        var source = await _datasets.CreateAsync(
            await _datasets.ProjectAsync("source"), "TRAIN", Enumerable.Range(0, 4500).Select(i => Line($"{i:d4}.jpg", $"l{i % 7}")));
        var arn = await CopyAsync("TEST", source);
        await _datasets.Catalog.CopyStepAsync(await _datasets.RowAsync(arn), source, 0, Cancel);

        _datasets.Reopen();
        Assert.Equal(4000, (await _datasets.StoredAsync(arn)).Length);
        await _datasets.RunAsync();

        Assert.Equal(DatasetStatus.CREATE_COMPLETE, (await _datasets.RowAsync(arn)).Status);
        Assert.Equal(await _datasets.StoredAsync(source), await _datasets.StoredAsync(arn));
    }

    [Fact]
    public async Task A_deletion_cut_off_in_the_middle_is_finished_after_a_restart()
    {
        var project = await _datasets.ProjectAsync();
        var arn = await _datasets.CreateAsync(project, "TRAIN", Enumerable.Range(0, 4500).Select(i => Line($"{i:d4}.jpg", "a")));
        await _datasets.Catalog.RequestDeleteAsync(Owner, arn, Cancel);
        await _datasets.Catalog.ClearStepAsync(await _datasets.RowAsync(arn), Cancel);

        _datasets.Reopen();
        Assert.Equal(DatasetStatus.DELETE_IN_PROGRESS, (await _datasets.RowAsync(arn)).Status);
        Assert.Equal(RefusalKind.InUse, (await Assert.ThrowsAsync<RefusedException>(() => _datasets.EntriesAsync(arn))).Kind);
        await _datasets.RunAsync();

        Assert.Equal(RefusalKind.NotFound, (await Assert.ThrowsAsync<RefusedException>(() => _datasets.RowAsync(arn))).Kind);
        await using var connection = await _datasets.Data.ConnectAsync(Cancel);
        Assert.Equal(
            0, await connection.ExecuteScalarAsync<long>("SELECT (SELECT COUNT(*) FROM dataset_entries) + (SELECT COUNT(*) FROM dataset_entry_labels)"));
    }

    [Fact]
    public async Task A_copy_has_what_its_source_had_when_it_was_asked_for()
    {
        var source = await _datasets.CreateAsync(await _datasets.ProjectAsync("source"), "TRAIN", Line("a.jpg", "a"), Line("b.jpg", "b"));
        var arn = await CopyAsync("TRAIN", source);
        await _datasets.Catalog.RequestDeleteAsync(Owner, source, Cancel);
        var worker = new DatasetWorker(_datasets.Catalog, _datasets.Jobs, _datasets.Leases, TimeProvider.System, NullLogger<DatasetWorker>.Instance);

        await worker.StartAsync(Cancel);
        await AtRestAsync();
        await worker.StopAsync(Cancel);

        Assert.Equal((DatasetStatus.CREATE_COMPLETE, 2), ((await _datasets.RowAsync(arn)).Status, (await _datasets.RowAsync(arn)).Total));
        await Assert.ThrowsAsync<RefusedException>(() => _datasets.RowAsync(source));
    }

    [Fact]
    public async Task A_stopped_worker_leaves_its_job_to_the_next()
    {
        var arn = await _datasets.RequestAsync(
            await _datasets.ProjectAsync(), "TRAIN", string.Join('\n', Enumerable.Range(0, 6500).Select(i => Line($"{i}.jpg", "a"))));
        using var cut = new CancellationTokenSource();
        var jobs = new DatasetJobs(_datasets.Catalog, new EmbeddedObjects(_datasets.Objects), new CancellingLogger<DatasetJobs>(cut, BatchWritten, 2));
        var worker = new DatasetWorker(_datasets.Catalog, jobs, _datasets.Leases, TimeProvider.System, NullLogger<DatasetWorker>.Instance);
        await worker.StartAsync(cut.Token);
        await worker.ExecuteTask!;
        Assert.Equal(DatasetStatus.CREATE_IN_PROGRESS, (await _datasets.RowAsync(arn)).Status);
        Assert.Equal(4000, (await _datasets.StoredAsync(arn)).Length);

        _datasets.Reopen();
        var next = new DatasetWorker(_datasets.Catalog, _datasets.Jobs, _datasets.Leases, TimeProvider.System, NullLogger<DatasetWorker>.Instance);
        await next.StartAsync(Cancel);
        await AtRestAsync();
        await next.StopAsync(Cancel);

        Assert.Equal((DatasetStatus.CREATE_COMPLETE, 6500), ((await _datasets.RowAsync(arn)).Status, (await _datasets.RowAsync(arn)).Total));
    }

    [Fact]
    public async Task A_job_that_the_server_fails_says_so_and_leaves_what_was_there()
    {
        TestDatabase.RequireSqlite();
        var arn = await _datasets.CreateAsync(await _datasets.ProjectAsync(), "TRAIN", Line("a.jpg", "a"));
        await using (var connection = await _datasets.Data.ConnectAsync(Cancel))
        {
            await connection.ExecuteAsync("CREATE TRIGGER broken BEFORE INSERT ON dataset_entries BEGIN SELECT RAISE(ABORT, 'disk on fire'); END");
        }

        await _datasets.Catalog.RequestUpdateAsync(Owner, arn, Encoding.UTF8.GetBytes($"{Line("a.jpg", "changed")}\n{Line("b.jpg", "b")}"), Cancel);
        var worker = new DatasetWorker(_datasets.Catalog, _datasets.Jobs, _datasets.Leases, TimeProvider.System, NullLogger<DatasetWorker>.Instance);
        await worker.StartAsync(Cancel);
        await AtRestAsync();
        await worker.StopAsync(Cancel);

        var row = await _datasets.RowAsync(arn);
        Assert.Equal(
            (DatasetStatus.UPDATE_FAILED, "SERVICE_ERROR", "The service experienced an internal error.", 1), (row.Status, row.Code, row.Message, row.Total));
        Assert.Contains("\"class-name\":\"a\"", Assert.Single(await _datasets.EntriesAsync(arn)), StringComparison.Ordinal);
    }

    private async Task<string> CopyAsync(string type, string source) =>
        (await _datasets.Catalog.CreateAsync(Owner, await _datasets.ProjectAsync(), type, new EntrySource.Dataset(source), null, Cancel)).ToString();

    private async Task AtRestAsync()
    {
        for (var i = 0; i < 600 && (await _datasets.Catalog.DueAsync(Cancel)).Count > 0; i++)
        {
            await Task.Delay(50, Cancel);
        }
    }
}
