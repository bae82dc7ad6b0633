using Ocellus.Work;

namespace Ocellus.Datasets;

/// <summary>Runs the dataset jobs that are due. The database says which: a wake-up may be lost, the work may not.</summary>
internal sealed partial class DatasetWorker(DatasetCatalog datasets, DatasetJobs jobs, TimeProvider clock, ILogger<DatasetWorker> log) : BackgroundService
{
    /// <summary>Imports and copies at once: they take long, and the database has one writer anyway.</summary>
    private const int ImportsMax = 2;

    /// <summary>Updates, distributions and deletions at once. They have places of their own, so that none waits for an import.</summary>
    private const int ChangesMax = 2;

    /// <summary>Longest time until a due job is seen that no wake-up told of, or one that could not be ended is tried again.</summary>
    private static readonly TimeSpan _retryAfter = TimeSpan.FromSeconds(30);

    private readonly WakeSignal _wakes = new(clock);
    private readonly Dictionary<string, (DatasetJobKind Kind, Task<bool> Task)> _running = [];
    // Timestamps, which no clock that is set back moves.
    private readonly Dictionary<string, long> _failed = [];

    /// <summary>Tells the worker that something is due.</summary>
    public void Wake() => _wakes.Wake();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (!stoppingToken.IsCancellationRequested)
            {
                await StartDueAsync(stoppingToken);
                await _wakes.WaitAsync(_retryAfter, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // What is under way ends at its next step and is taken up again at the next start.
        }
        finally
        {
            await Task.WhenAll(_running.Values.Select(r => r.Task));
        }
    }

    private async Task StartDueAsync(CancellationToken cancel)
    {
        foreach (var (arn, (_, task)) in _running.Where(r => r.Value.Task.IsCompleted).ToList())
        {
            _running.Remove(arn);
            _failed.Remove(arn);
            if (!await task)
            {
                _failed[arn] = clock.GetTimestamp();
            }
        }

        IReadOnlyList<DatasetJob> due;
        try
        {
            due = await datasets.DueAsync(cancel);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            NotLooked(log, failure);
            return;
        }

        // A copy has what its source had when it was asked for: until it has ended, no later job changes the source.
        var copied = due.Where(j => j.Kind == DatasetJobKind.Create).Select(j => j.Dataset.Source).OfType<EntrySource.Dataset>().Select(s => s.Arn).ToHashSet(StringComparer.Ordinal);
        foreach (var job in due)
        {
            var arn = job.Dataset.Arn;
            var isImport = job.Kind == DatasetJobKind.Create;
            if (_running.ContainsKey(arn)
                || (_failed.TryGetValue(arn, out var time) && clock.GetElapsedTime(time) < _retryAfter)
                || copied.Contains(arn) || (job.Partner is { } partner && copied.Contains(partner.Arn))
                || _running.Values.Count(r => r.Kind == DatasetJobKind.Create == isImport) >= (isImport ? ImportsMax : ChangesMax))
            {
                continue;
            }

            // On a thread of its own from the first step on: the database's calls do not yield.
            _running[arn] = (job.Kind, Task.Run(() => RunAsync(job, cancel), CancellationToken.None));
        }
    }

    /// <returns>False when the job could not be ended and has to be tried again later. Never throws.</returns>
    private async Task<bool> RunAsync(DatasetJob job, CancellationToken cancel)
    {
        try
        {
            await jobs.RunAsync(job, cancel);
            return true;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return false;
        }
        catch (Exception failure)
        {
            JobFailed(log, failure, job.Kind, job.Dataset.Arn);
            return await EndFailedAsync(job, cancel);
        }
        finally
        {
            Wake();
        }
    }

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
