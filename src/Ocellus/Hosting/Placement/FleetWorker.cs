using Ocellus.Hosting.Serving;
using Ocellus.Projects;
using Ocellus.Work;

namespace Ocellus.Hosting.Placement;

/// <summary>
/// Brings memory into line with the database: STARTING is loaded, STOPPING is drained, RUNNING is in memory and nothing else is.
/// Versions are handled in parallel, one task each, so that a slow drain delays no start. A wake-up may be lost, the work may not.
/// </summary>
internal sealed class FleetWorker(
    VersionCatalog versions, ClusterModels cluster, LocalModels models, FreedMemory memory, TimeProvider clock, ILogger<FleetWorker> log)
    : BackgroundService, IKeyedWork<string>
{
    /// <summary>
    /// Time between polls of the database without a wake-up, and after a failure: long enough to cost nothing, short enough for a waiting user.
    /// </summary>
    private static readonly TimeSpan _period = TimeSpan.FromSeconds(5);

    private static readonly ProjectVersionStatus[] _hosted = [ProjectVersionStatus.STARTING, ProjectVersionStatus.RUNNING, ProjectVersionStatus.STOPPING];

    private readonly KeyedWorkLoop<string> _loop = new(clock, _period);

    /// <summary>Loading keeps a core busy, so more at once would only slow each other down. Draining is not limited.</summary>
    private readonly SemaphoreSlim _loads = new(Environment.ProcessorCount);

    /// <summary>Wakes the worker: something is due.</summary>
    public void Wake() => _loop.Wake();

    /// <summary>Before the first request is accepted, what was RUNNING becomes STARTING, so that no version is RUNNING that is not in memory.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var version in await versions.InAsync([ProjectVersionStatus.RUNNING], cancellationToken))
        {
            await versions.TryMoveAsync(version.Arn, VersionEvent.ServerRestarted, null, cancellationToken);
        }

        await base.StartAsync(cancellationToken);
    }

    public override void Dispose()
    {
        _loads.Dispose();
        base.Dispose();
    }

    public async Task<IEnumerable<string>> DueAsync(CancellationToken cancel)
    {
        var due = (await versions.InAsync(_hosted, cancel)).ToDictionary(v => v.Arn, v => v.Status, StringComparer.Ordinal);
        var loaded = models.Arns;
        var wrong = due.Where(v => v.Value != ProjectVersionStatus.RUNNING || !loaded.Contains(v.Key)).Select(v => v.Key);
        return wrong.Concat(loaded.Where(a => !due.ContainsKey(a)));
    }

    public string KeyOf(string work) => work;

    /// <summary>
    /// Takes one step of one version. Afterwards the version may already be due for the next; after a failure it waits for the timer. The state is read
    /// again, because the list may be out of date.
    /// </summary>
    public async Task<WorkEnd> HandleAsync(string work, CancellationToken cancel)
    {
        var arn = work;
        try
        {
            var version = await versions.FindAsync(arn, cancel);
            switch (version?.Status)
            {
                case ProjectVersionStatus.STARTING:
                    await LoadAsync(version, cancel);
                    break;
                case ProjectVersionStatus.RUNNING when models.Find(arn) is null:
                    if (await versions.TryMoveAsync(arn, VersionEvent.ServerRestarted, null, cancel) is { } starting)
                    {
                        await LoadAsync(starting, cancel);
                    }

                    break;
                case ProjectVersionStatus.RUNNING:
                    break;
                case ProjectVersionStatus.STOPPING:
                    await UnloadAsync(arn);
                    break;
                default:
                    // Deleted, or failed: nothing of it may be left.
                    await cluster.UnloadAsync(arn);
                    memory.Return();
                    break;
            }

            return WorkEnd.PollAgain;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The server stops; what is left is done after its next start.
            return WorkEnd.NextPoll;
        }
        catch (Exception failure)
        {
            Log.ConvergeFailed(log, failure, arn, _period.TotalSeconds);
            return WorkEnd.NextPoll;
        }
    }

    public void PollFailed(Exception failure) => Log.CatalogFailed(log, failure, _period.TotalSeconds);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await _loop.RunAsync(this, stoppingToken);
        }
        finally
        {
            // RUNNING stays RUNNING in the database, so that it comes back with the server.
            await Task.WhenAll(models.Arns.Select(UnloadAtEndAsync));
        }
    }

    private async Task LoadAsync(VersionRow version, CancellationToken cancel)
    {
        await _loads.WaitAsync(cancel);
        LoadAnswer loaded;
        var started = clock.GetTimestamp();
        try
        {
            loaded = await cluster.LoadAsync(version);
        }
        finally
        {
            _loads.Release();
        }

        if (loaded.Failure is not { } failure)
        {
            var message = loaded.Remark is { } remark ? $"{ProjectVersionStates.Message(ProjectVersionStatus.RUNNING)} {remark}" : null;
            await versions.TryMoveAsync(version.Arn, VersionEvent.Loaded, message, CancellationToken.None);
            var min = (int)(version.MinUnits ?? 1);
            Log.ModelStarted(log, version.Arn, clock.GetElapsedTime(started).TotalSeconds, min, (int)(version.MaxUnits ?? min));
        }
        else
        {
            await versions.TryMoveAsync(version.Arn, VersionEvent.HostingFailed, failure, CancellationToken.None);
            Log.ModelFailed(log, version.Arn, failure);
        }

        memory.Return();
    }

    private async Task UnloadAsync(string arn)
    {
        var end = await cluster.UnloadAsync(arn);
        await versions.TryMoveAsync(arn, VersionEvent.Drained, null, CancellationToken.None);
        Log.ModelStopped(log, arn, end?.Drain.TotalSeconds ?? 0, end?.Aborted ?? 0);
        memory.Return();
    }

    private async Task UnloadAtEndAsync(string arn)
    {
        await models.UnloadAsync(arn);
        Log.ModelUnloaded(log, arn);
    }
}
