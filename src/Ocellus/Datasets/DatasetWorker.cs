using System.Data.Common;
using Ocellus.Work;

namespace Ocellus.Datasets;

/// <summary>Runs the dataset jobs that are due. The database says which: a wake-up may be lost, the work may not.</summary>
internal sealed partial class DatasetWorker(
    DatasetCatalog datasets, DatasetJobs jobs, WorkLeases leases, TimeProvider clock, ILogger<DatasetWorker> log)
    : BackgroundService, IKeyedWork<DatasetJob>
{
    /// <summary>Concurrent imports and copies: they take long, and the database has one writer anyway.</summary>
    private const int ImportsMax = 2;

    /// <summary>Concurrent updates, distributions and deletions. They have their own slots, so that none waits for an import.</summary>
    private const int ChangesMax = 2;

    /// <summary>Longest time until a due job is found without a wake-up, or one that could not be ended is tried again.</summary>
    private static readonly TimeSpan _retryAfter = TimeSpan.FromSeconds(30);

    private readonly KeyedWorkLoop<DatasetJob> _loop = new(clock, _retryAfter) { HoldBackFor = _retryAfter };

    /// <summary>Wakes the worker: something is due.</summary>
    public void Wake() => _loop.Wake();

    public async Task<IEnumerable<DatasetJob>> DueAsync(CancellationToken cancel)
    {
        var due = await datasets.DueAsync(cancel);
        // A copy has what its source had at the request: until it has ended, no later job changes the source.
        var copied = due.Where(j => j.Kind == DatasetJobKind.Create).Select(j => j.Dataset.Source).OfType<EntrySource.Dataset>()
            .Select(s => s.Arn).ToHashSet(StringComparer.Ordinal);
        return due.Where(j => !copied.Contains(j.Dataset.Arn) && (j.Partner is null || !copied.Contains(j.Partner.Arn)));
    }

    public string KeyOf(DatasetJob work) => work.Dataset.Arn;

    public bool CanStart(DatasetJob work, IReadOnlyList<DatasetJob> running)
    {
        var isImport = work.Kind == DatasetJobKind.Create;
        return running.Count(r => r.Kind == DatasetJobKind.Create == isImport) < (isImport ? ImportsMax : ChangesMax);
    }

    /// <summary>A job that could not even be ended as failed is held back; those that wait for its slot go on.</summary>
    public async Task<WorkEnd> HandleAsync(DatasetJob work, CancellationToken cancel)
    {
        try
        {
            await using var lease = await leases.TryTakeAsync($"dataset {work.Dataset.Id}", cancel);
            return lease is null ? WorkEnd.NextPoll
                : !leases.AreNeeded ? await RunAsync(work, cancel)
                // Another server may have ended it since it was found.
                : (await datasets.DueAsync(cancel)).FirstOrDefault(j => j.Kind == work.Kind && j.Dataset.Id == work.Dataset.Id) is { } due
                    ? await RunAsync(due, lease, cancel)
                    : WorkEnd.PollAgain;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // It resumes at the next start.
            return WorkEnd.HoldBack;
        }
        catch (DbException failure)
        {
            NotLooked(log, failure);
            return WorkEnd.HoldBack;
        }
    }

    private async Task<WorkEnd> RunAsync(DatasetJob work, IWorkLease lease, CancellationToken cancel)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, lease.Lost);
        work.Dataset.Lease = lease;
        try
        {
            return await RunAsync(work, either.Token);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return WorkEnd.NextPoll;
        }
    }

    private async Task<WorkEnd> RunAsync(DatasetJob work, CancellationToken cancel)
    {
        try
        {
            await jobs.RunAsync(work, cancel);
            return WorkEnd.PollAgain;
        }
        catch (LeaseLostException)
        {
            return WorkEnd.NextPoll;
        }
        catch (DbException failure) when (failure.IsTransient)
        {
            // Not the job's fault: it begins again when the database is back.
            NotLooked(log, failure);
            return WorkEnd.HoldBack;
        }
        catch (Exception failure) when (failure is not OperationCanceledException || !cancel.IsCancellationRequested)
        {
            JobFailed(log, failure, work.Kind, work.Dataset.Arn);
            return await EndFailedAsync(work, cancel) ? WorkEnd.PollAgain : WorkEnd.HoldBack;
        }
    }

    public void PollFailed(Exception failure) => NotLooked(log, failure);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => _loop.RunAsync(this, stoppingToken);

    private async Task<bool> EndFailedAsync(DatasetJob job, CancellationToken cancel)
    {
        // A deletion has no failed state.
        if (job.Kind == DatasetJobKind.Delete)
        {
            return false;
        }

        try
        {
            await jobs.FailAsync(job, "The service experienced an internal error.", "SERVICE_ERROR", cancel);
            return true;
        }
        catch (Exception failure)
        {
            JobFailed(log, failure, job.Kind, job.Dataset.Arn);
            return false;
        }
    }

    [LoggerMessage(1102, LogLevel.Error, "{Kind} of {DatasetArn} failed")]
    private static partial void JobFailed(ILogger log, Exception failure, DatasetJobKind kind, string datasetArn);

    [LoggerMessage(1104, LogLevel.Error, "Due dataset jobs could not be read; trying again")]
    private static partial void NotLooked(ILogger log, Exception failure);
}
