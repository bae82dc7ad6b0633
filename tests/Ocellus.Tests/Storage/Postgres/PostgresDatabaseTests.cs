using Dapper;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Storage;
using Ocellus.Tests.Hosting;
using Ocellus.Training.Job;
using Ocellus.Training.Server;
using Ocellus.Work;

namespace Ocellus.Tests.Storage.Postgres;

/// <summary>Two servers on one database, each with a folder of its own.</summary>
public sealed class PostgresDatabaseTests : IDisposable
{
    private static readonly Caller Owner = new("123456789012", "us-east-1", "owner", "AKIATEST");

    private readonly string _top = Path.Combine(Path.GetTempPath(), "ocellus-two-" + Guid.NewGuid().ToString("N"));
    private readonly DatabaseOptions _database;
    private readonly DataDirectory _one;
    private readonly DataDirectory _two;

    public PostgresDatabaseTests()
    {
        _database = TestDatabase.Postgres(_top);
        _one = DataDirectory.Open(Path.Combine(_top, "one"), _database);
        _two = DataDirectory.Open(Path.Combine(_top, "two"), _database);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _one.Dispose();
        _two.Dispose();
        TestDatabase.Drop(_top);
        Directory.Delete(_top, recursive: true);
    }

    [Fact]
    public async Task Requests_to_two_servers_do_not_exceed_a_quota_together()
    {
        var quotas = Options.Create(new QuotaOptions { Projects = 5 });
        ProjectCatalog[] servers = [new(_one, TimeProvider.System, quotas), new(_two, TimeProvider.System, quotas)];

        var made = await Task.WhenAll(Enumerable.Range(0, 24).Select(i => Task.Run(() => TryAsync(servers[i % 2], $"p{i}"))));

        Assert.Equal(5, made.Count(m => m));
        Assert.Equal(5, (await servers[0].ListAsync(Owner, null, null, null, 100, Cancel)).Count);
    }

    [Fact]
    public async Task Of_two_projects_of_one_name_at_two_servers_one_is_refused()
    {
        ProjectCatalog[] servers = [new(_one, TimeProvider.System), new(_two, TimeProvider.System)];
        for (var round = 0; round < 10; round++)
        {
            var name = $"same{round}";
            var made = await Task.WhenAll(servers.Select(s => Task.Run(() => TryAsync(s, name))));
            Assert.Single(made, m => m);
        }
    }

    [Fact]
    public async Task A_commit_counts_at_once_here_and_soon_at_the_other_server()
    {
        var (here, there) = (_one.Commits.Now(), _two.Commits.Now());
        await new ProjectCatalog(_one, TimeProvider.System).CreateAsync(Owner, "fruit", null, Cancel);

        Assert.NotEqual(here, _one.Commits.Now());
        await HostedVersions.UntilAsync(() => _two.Commits.Now() != there, "the other server heard nothing");
        // Each counts it once: what is read now stays. (On a busy machine there may be no proof for a while that nothing was missed.)
        await HostedVersions.UntilAsync(
            async () =>
            {
                (here, there) = (_one.Commits.Now(), _two.Commits.Now());
                await new ProjectCatalog(_one, TimeProvider.System).ListAsync(Owner, null, null, null, 100, Cancel);
                return (here, there) == (_one.Commits.Now(), _two.Commits.Now());
            },
            () => "what is read counts as a commit");
    }

    [Fact]
    public async Task A_key_that_one_server_makes_is_known_to_the_other()
    {
        await KeyRing.OpenAsync(_one, Cancel);
        File.Copy(Path.Combine(_one.Path, SecretBox.FileName), Path.Combine(_two.Path, SecretBox.FileName));
        var ring = await KeyRing.OpenAsync(_two, Cancel);
        Assert.Equal(await File.ReadAllTextAsync(_one.CredentialsPath, Cancel), await File.ReadAllTextAsync(_two.CredentialsPath, Cancel));

        var key = await new KeyCatalog(_one, TimeProvider.System).CreateAsync("app", Owner.AccountId, [], isDefault: false, Cancel);
        await HostedVersions.UntilAsync(
            async () =>
            {
                await ring.RefreshAsync(Cancel);
                return ring.Find(key.AccessKeyId) is not null;
            },
            () => "the key is not known");
    }

    [Fact]
    public async Task Work_that_one_server_has_leased_is_not_the_others_until_it_is_released()
    {
        WorkLeases one = new(_one, TimeProvider.System, NullLogger<WorkLeases>.Instance), two = new(_two, TimeProvider.System, NullLogger<WorkLeases>.Instance);
        await using (await one.TryTakeAsync("job", Cancel) ?? throw new InvalidOperationException("it is free"))
        {
            Assert.Null(await two.TryTakeAsync("job", Cancel));
            await using var other = await two.TryTakeAsync("another job", Cancel);
            Assert.NotNull(other);
        }

        await using var then = await two.TryTakeAsync("job", Cancel);
        Assert.NotNull(then);
    }

