using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Ocellus.Diagnostics;
using Ocellus.Encodings;
using Ocellus.Objects;
using Ocellus.Projects;
using Ocellus.Storage;
using Ocellus.Training.Job;
using Ocellus.Work;

namespace Ocellus.Training.Server;

/// <summary>
/// Trains what is TRAINING_IN_PROGRESS. The database says what is due. After a restart a job resumes from its last checkpoint, and one
/// that had ended but was not published is only published.
/// </summary>
internal sealed partial class TrainingWorker(
    VersionCatalog versions, JobCatalog jobs, IObjects objects, ImageFetch images, TrainingPublisher publisher, DataDirectory data, TimeProvider clock,
    IOptions<TrainingOptions> options, OcellusMeter meter, ServingActivity serving, ILogger<TrainingWorker> log)
    : BackgroundService, IKeyedWork<string>
{
    /// <summary>Maximum time between polls without a wake-up: a lease of another node may have expired.</summary>
    private static readonly TimeSpan _pollEvery = TimeSpan.FromSeconds(20);

    /// <summary>Minimum time between two reports in the database: each costs a flush to disk.</summary>
    private static readonly TimeSpan _reportEvery = TimeSpan.FromSeconds(1);

    /// <summary>Addition to the version's message meanwhile. Reasons may reveal details of the machine and are in the log only.</summary>
    private const string Waiting = " It is waiting: the object store or the disk does not allow it to continue now. It is retried automatically.";

    /// <summary>Jobs whose last attempt failed because of the store or the disk: they come after the others, so as not to delay them.</summary>
    private readonly ConcurrentDictionary<string, bool> _postponed = new(StringComparer.Ordinal);

    /// <summary>What ends each job of this process alone.</summary>
    private readonly ConcurrentDictionary<string, CancellationTokenSource> _running = new(StringComparer.Ordinal);

    private readonly KeyedWorkLoop<string> _loop = new(clock, _pollEvery);
    private readonly string _owner = data.Database.IsShared ? $"node:{SharedFolder.NodeOf(data.Path)}" : $"{Environment.MachineName}:{data.Path}";

    /// <summary>Wakes the worker: something is due.</summary>
    public void Wake() => _loop.Wake();

    /// <summary>Ends a job whose version is no longer being trained, if it runs in this process. Others notice by their lease.</summary>
    /// <returns>False if it does not run here.</returns>
    public bool Cancel(string arn)
    {
        if (!_running.TryGetValue(arn, out var job))
        {
            return false;
        }

        job.Cancel();
        return true;
    }

    public async Task<IEnumerable<string>> DueAsync(CancellationToken cancel) => (await jobs.DueAsync(cancel)).OrderBy(_postponed.ContainsKey);

    /// <summary>If the clock jumps, a lease may expire during its job; the key keeps a running job from starting twice.</summary>
    public string KeyOf(string work) => work;

    public bool CanStart(string work, IReadOnlyList<string> running) => running.Count < options.Value.ParallelJobs;

    public Task<bool> ClaimAsync(string work, CancellationToken cancel) => jobs.LeaseAsync(work, _owner, cancel);

    public async Task PolledAsync(int running, CancellationToken cancel) =>
        meter.TrainingQueueLength = (int)Math.Max(0, await jobs.CountAsync(cancel) - running);

    public void PollFailed(Exception failure) => Log.PollFailed(log, failure, _pollEvery.TotalSeconds);

    public async Task<WorkEnd> HandleAsync(string work, CancellationToken cancel)
    {
        var arn = work;
        using var job = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        VersionRow? version = null;
        TrainingKeeper? keeper = null;
        try
        {
            _running[arn] = job;
            _postponed.TryRemove(arn, out _);
            version = await versions.FindAsync(arn, cancel);
            if (version is { Status: ProjectVersionStatus.TRAINING_IN_PROGRESS })
            {
                var folder = FolderOf(version);
                if (data.Database.IsShared)
                {
                    keeper = new(jobs, data.Models.Store, arn, _owner, folder, clock, () => Cancel(arn), log);
                    await OrTransientAsync(() => BringAsync(folder, job.Token));
                }

                await TrainAsync(version, folder, job.Token);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The server is stopping; the job resumes after its next start.
        }
        catch (Exception failure) when (failure is LeaseLostException || (failure is OperationCanceledException && job.IsCancellationRequested))
        {
            if ((failure is LeaseLostException || keeper is { IsLost: true }) && await IsOthersAsync(arn))
            {
                // Its folder stays: what is kept elsewhere is newer, and replaces it if the training comes back.
                Log.JobLost(log, arn);
            }
            else
            {
                Log.JobCancelled(log, arn);
                await TryAsync(() => version is null ? Task.CompletedTask : publisher.DiscardAsync(version, FolderOf(version)), arn);
            }
        }
        catch (TransientFailureException failure)
        {
            // Not the job's fault, and it may be temporary: its files stay, and a later poll tries again.
            _postponed[arn] = true;
            Log.JobPostponed(log, failure.InnerException, arn, _pollEvery.TotalSeconds);
            await ReportAsync(arn, ProjectVersionStates.Message(ProjectVersionStatus.TRAINING_IN_PROGRESS) + Waiting, cancel);
        }
        catch (Exception failure)
        {
            Log.JobFailed(log, failure, arn);
            await TryAsync(() => CrashedAsync(arn, failure.Message, cancel), arn);
        }
        finally
        {
            await (keeper?.DisposeAsync() ?? ValueTask.CompletedTask);
            _running.TryRemove(arn, out _);
            // If this fails, the job can be taken again when the lease expires.
            await TryAsync(() => jobs.ReleaseAsync(arn, _owner, CancellationToken.None), arn);
        }

        // Woken for a job that is postponed, the loop would try it again without a pause.
        return _postponed.ContainsKey(arn) ? WorkEnd.NextPoll : WorkEnd.PollAgain;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await TryAsync(() => jobs.ReleaseAllAsync(_owner, CancellationToken.None), _owner);
        await _loop.RunAsync(this, stoppingToken);
    }

    private JobFolder FolderOf(VersionRow version) =>
        new(Path.Combine(data.JobsPath, version.Folder)) { Damaged = message => Log.FileDamaged(log, version.Arn, message) };

    private async Task TryAsync(Func<Task> write, string arn)
    {
        try
        {
            await write();
        }
        catch (Exception failure)
        {
            // It affects one job only: the worker continues with the others.
            Log.ReportLost(log, failure, arn);
        }
    }

    /// <summary>Whether a training whose lease was lost goes on elsewhere; otherwise it was cancelled. If nobody can tell, it may go on.</summary>
    private async Task<bool> IsOthersAsync(string arn)
    {
        try
        {
            return await versions.FindAsync(arn, CancellationToken.None) is { Status: ProjectVersionStatus.TRAINING_IN_PROGRESS };
        }
        catch (System.Data.Common.DbException)
        {
            return true;
        }
    }

    /// <summary>Fetches a job's folder that another server has made, or has brought further.</summary>
    private async Task<bool> BringAsync(JobFolder folder, CancellationToken cancel)
    {
        var store = data.Models.Store;
        if (await store.RevisionAsync(folder.KeptName, cancel) is not { } kept || (folder.IsWhole && folder.Kept == kept))
        {
            return false;
        }

        Directory.CreateDirectory(data.JobsPath);
        await store.FetchAsync(folder.KeptName, folder.Path, cancel);
        folder.Kept = kept;
        return true;
    }

    private async Task TrainAsync(VersionRow version, JobFolder folder, CancellationToken cancel)
    {
        var job = folder.Read();
        var note = TrainingPublisher.Note(version);
        if (folder.ReadOutcome() is not { } outcome)
        {
            Log.JobStarted(log, version.Arn);
            var rights = await versions.RightsAsync(version.Arn, cancel);
            if (!await OrTransientAsync(() => OutputLocation.IsWritableAsync(objects, version, rights, cancel)))
            {
                await publisher.FailAsync(version, folder, OutputLocation.NotWritable, LeaseOwner, cancel);
                return;
            }

            if (await OrTransientAsync(() => images.RunAsync(folder, job, version.AccountId, rights, cancel)) is { } fileError)
            {
                await publisher.FailAsync(version, folder, fileError, LeaseOwner, cancel);
                return;
            }

            await using var reports = new Reports(this, version.Arn, folder, note, cancel);
            var end = await TrainingProcess.RunAsync(folder, reports, () => serving.IsServing, cancel);
            cancel.ThrowIfCancellationRequested();
            if (end is { Outcome: null, Stopped: true })
            {
                // Stopped from outside, for example by a service manager that ends a whole group: no crash, and the next attempt resumes.
                return;
            }

            if (end.Outcome is null)
            {
                // A full disk does not count as a crash: with space again it resumes from its checkpoint.
                if (!FileSystem.HasRoom(folder.Path))
                {
                    throw new TransientFailureException(new IOException(end.Reason));
                }

                await CrashedAsync(version.Arn, end.Reason, cancel);
                return;
            }

            outcome = end.Outcome;
        }

        await OrTransientAsync(async () =>
        {
            // This process may have been stopped for a while: the files are another server's to write if it has the training now.
            if (LeaseOwner is { } owner && !await jobs.RenewAsync(version.Arn, owner, cancel))
            {
                throw new LeaseLostException(version.Arn);
            }

            await publisher.PublishAsync(version, folder, outcome, note, LeaseOwner, cancel);
            return true;
        });
    }

    /// <summary>Runs a part of a job that depends on the store, the disk or the database, not on what is trained.</summary>
    /// <exception cref="TransientFailureException">They failed: for example the store is unreachable, or the disk is full.</exception>
    private static async Task<T> OrTransientAsync<T>(Func<Task<T>> part)
    {
        try
        {
            return await part();
        }
        catch (Exception failure) when (failure is System.Data.Common.DbException
            or (IOException and not (FileNotFoundException or DirectoryNotFoundException)))
        {
            throw new TransientFailureException(failure);
        }
    }

    private async Task CrashedAsync(string arn, string reason, CancellationToken cancel)
    {
        var crashes = await jobs.CountCrashAsync(arn, cancel);
        Log.ProcessDied(log, arn, crashes, reason);
        if (crashes >= options.Value.CrashesMax && await versions.FindAsync(arn, cancel) is { } version)
        {
            await publisher.FailAsync(
                version, FolderOf(version),
                $"The training ended {crashes} times without a result, the last time because: "
                    + $"{Readable.Truncate(reason.Replace(data.Path, "DIR", StringComparison.Ordinal))}",
                LeaseOwner, cancel);
        }
    }

    private DateTimeOffset Now => clock.GetUtcNow();

    /// <summary>Who must have a job's lease when it ends; null without other servers.</summary>
    private string? LeaseOwner => data.Database.IsShared ? _owner : null;

    private async Task ReportAsync(string arn, string message, CancellationToken cancel)
    {
        try
        {
            if (!await jobs.ReportAsync(arn, _owner, message, cancel)
                && await versions.FindAsync(arn, cancel) is not { Status: ProjectVersionStatus.TRAINING_IN_PROGRESS })
            {
                // Cancelled from another node.
                Cancel(arn);
            }
        }
        catch (Exception failure) when (failure is System.Data.Common.DbException or OperationCanceledException)
        {
            // Another report will follow a lost one; the training must not end because of it.
            Log.ReportLost(log, failure, arn);
        }
    }

    private sealed class TransientFailureException(Exception inner) : Exception(inner.Message, inner);
}
