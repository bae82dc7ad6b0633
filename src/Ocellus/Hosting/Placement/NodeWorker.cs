using System.Data.Common;
using Microsoft.Extensions.Options;
using Ocellus.Hosting.Serving;
using Ocellus.Storage;

namespace Ocellus.Hosting.Placement;

/// <summary>
/// This node's row of <c>nodes</c>: joins before the first request, renews the lease, joins again when the others have taken the node for dead, and leaves. A
/// server that is alone writes its row once.
/// </summary>
internal sealed class NodeWorker(
    NodeCatalog nodes, PlacementCatalog places, NodeLease lease, NodeIdentity me, NodeAddress address, FleetWorker fleet, LocalModels models,
    IOptions<ClusterOptions> options, TimeProvider clock, ILogger<NodeWorker> log)
    : BackgroundService, IHostedLifecycleService
{
    /// <summary>Time between looks whether the others have taken over.</summary>
    private static readonly TimeSpan _look = TimeSpan.FromMilliseconds(100);

    private readonly SemaphoreSlim _turn = new(1);
    private NodeRow _row = new();
    private bool _draining;

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await JoinAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken)
    {
        if (!me.IsAlone)
        {
            Log.Joined(log, options.Value.Name, me.Id, _row.Silo);
            fleet.Wake();
        }

        return Task.CompletedTask;
    }

    /// <summary>Hands over, while the server still takes requests: nobody is to notice that it goes. Readiness is off already.</summary>
    public async Task StoppingAsync(CancellationToken cancellationToken)
    {
        if (me.IsAlone)
        {
            return;
        }

        var began = clock.GetTimestamp();
        try
        {
            _draining = true;
            await RenewAsync(cancellationToken);
            fleet.Wake();
            while (clock.GetElapsedTime(began) < options.Value.LeaveDelay
                || (clock.GetElapsedTime(began) < options.Value.HandOverTimeout && await HasSuccessorsAsync(cancellationToken)))
            {
                await Task.Delay(_look, clock, cancellationToken);
            }
        }
        catch (Exception failure) when (failure is DbException or IOException or OperationCanceledException or TimeoutException)
        {
            // Without the database nothing can be handed over; the lease runs out.
            Log.HandOverFailed(log, failure);
        }
    }

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>After the models have been unloaded.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        if (!me.IsAlone)
        {
            lease.Lost();
            try
            {
                await nodes.RemoveAsync(_row, cancellationToken);
                fleet.Wake();
            }
            catch (Exception failure) when (failure is DbException or IOException or OperationCanceledException or TimeoutException)
            {
                Log.HandOverFailed(log, failure);
            }
        }
    }

    public override void Dispose()
    {
        _turn.Dispose();
        base.Dispose();
    }

    /// <summary>Renews the lease once; joins again if the node was removed.</summary>
    internal async Task RenewAsync(CancellationToken cancel)
    {
        await _turn.WaitAsync(cancel);
        try
        {
            var sent = clock.GetTimestamp();
            var row = _row with { MemoryBytes = FreeMemory(), Draining = _draining ? 1 : 0 };
            if (await nodes.RenewAsync(row, options.Value.Lease, cancel) is { } renewed)
            {
                _row = renewed;
                lease.Renewed(sent, options.Value.CountedLease);
                return;
            }

            // The models are others' by now. They take no more requests before this node counts as one again.
            lease.Lost();
            Log.TakenForDead(log, me.Id);
            foreach (var arn in models.Arns)
            {
                _ = models.UnloadAsync(arn);
            }

            await JoinAsync(cancel);
            fleet.Wake();
        }
        finally
        {
            _turn.Release();
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (me.IsAlone)
        {
            return;
        }

        using var timer = new PeriodicTimer(options.Value.RenewEvery, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await RenewAsync(stoppingToken);
            }
            catch (Exception failure) when (failure is DbException or IOException or TimeoutException or InvalidOperationException)
            {
                Log.NotRenewed(log, failure, lease.Holds);
            }
        }
    }

    private async Task JoinAsync(CancellationToken cancel)
    {
        var sent = clock.GetTimestamp();
        _row = await nodes.JoinAsync(
            new()
            {
                Id = me.Id,
                Name = Environment.MachineName,
                Cluster = options.Value.Name,
                Silo = address.Silo,
                Program = SchemaJournal.ProgramVersion,
                Cores = ServingThreads.Count,
                MemoryBytes = FreeMemory(),
                Draining = _draining ? 1 : 0,
            },
            me.IsAlone ? null : options.Value.Lease,
            cancel);
        lease.Renewed(sent, options.Value.CountedLease);
    }

    /// <summary>Whether this node still has places, and there are nodes that can take them.</summary>
    private async Task<bool> HasSuccessorsAsync(CancellationToken cancel)
    {
        var list = await nodes.AllAsync(cancel);
        return list.Nodes.Any(n => n.Id != me.Id && n.Draining == 0 && n.LeaseUntilMs >= list.NowMs)
            && (await places.AllAsync(cancel)).Any(p => p.NodeId == me.Id);
    }

    /// <summary>Within the limit of a container, if it has one.</summary>
    private static long FreeMemory() => Math.Max(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes - Environment.WorkingSet, 0);
}

/// <summary>The address at which other nodes reach this one, with the number of its start; empty if there are none.</summary>
internal sealed record NodeAddress(string Silo);
