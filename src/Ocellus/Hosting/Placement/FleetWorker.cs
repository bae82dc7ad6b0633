using Ocellus.Hosting.Serving;
using Ocellus.Projects;
using Ocellus.Work;

namespace Ocellus.Hosting.Placement;

/// <summary>
/// Brings this node's memory into line with its own rows of <c>placements</c>: what is assigned is loaded, what is draining or no longer to run is drained, and
/// nothing else is in memory. On the node that leads, it also plans the places of all. Versions are handled in parallel, one task each, so that a slow drain
/// delays no start. A wake-up may be lost, the work may not.
/// </summary>
internal sealed class FleetWorker(
    VersionCatalog versions, PlacementCatalog places, FleetLeader leader, NodeLease lease, NodeIdentity me, RouteTable routes, IPeers peers, LocalModels models,
    FreedMemory memory, TimeProvider clock, ILogger<FleetWorker> log)
    : BackgroundService, IKeyedWork<string>
{
    /// <summary>
    /// Time between polls of the database without a wake-up, and after a failure: long enough to cost nothing, short enough for a waiting user. Nodes that join
    /// or die wake nobody, so a cluster polls more often.
    /// </summary>
    private readonly TimeSpan _period = TimeSpan.FromSeconds(me.IsAlone ? 5 : 1);

    private readonly KeyedWorkLoop<string> _loop = new(clock, TimeSpan.FromSeconds(me.IsAlone ? 5 : 1));

    /// <summary>Loading keeps a core busy, so more at once would only slow each other down. Draining is not limited.</summary>
    private readonly SemaphoreSlim _loads = new(Environment.ProcessorCount);

    /// <summary>Wakes the workers of all nodes: something is due.</summary>
    public void Wake()
    {
        WakeHere();
        foreach (var silo in me.IsAlone ? [] : routes.Others)
        {
            peers.Wake(silo);
        }
    }

    /// <summary>Wakes this node's worker.</summary>
    public void WakeHere() => _loop.Wake();

    /// <summary>
    /// Before the first request is accepted, what was RUNNING and has no place becomes STARTING, so that no version is RUNNING that is not in memory. This node
    /// has just joined, with nothing in memory.
    /// </summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        var placed = (await places.AllAsync(cancellationToken)).Select(p => p.VersionArn).ToHashSet(StringComparer.Ordinal);
        foreach (var version in (await versions.InAsync([ProjectVersionStatus.RUNNING], cancellationToken)).Where(v => !placed.Contains(v.Arn)))
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
        if (!lease.Holds)
        {
            // Whether the models here are still this node's shows when the lease is renewed, or the node has joined again.
            return [];
        }

        var (hosted, placed) = await leader.PlanAsync(Wake, cancel);
        if (!me.IsAlone)
        {
            await routes.ReadNodesAsync(cancel);
        }

        var own = placed.Where(p => p.NodeId == me.Id).ToDictionary(p => p.VersionArn, StringComparer.Ordinal);
        return own.Values.Where(p => IsDue(p, hosted.GetValueOrDefault(p.VersionArn)?.Status)).Select(p => p.VersionArn)
            .Concat(models.Arns.Where(a => !own.ContainsKey(a)));
    }

    public string KeyOf(string work) => work;

    /// <summary>
    /// Takes one step of one version. Afterwards the version may already be due for the next; after a failure it waits for the timer. The rows are read again,
    /// because the list may be out of date.
    /// </summary>
    public async Task<WorkEnd> HandleAsync(string work, CancellationToken cancel)
    {
        var arn = work;
        try
        {
            // The place first: one that is added later belongs to a version that is to run.
            var place = await places.FindAsync(arn, me.Id, cancel);
            var version = await versions.FindAsync(arn, cancel);
            if (place is null || !IsToRun(version?.Status) || place.State == PlaceState.DRAINING)
            {
                await UnloadAsync(arn, place);
            }
            else if (place.State == PlaceState.ASSIGNED)
            {
                await LoadAsync(version!, place, cancel);
            }
            else if (place.IsLoaded)
            {
                await AdjustAsync(place, cancel);
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

    private static bool IsToRun(ProjectVersionStatus? status) => status is ProjectVersionStatus.STARTING or ProjectVersionStatus.RUNNING;

    private bool IsDue(Place place, ProjectVersionStatus? status) => place.State switch
    {
        // Removed by the leader, with the version's next state.
        PlaceState.FAILED => false,
        PlaceState.ASSIGNED or PlaceState.DRAINING => true,
        _ => !IsToRun(status) || models.Find(place.VersionArn) is not { } model || model.Limits != ((int)place.Units, (int)place.UnitsMax)
            || DemandOf(place, model) is not null,
    };

    /// <summary>What is to be told of a place's load; null if nothing has changed. A server that is alone has nobody to tell.</summary>
    private int? DemandOf(Place place, RunningModel model) => me.IsAlone || model.Demand == place.Demand ? null : model.Demand;

    private async Task LoadAsync(VersionRow version, Place place, CancellationToken cancel)
    {
        if (models.Find(version.Arn) is { IsEnding: true })
        {
            // Left from before this node was taken for dead: it is freed first.
            await models.UnloadAsync(version.Arn);
        }

        await _loads.WaitAsync(cancel);
        string? failure;
        var started = clock.GetTimestamp();
        try
        {
            failure = await models.LoadAsync(version.Arn, version.AccountId, version.Folder, (int)place.Units, (int)place.UnitsMax);
        }
        finally
        {
            _loads.Release();
        }

        // If the place has changed meanwhile, the next poll sees what is to become of the model.
        var reason = failure ?? models.Find(version.Arn)?.PrecisionReason ?? "";
        if (await places.TurnAsync(place, failure is null ? PlaceState.LOADED : PlaceState.FAILED, reason, CancellationToken.None))
        {
            if (failure is null)
            {
                Log.ModelStarted(log, version.Arn, clock.GetElapsedTime(started).TotalSeconds, (int)place.Units, (int)place.UnitsMax);
            }
            else
            {
                Log.ModelFailed(log, version.Arn, failure);
            }

            Wake();
        }

        memory.Return();
    }

    /// <summary>Gives a loaded model the units that it is to have, and tells its load.</summary>
    private async Task AdjustAsync(Place place, CancellationToken cancel)
    {
        if (models.Find(place.VersionArn) is not { } model)
        {
            await places.TurnAsync(place, PlaceState.ASSIGNED, "", cancel);
            return;
        }

        model.Resize((int)place.Units, (int)place.UnitsMax);
        if (DemandOf(place, model) is { } demand && await places.DemandAsync(place, demand, cancel))
        {
            Wake();
        }
    }

    private async Task UnloadAsync(string arn, Place? place)
    {
        var end = await models.UnloadAsync(arn);
        if (place is not null)
        {
            await places.RemoveAsync(place, CancellationToken.None);
            Wake();
        }

        if (end is not null)
        {
            Log.ModelStopped(log, arn, end.Drain.TotalSeconds, end.Aborted);
        }

        memory.Return();
    }

    private async Task UnloadAtEndAsync(string arn)
    {
        await models.UnloadAsync(arn);
        Log.ModelUnloaded(log, arn);
    }
}