    [Fact]
    public async Task Nothing_is_committed_under_a_lease_that_ran_out_and_was_taken()
    {
        WorkLeases one = new(_one, TimeProvider.System, NullLogger<WorkLeases>.Instance), two = new(_two, TimeProvider.System, NullLogger<WorkLeases>.Instance);
        var lease = await one.TryTakeAsync("job", Cancel);
        await using var connection = await _one.ConnectAsync(Cancel);
        await connection.ExecuteAsync("UPDATE work_leases SET until_ms = 0");
        await using var taken = await two.TryTakeAsync("job", Cancel);
        Assert.NotNull(taken);

        await using var transaction = await connection.BeginStepAsync(Cancel);
        await Assert.ThrowsAsync<LeaseLostException>(() => lease!.HoldAsync(connection, transaction));
    }

    [Fact]
    public async Task A_lease_of_a_training_ends_by_the_clock_of_the_database_whatever_the_servers_clocks_say()
    {
        var early = new FakeTimeProvider(DateTimeOffset.UnixEpoch);
        JobCatalog one = new(_one, early), two = new(_two, TimeProvider.System);
        var project = (await new ProjectCatalog(_one, TimeProvider.System).CreateAsync(Owner, "fruit", null, Cancel)).ToString();
        var version = new NewVersion(project, "v", ProjectVersionStatus.TRAINING_IN_PROGRESS, "v-1", "bucket", "");
        var arn = (await new VersionCatalog(_one, TimeProvider.System, Options.Create(new QuotaOptions())).CreateAsync(Owner, version, Cancel)).ToString();

        Assert.True(await one.LeaseAsync(arn, "one", Cancel));
        Assert.Empty(await two.DueAsync(Cancel));
        Assert.False(await two.LeaseAsync(arn, "two", Cancel));

        await using var connection = await _one.ConnectAsync(Cancel);
        await connection.ExecuteAsync("UPDATE training_jobs SET lease_until_ms = lease_until_ms - @time", new { time = 61_000L });
        Assert.Equal([arn], await one.DueAsync(Cancel));
        Assert.True(await two.LeaseAsync(arn, "two", Cancel));
        Assert.False(await one.RenewAsync(arn, "one", Cancel));
        // And what it says is not the version's any more.
        Assert.False(await one.ReportAsync(arn, "one", "late", Cancel));
        Assert.NotEqual("late", await connection.QuerySingleAsync<string>("SELECT message FROM project_versions"));
        var versions = new VersionCatalog(_one, TimeProvider.System, Options.Create(new QuotaOptions()));
        Assert.False(await versions.EndAsync(arn, VersionEvent.Trained, null, new VersionOutcome(0) { LeaseOwner = "one" }, Cancel));
        Assert.True(await versions.EndAsync(arn, VersionEvent.Trained, null, new VersionOutcome(0) { LeaseOwner = "two" }, Cancel));
    }

    [Fact]
    public async Task A_server_that_lost_a_training_neither_ends_it_nor_replaces_the_model_that_another_has_published()
    {
        var (jobs, kept) = (new JobCatalog(_one, TimeProvider.System), new RecordedFolders());
        _one.Models.Store = kept;
        var versions = new VersionCatalog(_one, TimeProvider.System, Options.Create(new QuotaOptions()));
        var publisher = new TrainingPublisher(versions, null!, _one, TimeProvider.System, NullLogger<TrainingPublisher>.Instance);
        var project = (await new ProjectCatalog(_one, TimeProvider.System).CreateAsync(Owner, "fruit", null, Cancel)).ToString();
        var arn = (await versions.CreateAsync(
            Owner, new NewVersion(project, "v", ProjectVersionStatus.TRAINING_IN_PROGRESS, "v-1", "bucket", ""), Cancel)).ToString();
        Assert.True(await jobs.LeaseAsync(arn, "two", Cancel));
        var version = (await versions.FindAsync(arn, Cancel))!;
        var folder = new JobFolder(Path.Combine(_one.JobsPath, "v-1"));
        Directory.CreateDirectory(folder.Path);
        TrainingHistory.Add(folder.Path, new("Learning", 1, 2, null, null), TimeProvider.System.GetUtcNow());

        await Assert.ThrowsAsync<LeaseLostException>(() => publisher.FailAsync(version, folder, "late", "one", Cancel));
        Assert.Equal(ProjectVersionStatus.TRAINING_IN_PROGRESS, (await versions.FindAsync(arn, Cancel))!.Status);
        Assert.True(Directory.Exists(folder.Path));

        Assert.True(await versions.EndAsync(arn, VersionEvent.Trained, null, new VersionOutcome(0) { LeaseOwner = "two" }, Cancel));
        await publisher.DiscardAsync(version, folder);
        Assert.Empty(kept.Put);
        Assert.False(Directory.Exists(folder.Path));
    }

