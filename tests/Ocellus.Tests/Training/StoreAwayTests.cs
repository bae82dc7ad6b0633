using System.Diagnostics.Metrics;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Ocellus.Diagnostics;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Storage;
using Ocellus.Tests.Hosting;
using Ocellus.Tests.Identity;
using Ocellus.Training;
using Ocellus.Training.Job;
using Ocellus.Training.Server;
using Ocellus.Work;

namespace Ocellus.Tests.Training;

/// <summary>What becomes of trainings and copies while the store cannot be reached.</summary>
public sealed class StoreAwayTests : IDisposable
{
    private static readonly Caller Caller = new("123456789012", "us-east-1", "test", "test");

    private readonly string _path = Path.Combine(Path.GetTempPath(), "ocellus-away-" + Guid.NewGuid().ToString("N"));
    private readonly DataDirectory _data;
    private readonly FakeTimeProvider _clock = new(new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly VersionCatalog _versions;

    public StoreAwayTests()
    {
        _data = TestDatabase.Open(_path);
        _versions = new(_data, _clock, Options.Create(new QuotaOptions()));
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _data.Dispose();
        TestDatabase.Drop(_path);
        Directory.Delete(_path, recursive: true);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_training_waits_for_the_store_and_loses_nothing(bool trained)
    {
        var arn = await VersionAsync("v", "away", ProjectVersionStatus.TRAINING_IN_PROGRESS);
        var folder = Job(arn, "v", trained);
        var objects = new UnreachableObjects { Away = { "away" }, OnlyWriting = trained };
        using var worker = Worker(objects);
        await worker.StartAsync(Cancel);

        await HostedVersions.UntilAsync(() => objects.Refused > 0, "the store was not asked");
        await HostedVersions.UntilAsync(async () => (await new JobCatalog(_data, _clock).DueAsync(Cancel)).Count > 0, () => "the lease was not given back");
        // The clock stands: only a wake-up would make it look again, and there must be none.
        await Task.Delay(300, Cancel);

        Assert.Equal(1, objects.Refused);
        Assert.Equal(ProjectVersionStatus.TRAINING_IN_PROGRESS, (await _versions.FindAsync(arn, Cancel))!.Status);
        Assert.True(folder.IsWhole);
        Assert.Equal(trained, File.Exists(Path.Combine(folder.Model, "model.onnx")));
        await using (var connection = await _data.ConnectAsync(Cancel))
        {
            Assert.Equal(0, await connection.ExecuteScalarAsync<long>("SELECT crashes FROM training_jobs"));
        }

        objects.ComeBack();
        _clock.Advance(TimeSpan.FromSeconds(20));
        await UntilAsync(arn, trained ? ProjectVersionStatus.TRAINING_COMPLETED : ProjectVersionStatus.TRAINING_FAILED);
        Assert.Equal(trained, File.Exists(Path.Combine(_data.ModelFolder(Caller.AccountId, "v"), "model.onnx")));
        await worker.StopAsync(Cancel);
    }

    [Fact]
    public async Task A_training_that_waits_for_the_store_lets_the_next_one_by()
    {
        var waiting = await VersionAsync("v1", "away", ProjectVersionStatus.TRAINING_IN_PROGRESS);
        Job(waiting, "v1", trained: true);
        _clock.Advance(TimeSpan.FromSeconds(1));
        var next = await VersionAsync("v2", "there", ProjectVersionStatus.TRAINING_IN_PROGRESS);
        Job(next, "v2", trained: true);
        var objects = new UnreachableObjects { Away = { "away" } };
        using var worker = Worker(objects);
        await worker.StartAsync(Cancel);
        await HostedVersions.UntilAsync(() => objects.Refused > 0, "the store was not asked");
        await HostedVersions.UntilAsync(async () => (await new JobCatalog(_data, _clock).DueAsync(Cancel)).Count == 2, () => "the lease was not given back");

        await HostedVersions.UntilAsync(async () =>
        {
            _clock.Advance(TimeSpan.FromSeconds(20));
            await Task.Delay(50, Cancel);
            return (await _versions.FindAsync(next, Cancel))!.Status == ProjectVersionStatus.TRAINING_COMPLETED;
        }, () => "the next training did not get its turn");

        Assert.Equal(ProjectVersionStatus.TRAINING_IN_PROGRESS, (await _versions.FindAsync(waiting, Cancel))!.Status);
        await worker.StopAsync(Cancel);
    }

    [Fact]
    public async Task A_copy_waits_for_the_store_and_the_others_go_on()
    {
        var waiting = await VersionAsync("v1", "away", ProjectVersionStatus.COPYING_IN_PROGRESS);
        _clock.Advance(TimeSpan.FromSeconds(1));
        var other = await VersionAsync("v2", "there", ProjectVersionStatus.COPYING_IN_PROGRESS);
        var objects = new UnreachableObjects { Away = { "away" } };
        using var worker = new CopyWorker(
            _versions, objects, new WorkLeases(_data, _clock, NullLogger<WorkLeases>.Instance), _clock, NullLogger<CopyWorker>.Instance);
        await worker.StartAsync(Cancel);

        await UntilAsync(other, ProjectVersionStatus.COPYING_COMPLETED);
        await HostedVersions.UntilAsync(() => objects.Refused > 0, "the store was not asked");
        await Task.Delay(200, Cancel);
        Assert.Equal(ProjectVersionStatus.COPYING_IN_PROGRESS, (await _versions.FindAsync(waiting, Cancel))!.Status);

        objects.ComeBack();
        _clock.Advance(TimeSpan.FromSeconds(20));
        await UntilAsync(waiting, ProjectVersionStatus.COPYING_COMPLETED);
        await worker.StopAsync(Cancel);
    }

    private TrainingWorker Worker(UnreachableObjects objects)
    {
        var meters = new ServiceCollection().AddMetrics().BuildServiceProvider().GetRequiredService<IMeterFactory>();
        return new(
            _versions, new JobCatalog(_data, _clock), objects, new ImageFetch(objects),
            new TrainingPublisher(_versions, objects, _data, _clock, NullLogger<TrainingPublisher>.Instance), _data, _clock,
            Options.Create(new TrainingOptions()), new OcellusMeter(meters), new ServingActivity(_clock), NullLogger<TrainingWorker>.Instance);
    }

    private async Task<string> VersionAsync(string name, string bucket, ProjectVersionStatus status)
    {
        var project = await new ProjectCatalog(_data, _clock).CreateAsync(Caller, "p-" + name, null, Cancel);
        return (await _versions.CreateAsync(
            Caller,
            new NewVersion(project.ToString(), name, status, name, bucket, "")
            {
                Rights = new CallerRights(
                    Caller, [IdentityPolicy.Parse(AccessKeys.Document("""{"Effect":"Allow","Action":"s3:*","Resource":"*"}"""))], _clock.GetUtcNow())
                    .ToJson(),
            },
            Cancel)).ToString();
    }

    /// <summary>A job's folder: without a manifest, or with all that a training which has ended leaves.</summary>
    private JobFolder Job(string arn, string name, bool trained)
    {
        var folder = new JobFolder(Path.Combine(_data.JobsPath, name));
        Directory.CreateDirectory(folder.Path);
        folder.Write(new JobDescription { ProjectVersionArn = arn, ProjectName = "p-" + name, VersionName = name });
        if (trained)
        {
            Directory.CreateDirectory(folder.Model);
            File.WriteAllBytes(Path.Combine(folder.Model, "model.onnx"), [1]);
            Directory.CreateDirectory(folder.Out);
            File.WriteAllText(Path.Combine(folder.Out, "summary.json"), "{}");
            folder.Write(new JobOutcome { Completed = true, Message = "done", F1 = 1, TrainingSeconds = 2, Ended = _clock.GetUtcNow() });
        }

        return folder;
    }

    private Task UntilAsync(string arn, ProjectVersionStatus status) =>
        HostedVersions.UntilAsync(async () => (await _versions.FindAsync(arn, Cancel))!.Status == status, () => $"{status} was not reached");
}
