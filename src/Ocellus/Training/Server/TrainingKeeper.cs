using Ocellus.Storage;
using Ocellus.Training.Job;

namespace Ocellus.Training.Server;

/// <summary>
/// While a training runs on one of several servers: renews its lease, and keeps its checkpoints where another server finds them. If the lease cannot be
/// renewed, the training is stopped while the lease is still valid, so that nobody else has begun it by then.
/// </summary>
internal sealed partial class TrainingKeeper : IAsyncDisposable
{
    private static readonly TimeSpan _renewEvery = TimeSpan.FromSeconds(5);

    /// <summary>Leaves a third of the lease to save and end, which takes 15 s at most.</summary>
    private static readonly TimeSpan _lostAfter = JobCatalog.LeaseTime * 2 / 3;

    private static readonly TimeSpan _lookEvery = TimeSpan.FromSeconds(2);

    private readonly JobCatalog _jobs;
    private readonly IFolderStore _store;
    private readonly string _arn;
    private readonly string _owner;
    private readonly JobFolder _folder;
    private readonly TimeProvider _clock;
    private readonly Action _stop;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _ends = new();
    private readonly Task _loops;
    private DateTime _kept;

    /// <param name="jobs">The leases.</param>
    /// <param name="store">Where checkpoints are kept.</param>
    /// <param name="arn">The version, whose lease was just taken.</param>
    /// <param name="owner">Who took it.</param>
    /// <param name="folder">The job's folder.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="stop">Stops the training.</param>
    /// <param name="log">The log.</param>
    public TrainingKeeper(
        JobCatalog jobs, IFolderStore store, string arn, string owner, JobFolder folder, TimeProvider clock, Action stop, ILogger log)
    {
        (_jobs, _store, _arn, _owner, _folder, _clock, _stop, _log) = (jobs, store, arn, owner, folder, clock, stop, log);
        _kept = NewestCheckpoint();
        _loops = Task.WhenAll(RenewAsync(_ends.Token), store.IsShared ? KeepAsync(_ends.Token) : Task.CompletedTask);
    }

    /// <summary>Another server has the lease, or may have it soon.</summary>
    public bool IsLost { get; private set; }

    /// <summary>Keeps the last checkpoint, which a training that is stopped has just written, and ends.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_store.IsShared && !IsLost)
        {
            await TryKeepAsync();
        }

        await _ends.CancelAsync();
        await _loops;
        _ends.Dispose();
    }

    private async Task RenewAsync(CancellationToken cancel)
    {
        var renewed = _clock.GetTimestamp();
        using var timer = new PeriodicTimer(_renewEvery, _clock);
        try
        {
            while (await timer.WaitForNextTickAsync(cancel))
            {
                var asked = _clock.GetTimestamp();
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
                limit.CancelAfter(_renewEvery);
                try
                {
                    if (!await _jobs.RenewAsync(_arn, _owner, limit.Token))
                    {
                        Lose();
                        return;
                    }

                    renewed = asked;
                }
                catch (Exception failure) when (failure is System.Data.Common.DbException
                    || (failure is OperationCanceledException && !cancel.IsCancellationRequested))
                {
                    NotRenewed(_log, _arn, failure.Message);
                    if (_clock.GetElapsedTime(renewed) > _lostAfter)
                    {
                        Lose();
                        return;
                    }
                }
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
        }
    }

    private void Lose()
    {
        IsLost = true;
        LeaseLost(_log, _arn);
        _stop();
    }

    private async Task KeepAsync(CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(_lookEvery, _clock);
        try
        {
            while (await timer.WaitForNextTickAsync(cancel))
            {
                await TryKeepAsync();
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
        }
    }

    private async Task TryKeepAsync()
    {
        var newest = NewestCheckpoint();
        if (newest <= _kept || IsLost)
        {
            return;
        }

        try
        {
            _folder.Kept = await _store.PutAsync(_folder.KeptName, _folder.Path, JobFolder.IsInput, CancellationToken.None);
            _kept = newest;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The training goes on; the next checkpoint may be kept.
            NotKept(_log, _arn, failure.Message);
        }
    }

    private DateTime NewestCheckpoint()
    {
        try
        {
            return Directory.Exists(_folder.Checkpoint)
                ? new DirectoryInfo(_folder.Checkpoint).EnumerateFiles().Where(f => f.Extension != ".tmp").Select(f => f.LastWriteTimeUtc)
                    .DefaultIfEmpty().Max()
                : default;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return default;
        }
    }

    [LoggerMessage(1318, LogLevel.Warning, "The lease of the training of {ProjectVersionArn} could not be renewed: {Reason}")]
    private static partial void NotRenewed(ILogger log, string projectVersionArn, string reason);

    [LoggerMessage(
        1319, LogLevel.Warning, "The training of {ProjectVersionArn} is stopped here: its lease could not be renewed, and another server goes on with it")]
    private static partial void LeaseLost(ILogger log, string projectVersionArn);

    [LoggerMessage(1320, LogLevel.Warning, "A checkpoint of {ProjectVersionArn} is on this machine only: {Reason}")]
    private static partial void NotKept(ILogger log, string projectVersionArn, string reason);
}
