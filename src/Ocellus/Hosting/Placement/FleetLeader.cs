using Ocellus.Projects;

namespace Ocellus.Hosting.Placement;

/// <summary>
/// Carries out <see cref="PlacementPlan"/> on the node that leads: of those whose lease holds, the one that joined first. When it dies, its lease runs out and
/// the next one leads. For a moment two may believe that they lead: each change names the row that it has seen, so only one of them makes it.
/// </summary>
internal sealed class FleetLeader(
    VersionCatalog versions, PlacementCatalog places, NodeCatalog nodes, NodeLease lease, NodeIdentity me,
    Microsoft.Extensions.Options.IOptions<ClusterOptions> options, ILogger<FleetLeader> log)
{
    /// <summary>Plans in a row. Each takes the next step of every version, and few need more than three.</summary>
    private const int PlansMax = 8;

    private static readonly ProjectVersionStatus[] _hosted = [ProjectVersionStatus.STARTING, ProjectVersionStatus.RUNNING, ProjectVersionStatus.STOPPING];

    /// <summary>Plans, if this node leads.</summary>
    /// <param name="changed">Called when something was changed, for the nodes that it concerns.</param>
    /// <param name="cancel">Ends the plan between two changes.</param>
    /// <returns>The versions that are hosted, by ARN, and all places.</returns>
    public async Task<(IReadOnlyDictionary<string, VersionRow> Versions, IReadOnlyList<Place> Places)> PlanAsync(Action changed, CancellationToken cancel)
    {
        for (var plan = 1; ; plan++)
        {
            var list = await nodes.AllAsync(cancel);
            var leads = list.Leader == me.Id;
            if (leads && await BuryAsync(list, cancel))
            {
                changed();
                list = await nodes.AllAsync(cancel);
            }

            // The versions first: a place that is read belongs to a version as it was then, or later.
            var hosted = (await versions.InAsync(_hosted, cancel)).ToDictionary(v => v.Arn, StringComparer.Ordinal);
            var placed = await places.AllAsync(cancel);
            if (!leads || plan > PlansMax)
            {
                return (hosted, placed);
            }

            var changes = PlacementPlan.For(
                [.. hosted.Values.Select(v => new PlanVersion(v.Arn, v.Status, (int)(v.MinUnits ?? 1), (int)(v.MaxUnits ?? v.MinUnits ?? 1)))],
                [
                    .. list.Nodes.Select(
                        n => new PlanNode(n.Id, (int)n.Cores, n.MemoryBytes, n.LeaseUntilMs >= list.NowMs, n.Draining != 0)),
                ],
                placed);
            var made = false;
            foreach (var change in changes)
            {
                made |= await MakeAsync(change, cancel);
            }

            if (!made)
            {
                return (hosted, placed);
            }

            changed();
        }
    }

    /// <summary>
    /// Removes nodes whose lease has run out. Only once this node has held its own for as long: when the database was away, all have run out, and whoever
    /// renews first must not take the others for dead.
    /// </summary>
    private async Task<bool> BuryAsync(NodeList list, CancellationToken cancel)
    {
        var buried = false;
        foreach (var node in lease.HeldFor >= options.Value.Lease ? list.Nodes.Where(n => n.LeaseUntilMs < list.NowMs) : [])
        {
            if (await nodes.RemoveAsync(node, cancel))
            {
                Log.NodeLost(log, node.Id, node.Name);
                buried = true;
            }
        }

        return buried;
    }

    private async Task<bool> MakeAsync(PlanChange change, CancellationToken cancel)
    {
        switch (change)
        {
            case PlanChange.Assign assign:
                if (!await places.AssignAsync(assign.Arn, assign.NodeId, assign.Units, assign.UnitsMax, cancel))
                {
                    return false;
                }

                if (!me.IsAlone)
                {
                    Log.Assigned(log, assign.Arn, assign.NodeId, assign.Units);
                }

                return true;
            case PlanChange.Resize resize:
                return await places.ResizeAsync(resize.Place, resize.Units, resize.UnitsMax, cancel);
            case PlanChange.Turn turn:
                return await places.TurnAsync(turn.Place, turn.To, "", cancel);
            case PlanChange.Drop drop:
                return await places.RemoveAsync(drop.Place, cancel);
            case PlanChange.Move move:
                return await versions.TryMoveAsync(move.Arn, move.Event, move.Message, CancellationToken.None) is not null;
            default:
                throw new ArgumentOutOfRangeException(nameof(change), change, "A plan has no such change.");
        }
    }
}