    [Fact]
    public void A_folder_is_not_used_with_another_database()
    {
        using var mine = DataDirectory.Open(Path.Combine(_top, "mine"), _database);
        mine.Dispose();
        var other = TestDatabase.Postgres(Path.Combine(_top, "other"));
        try
        {
            var refusal = Assert.Throws<InvalidOperationException>(() => DataDirectory.Open(mine.Path, other));
            Assert.Contains("another database", refusal.Message, StringComparison.Ordinal);
            Assert.Contains("--database", Assert.Throws<InvalidOperationException>(() => DataDirectory.Open(mine.Path)).Message, StringComparison.Ordinal);
            DataDirectory.Open(mine.Path, _database).Dispose();
        }
        finally
        {
            TestDatabase.Drop(Path.Combine(_top, "other"));
        }
    }

    [Fact]
    public void A_folder_with_a_database_of_its_own_is_not_used_with_another()
    {
        var path = Path.Combine(_top, "sqlite");
        DataDirectory.Open(path).Dispose();
        Assert.Contains("migrate", Assert.Throws<InvalidOperationException>(() => DataDirectory.Open(path, _database)).Message, StringComparison.Ordinal);
        DataDirectory.Open(path).Dispose();
    }

    [Theory]
    [InlineData("Host=127.0.0.1;Port=1;Database=x;Username=y;Password=hush-hush", "did not answer within 0 s")]
    [InlineData("Hosts=127.0.0.1;Password=hush-hush", "is not a connection string")]
    [InlineData("Database=x;Password=hush-hush", "names no Host")]
    [InlineData("Password=hush-hush;Host", "is not a connection string")]
    public void A_connection_string_that_does_not_work_is_refused_without_its_password(string text, string said)
    {
        var refusal = Assert.Throws<InvalidOperationException>(
            () => DataDirectory.Open(Path.Combine(_top, "wrong"), new DatabaseOptions { Database = text, DatabaseWait = TimeSpan.Zero }));
        Assert.Contains(said, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hush", refusal.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Text_is_sorted_by_its_bytes_whatever_the_locale()
    {
        var projects = new ProjectCatalog(_one, TimeProvider.System);
        var tags = new Dictionary<string, string> { ["b"] = "1", ["B"] = "2", ["a"] = "3", ["_"] = "4" };
        var arn = (await projects.CreateAsync(Owner, "fruit", tags, Cancel)).ToString();
        Assert.Equal(["B", "_", "a", "b"], (await projects.TagsAsync(Owner, arn, Cancel)).Keys);
    }

    [Fact]
    public async Task All_tables_go_to_sqlite_and_come_back()
    {
        await new ProjectCatalog(_one, TimeProvider.System).CreateAsync(Owner, "fruit", new Dictionary<string, string> { ["a"] = "ä" }, Cancel);
        await KeyRing.OpenAsync(_one, Cancel);
        using var file = DataDirectory.Open(Path.Combine(_top, "file"));
        var told = new List<string>();

        var rows = await new TableCopy(_one.Database, file.Database).RunAsync((table, _) => told.Add(table), Cancel);

        Assert.Equal(TableCopy.Tables, told);
        Assert.Equal("fruit", Assert.Single(await new ProjectCatalog(file, TimeProvider.System).ListAsync(Owner, null, null, null, 10, Cancel)).Name);
        // Again: nothing to do; and back.
        Assert.Equal(rows, await new TableCopy(_one.Database, file.Database).RunAsync((_, _) => { }, Cancel));
        await new ProjectCatalog(file, TimeProvider.System).CreateAsync(Owner, "second", null, Cancel);
        Assert.Equal(rows + 1, await new TableCopy(file.Database, _one.Database).RunAsync((_, _) => { }, Cancel));
        await using var connection = await file.ConnectAsync(Cancel);
        var tables = await connection.QueryAsync<string>("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'");
        // What belongs to a database or a running server is not copied.
        Assert.Equal(
            TableCopy.Tables.Order(StringComparer.Ordinal),
            tables.Except(["SchemaVersions", "installation", "work_leases", "nodes", "placements"]).Order(StringComparer.Ordinal));
    }

    /// <summary>Another server's store, which tells what was put there.</summary>
    private sealed class RecordedFolders : IFolderStore
    {
        public List<string> Put { get; } = [];

        public bool IsShared => true;

        public Task<string?> PutAsync(string name, string folder, Func<string, bool> which, CancellationToken cancel)
        {
            Put.Add(name);
            return Task.FromResult<string?>("1");
        }

        public Task<string?> RevisionAsync(string name, CancellationToken cancel) => Task.FromResult<string?>(null);

        public Task<bool> FetchAsync(string name, string folder, CancellationToken cancel) => Task.FromResult(false);

        public Task RemoveAsync(string name, CancellationToken cancel) => Task.CompletedTask;
    }

    private static async Task<bool> TryAsync(ProjectCatalog projects, string name)
    {
        try
        {
            await projects.CreateAsync(Owner, name, null, Cancel);
            return true;
        }
        catch (RefusedException)
        {
            return false;
        }
    }
}
