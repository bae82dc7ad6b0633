using Dapper;
using Microsoft.Extensions.Options;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Storage;
using Ocellus.Tests.Hosting;
using Ocellus.Tests.Identity;

namespace Ocellus.Tests.Storage;

public sealed class CommitWatchTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), "ocellus-commits-" + Guid.NewGuid().ToString("N"));
    private readonly DataDirectory _data;

    public CommitWatchTests() => _data = TestDatabase.Open(_path);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _data.Dispose();
        TestDatabase.Drop(_path);
        Directory.Delete(_path, recursive: true);
    }

    [Fact]
    public async Task The_mark_changes_with_each_commit_and_with_nothing_else()
    {
        var first = _data.Commits.Now();
        await using (var connection = await _data.ConnectAsync(Cancel))
        {
            await connection.ExecuteScalarAsync<long>("SELECT count(*) FROM access_revision");
            Assert.Equal(first, _data.Commits.Now());

            await using var transaction = await connection.BeginTransactionAsync(Cancel);
            await connection.ExecuteAsync("UPDATE access_revision SET revision = revision + 1", transaction: transaction);
            Assert.Equal(first, _data.Commits.Now());
            await transaction.CommitAsync(Cancel);
        }

        var second = _data.Commits.Now();
        Assert.NotEqual(first, second);
        Assert.Equal(second, _data.Commits.Now());
    }

    [Fact]
    public async Task A_commit_of_another_holder_of_the_folder_counts()
    {
        var before = _data.Commits.Now();
        using (var other = TestDatabase.Attach(_path))
        {
            await using var connection = await other.ConnectAsync(Cancel);
            await connection.ExecuteAsync("UPDATE access_revision SET revision = revision + 1");
        }

        await SeenAsync(() => Task.FromResult(before != _data.Commits.Now()));
    }

    [Fact]
    public void Nothing_is_told_of_a_database_that_was_let_go()
    {
        using var other = TestDatabase.Attach(_path);
        other.Commits.Now();
        other.Dispose();
        Assert.Throws<ObjectDisposedException>(() => other.Commits.Now());
    }

    [Fact]
    public async Task A_key_that_another_holder_of_the_folder_revokes_is_gone_with_the_next_request()
    {
        var ring = await KeyRing.OpenAsync(_data, Cancel);
        using var other = TestDatabase.Attach(_path);
        var keys = new KeyCatalog(other, TimeProvider.System);
        var id = (await keys.CreateAsync(
            "app", KeyRing.DefaultAccountId, [ManagedPolicies.Get(ManagedPolicies.Administrator)], isDefault: false, Cancel)).AccessKeyId;
        await SeenAsync(async () =>
        {
            await ring.RefreshAsync(Cancel);
            return ring.Find(id) is not null;
        });

        await keys.RevokeAsync(id, Cancel);

        await SeenAsync(async () =>
        {
            await ring.RefreshAsync(Cancel);
            return ring.Find(id) is null;
        });
    }

    [Fact]
    public async Task What_is_served_is_read_once_and_again_after_each_change()
    {
        var versions = new VersionCatalog(_data, TimeProvider.System, Options.Create(new QuotaOptions()));
        var caller = new Caller("123456789012", "us-east-1", "test", "test");
        var project = (await new ProjectCatalog(_data, TimeProvider.System, Options.Create(new QuotaOptions())).CreateAsync(caller, "p", null, Cancel))
            .ToString();
        var arn = (await versions.CreateAsync(caller, new NewVersion(project, "v", ProjectVersionStatus.TRAINING_COMPLETED, "f", "bucket", ""), Cancel))
            .ToString();

        var first = await versions.FindServedAsync(arn, Cancel);
        Assert.Equal(ProjectVersionStatus.TRAINING_COMPLETED, first!.Status);
        Assert.Same(first, await versions.FindServedAsync(arn, Cancel));

        await using (var connection = await _data.ConnectAsync(Cancel))
        {
            await connection.ExecuteAsync("UPDATE project_versions SET status = 'STOPPING' WHERE arn = @arn", new { arn });
            Assert.Equal(ProjectVersionStatus.STOPPING, (await versions.FindServedAsync(arn, Cancel))!.Status);
            await connection.ExecuteAsync("DELETE FROM project_versions WHERE arn = @arn", new { arn });
        }

        Assert.Null(await versions.FindServedAsync(arn, Cancel));
    }

    /// <summary>Of another holder's commit a file tells at once; PostgreSQL sends word, which takes a moment.</summary>
    private static async Task SeenAsync(Func<Task<bool>> seen)
    {
        if (TestDatabase.IsPostgres)
        {
            await HostedVersions.UntilAsync(seen, () => "it was not seen");
        }
        else
        {
            Assert.True(await seen());
        }
    }
}
