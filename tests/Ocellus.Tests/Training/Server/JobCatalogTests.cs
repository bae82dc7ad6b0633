using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Storage;
using Ocellus.Training.Server;

namespace Ocellus.Tests.Training.Server;

public sealed class JobCatalogTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), "ocellus-jobs-" + Guid.NewGuid().ToString("N"));
    private readonly DataDirectory _data;
    private readonly FakeTimeProvider _clock = new(new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly JobCatalog _jobs;

    public JobCatalogTests()
    {
        _data = TestDatabase.Open(_path);
        _jobs = new(_data, _clock);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _data.Dispose();
        TestDatabase.Drop(_path);
        Directory.Delete(_path, recursive: true);
    }

    [Fact]
    public async Task A_lease_holds_for_its_time_against_others_and_then_no_longer()
    {
        TestDatabase.RequireSqlite();
        var arn = await JobAsync();
        Assert.True(await _jobs.LeaseAsync(arn, "one", Cancel));
        Assert.Empty(await _jobs.DueAsync(Cancel));
        Assert.False(await _jobs.LeaseAsync(arn, "two", Cancel));
        _clock.Advance(JobCatalog.LeaseTime + TimeSpan.FromMilliseconds(1));
        Assert.Equal([arn], await _jobs.DueAsync(Cancel));
        Assert.True(await _jobs.LeaseAsync(arn, "two", Cancel));
    }

    [Fact]
    public async Task A_lease_of_a_clock_that_was_set_back_since_holds_nobody_up()
    {
        TestDatabase.RequireSqlite();
        var arn = await JobAsync();
        Assert.True(await _jobs.LeaseAsync(arn, "one", Cancel));

        // An hour back: the lease would hold for an hour and a minute.
        _clock.AdjustTime(_clock.GetUtcNow() - TimeSpan.FromHours(1));

        Assert.Equal([arn], await _jobs.DueAsync(Cancel));
        Assert.True(await _jobs.LeaseAsync(arn, "two", Cancel));
        Assert.False(await _jobs.ReportAsync(arn, "one", "late", Cancel));
        Assert.Empty(await _jobs.DueAsync(Cancel));
    }

    private async Task<string> JobAsync()
    {
        var caller = new Caller("123456789012", "us-east-1", "test", "test");
        var project = await new ProjectCatalog(_data, _clock).CreateAsync(caller, "p", null, Cancel);
        return (await new VersionCatalog(_data, _clock, Options.Create(new QuotaOptions()))
            .CreateAsync(caller, new NewVersion(project.ToString(), "v", ProjectVersionStatus.TRAINING_IN_PROGRESS, "v-1", "bucket", ""), Cancel))
            .ToString();
    }
}
