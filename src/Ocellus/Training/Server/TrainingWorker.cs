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
/// Trains what is TRAINING_IN_PROGRESS. The database says what is due; after a restart a job goes on from its last checkpoint,
/// and one that had ended but was not published is only published.
/// </summary>
internal sealed partial class TrainingWorker(
    VersionCatalog versions, JobCatalog jobs, IObjects objects, ImageFetch images, TrainingPublisher publisher, DataDirectory data, TimeProvider clock,
    IOptions<TrainingOptions> options, OcellusMeter meter, ServingActivity serving, ILogger<TrainingWorker> log)
    : BackgroundService, IKeyedWork<string>
{
    /// <summary>Looks for work this often even without a wake-up: a lease of another node may have run out.</summary>
    private static readonly TimeSpan _lookEvery = TimeSpan.FromSeconds(20);

    /// <summary>Shortest time between two reports in the database: each costs a flush to disk.</summary>
    private static readonly TimeSpan _reportEvery = TimeSpan.FromSeconds(1);

    /// <summary>What the version's message says meanwhile. Reasons may name what is the machine's own and are in the log.</summary>
    private const string Waiting = " It waits: the object store or the disk does not let it go on now. It is tried again by itself.";

    /// <summary>Jobs whose last try the store or the disk did not let through: they come after the others, so that they hold nobody up.</summary>
    private readonly ConcurrentDictionary<string, bool> _postponed = new(StringComparer.Ordinal);

    private readonly KeyedWorkLoop<string> _loop = new(clock, _lookEvery);
    private readonly string _owner = $"{Environment.MachineName}:{data.Path}";

    /// <summary>Tells the worker that something is due.</summary>
    public void Wake() => _loop.Wake();

    public async Task<IEnumerable<string>> DueAsync(CancellationToken cancel) => (await jobs.DueAsync(cancel)).OrderBy(_postponed.ContainsKey);

    /// <summary>A clock that jumps ends a lease in the middle of its job: by its key what runs here is not begun a second time.</summary>
    public string KeyOf(string work) => work;

    public bool CanStart(string work, IReadOnlyList<string> running) => running.Count < options.Value.ParallelJobs;

    public Task<bool> ClaimAsync(string work, CancellationToken cancel) => jobs.LeaseAsync(work, _owner, cancel);

    public async Task PolledAsync(int running, CancellationToken cancel) =>
        meter.TrainingQueueLength = (int)Math.Max(0, await jobs.CountAsync(cancel) - running);

    public void PollFailed(Exception failure) => Log.LookFailed(log, failure, _lookEvery.TotalSeconds);

    public async Task<WorkEnd> HandleAsync(string work, CancellationToken cancel)
    {
        var arn = work;
        try
        {
            _postponed.TryRemove(arn, out _);
            if (await versions.FindAsync(arn, cancel) is { } version)
            {
                await TrainAsync(version, FolderOf(version), cancel);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The server stops; the job goes on after its next start.
        }
        catch (TransientFailureException failure)
        {
            // Not the job's doing, and it may pass: what is there of the job stays, and a later look tries again.
            _postponed[arn] = true;
            Log.JobPostponed(log, failure.InnerException, arn, _lookEvery.TotalSeconds);
            await ReportAsync(arn, ProjectVersionStates.Message(ProjectVersionStatus.TRAINING_IN_PROGRESS) + Waiting, cancel);
        }
        catch (Exception failure)
        {
            Log.JobFailed(log, failure, arn);
            await TryAsync(() => CrashedAsync(arn, failure.Message, cancel), arn);
        }
        finally
        {
            // Not given back, the lease runs out, and the job is taken again then.
            await TryAsync(() => jobs.GiveBackAsync(arn, _owner, CancellationToken.None), arn);
        }

        // Woken for a job that is postponed, the loop would try it again without a pause.
        return _postponed.ContainsKey(arn) ? WorkEnd.NextPoll : WorkEnd.PollAgain;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await TryAsync(() => jobs.ReleaseAsync(_owner, stoppingToken), _owner);
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
            // Whatever it is, it is one job's: the worker goes on with the others.
            Log.ReportLost(log, failure, arn);
        }
    }

    private async Task TrainAsync(VersionRow version, JobFolder folder, CancellationToken cancel)
    {
        var job = folder.Read();
        var note = TrainingPublisher.Note(version);
        if (folder.ReadOutcome() is not { } outcome)
        {
            Log.JobStarted(log, version.Arn);
            var rights = await versions.RightsAsync(version.Arn, cancel);
            if (!await NowAsync(() => OutputLocation.IsWritableAsync(objects, version, rights, cancel)))
            {
                await publisher.FailAsync(version, folder, OutputLocation.NotWritable, cancel);
                return;
            }

            if (await NowAsync(() => images.RunAsync(folder, job, version.AccountId, rights, cancel)) is { } fileError)
            {
                await publisher.FailAsync(version, folder, fileError, cancel);
                return;
            }

            await using var reports = new Reports(this, version.Arn, note, cancel);
            var end = await TrainingProcess.RunAsync(folder, reports, () => serving.IsServing, cancel);
            cancel.ThrowIfCancellationRequested();
            if (end is { Outcome: null, Stopped: true })
            {
                // Told to stop by someone else, as when a service manager ends a whole group: no crash, and the next try goes on from the checkpoint.
                return;
            }

            if (end.Outcome is null)
            {
                // However often a full disk ends it: with room again it goes on from its checkpoint.
                if (!FileSystem.HasRoom(folder.Path))
                {
                    throw new TransientFailureException(new IOException(end.Reason));
                }

                await CrashedAsync(version.Arn, end.Reason, cancel);
                return;
            }

            outcome = end.Outcome;
        }

        await NowAsync(async () =>
        {
            await publisher.PublishAsync(version, folder, outcome, note, cancel);
            return true;
        });
    }

    /// <summary>Does a part of a job that reads or writes the store, the disk or the database, and not what is trained.</summary>
    /// <exception cref="TransientFailureException">They did not let it: the store is not reachable, say, or the disk is full.</exception>
    private static async Task<T> NowAsync<T>(Func<Task<T>> part)
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
        var crashes = await jobs.CrashedAsync(arn, cancel);
        Log.ProcessDied(log, arn, crashes, reason);
        if (crashes >= options.Value.CrashesMax && await versions.FindAsync(arn, cancel) is { } version)
        {
            await publisher.FailAsync(
                version, FolderOf(version),
                $"The training ended {crashes} times without a result, the last time because: "
                    + $"{Readable.Truncate(reason.Replace(data.Path, "DIR", StringComparison.Ordinal))}",
                cancel);
        }
    }

    /// <summary>Writes progress to the database, not more often than needed, and renews the lease in between.</summary>
    private sealed class Reports : IProgress<JobProgress>, IAsyncDisposable
    {
        private readonly CancellationTokenSource _ended;
        private readonly Task _loop;
        private volatile JobProgress? _last;

        public Reports(TrainingWorker worker, string arn, string note, CancellationToken cancel)
        {
            _ended = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            _loop = LoopAsync(worker, arn, note, _ended.Token);
        }

        public void Report(JobProgress value) => _last = value;

        public async ValueTask DisposeAsync()
        {
            await _ended.CancelAsync();
            await _loop;
            _ended.Dispose();
        }

        private async Task LoopAsync(TrainingWorker worker, string arn, string note, CancellationToken cancel)
        {
            var basis = ProjectVersionStates.Message(ProjectVersionStatus.TRAINING_IN_PROGRESS) + note;
            using var timer = new PeriodicTimer(_reportEvery);
            JobProgress? written = null;
            var silent = 0;
            try
            {
                while (await timer.WaitForNextTickAsync(cancel))
                {
                    var last = _last;
                    // Without news the lease alone is renewed, well before it runs out.
                    if (!ReferenceEquals(last, written) || ++silent * _reportEvery > JobCatalog.LeaseTime / 3)
                    {
                        (written, silent) = (last, 0);
                        await worker.ReportAsync(arn, last is null ? basis : $"{basis} {last.Sentence}", cancel);
                    }
                }
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
            }
        }
    }

    private async Task ReportAsync(string arn, string message, CancellationToken cancel)
    {
        try
        {
            await jobs.ReportAsync(arn, _owner, message, cancel);
        }
        catch (Exception failure) when (failure is System.Data.Common.DbException or OperationCanceledException)
        {
            // A report that is lost is followed by another; the training must not end for it.
            Log.ReportLost(log, failure, arn);
        }
    }

    private sealed class TransientFailureException(Exception inner) : Exception(inner.Message, inner);

    private static partial class Log
    {
        [LoggerMessage(1301, LogLevel.Information, "Training {ProjectVersionArn}")]
        public static partial void JobStarted(ILogger log, string projectVersionArn);

        [LoggerMessage(1303, LogLevel.Warning, "The training process of {ProjectVersionArn} died ({Crashes} times so far): {Reason}")]
        public static partial void ProcessDied(ILogger log, string projectVersionArn, long crashes, string reason);

        [LoggerMessage(1304, LogLevel.Error, "The training job of {ProjectVersionArn} failed")]
        public static partial void JobFailed(ILogger log, Exception failure, string projectVersionArn);

        [LoggerMessage(1308, LogLevel.Warning, "The store or the disk does not let {ProjectVersionArn} go on; trying again within {RetrySeconds} s")]
        public static partial void JobPostponed(ILogger log, Exception? failure, string projectVersionArn, double retrySeconds);

        [LoggerMessage(1307, LogLevel.Error, "The database could not be asked for trainings; asking again within {RetrySeconds} s")]
        public static partial void LookFailed(ILogger log, Exception failure, double retrySeconds);

        [LoggerMessage(1309, LogLevel.Error, "A file of the training of {ProjectVersionArn} is damaged and made anew: {Reason}")]
        public static partial void FileDamaged(ILogger log, string projectVersionArn, string reason);

        [LoggerMessage(1306, LogLevel.Warning, "A progress report of {ProjectVersionArn} could not be written")]
        public static partial void ReportLost(ILogger log, Exception failure, string projectVersionArn);
    }
}
