using System.Collections.Concurrent;
using Ocellus.Storage;

namespace Ocellus.Hosting.Placement;

/// <summary>A node that has a version loaded.</summary>
internal sealed record Route(string NodeId, string Silo, string Arn, int Units);

/// <summary>
/// Which other nodes have which versions loaded: read from the database after each commit, and kept until the next. Whose lease holds is read by each poll of
/// <see cref="FleetWorker"/>: renewals change nothing that others cache, so they do not count as commits.
/// </summary>
internal sealed class RouteTable(DataDirectory data, NodeCatalog nodes, PlacementCatalog places, NodeIdentity me, TimeProvider clock)
{
    private readonly CommitMemo<Table> _memo = new(data.Commits);

    /// <summary>Requests that this node has sent to another for a version, and that are not answered yet.</summary>
    private readonly ConcurrentDictionary<(string NodeId, string Arn), int> _sent = new();

    private volatile Dictionary<string, OtherNode> _others = new(StringComparer.Ordinal);

    /// <summary>Addresses of all other nodes, as last read.</summary>
    public IEnumerable<string> Others => _others.Values.Select(n => n.Silo).Where(s => s.Length > 0);

    /// <summary>The other nodes that have a version loaded.</summary>
    public async Task<IReadOnlyList<Route>> OfAsync(string arn, CancellationToken cancel)
    {
        var table = (await _memo.GetAsync(this, static (t, _, token) => t.QueryAsync(token), cancel))!;
        var others = _others;
        return table.Places.TryGetValue(arn, out var loaded)
            ? [.. loaded.Where(p => IsAlive(others, p.NodeId)).Select(p => new Route(p.NodeId, others[p.NodeId].Silo, arn, (int)p.Units))]
            : [];
    }

    /// <summary>The one of them that is least loaded, as far as this node knows; null if there is none.</summary>
    /// <param name="arn">The version.</param>
    /// <param name="tried">Nodes that are left out.</param>
    /// <param name="cancel">Ends the wait.</param>
    public async Task<Route?> ChooseAsync(string arn, IReadOnlySet<string> tried, CancellationToken cancel)
    {
        Route? best = null;
        var (least, ties) = (double.MaxValue, 0);
        foreach (var route in await OfAsync(arn, cancel))
        {
            if (tried.Contains(route.NodeId))
            {
                continue;
            }

            var load = (_sent.GetValueOrDefault((route.NodeId, arn)) + 1) / (double)Math.Max(route.Units, 1);
            ties = load < least ? 1 : load > least ? ties : ties + 1;
            if (load < least || (load == least && Random.Shared.Next(ties) == 0))
            {
                (best, least) = (route, load);
            }
        }

        return best;
    }

    /// <summary>Whether a node's lease held when it was last read, and has not run out since.</summary>
    public bool IsAlive(string nodeId) => IsAlive(_others, nodeId);

    /// <summary>Reads which nodes there are, and how long their leases hold.</summary>
    public async Task ReadNodesAsync(CancellationToken cancel)
    {
        var read = clock.GetTimestamp();
        var list = await nodes.AllAsync(cancel);
        // Later by the time that reading took, which does no harm: a node itself counts from before it wrote.
        _others = list.Nodes.Where(n => n.Id != me.Id).ToDictionary(
            n => n.Id, n => new OtherNode(n.Silo, read + (long)((n.LeaseUntilMs - list.NowMs) / 1000.0 * clock.TimestampFrequency)), StringComparer.Ordinal);
    }

    /// <summary>Counts a request that is sent, or (-1) one that has ended.</summary>
    public void Count(Route route, int more)
    {
        var key = (route.NodeId, route.Arn);
        if (_sent.AddOrUpdate(key, more, (_, before) => before + more) == 0)
        {
            // Nodes and versions come and go; a count of none is none.
            _sent.TryRemove(KeyValuePair.Create(key, 0));
        }
    }

    private bool IsAlive(Dictionary<string, OtherNode> others, string nodeId) =>
        others.TryGetValue(nodeId, out var node) && node.Silo.Length > 0 && clock.GetTimestamp() < node.AliveUntil;

    private async Task<Table?> QueryAsync(CancellationToken cancel)
    {
        // The places first: a node that has one had joined before.
        var all = await places.AllAsync(cancel);
        await ReadNodesAsync(cancel);
        return new(
            all.Where(p => p.IsLoaded && p.NodeId != me.Id).GroupBy(p => p.VersionArn).ToDictionary(g => g.Key, g => g.ToArray(), StringComparer.Ordinal));
    }

    private sealed record Table(Dictionary<string, Place[]> Places);

    private sealed record OtherNode(string Silo, long AliveUntil);
}
