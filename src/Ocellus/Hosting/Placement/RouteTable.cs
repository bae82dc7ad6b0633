using System.Collections.Concurrent;
using Ocellus.Storage;

namespace Ocellus.Hosting.Placement;

/// <summary>A node that has a version loaded.</summary>
internal sealed record Route(string NodeId, string Silo, string Arn, int Units);

/// <summary>Which other nodes have which versions loaded. Read from the database after each commit, and kept until the next.</summary>
internal sealed class RouteTable(DataDirectory data, NodeCatalog nodes, PlacementCatalog places, NodeIdentity me, TimeProvider clock)
{
    private readonly CommitMemo<Table> _memo = new(data.Commits);

    /// <summary>Requests that this node has sent to another for a version, and that are not answered yet.</summary>
    private readonly ConcurrentDictionary<(string NodeId, string Arn), int> _sent = new();

    /// <summary>The other nodes that have a version loaded.</summary>
    public async Task<IReadOnlyList<Route>> OfAsync(string arn, CancellationToken cancel)
    {
        var table = await ReadAsync(cancel);
        return table.Routes.TryGetValue(arn, out var routes) ? [.. routes.Where(r => table.IsAlive(r.NodeId, clock))] : [];
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

    /// <summary>Whether a node's lease holds.</summary>
    public async Task<bool> IsAliveAsync(string nodeId, CancellationToken cancel) => (await ReadAsync(cancel)).IsAlive(nodeId, clock);

    /// <summary>Addresses of all other nodes, as last read.</summary>
    public IReadOnlyList<string> Others => _memo.Last?.Others ?? [];

    /// <summary>Reads the table, if anything was committed since.</summary>
    public async Task<IReadOnlyList<string>> OthersAsync(CancellationToken cancel) => (await ReadAsync(cancel)).Others;

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

    private async ValueTask<Table> ReadAsync(CancellationToken cancel) =>
        (await _memo.GetAsync(this, static (table, _, token) => table.QueryAsync(token), cancel))!;

    private async Task<Table?> QueryAsync(CancellationToken cancel)
    {
        var read = clock.GetTimestamp();
        var list = await nodes.AllAsync(cancel);
        var silos = list.Nodes.Where(n => n.Id != me.Id).ToDictionary(n => n.Id, n => n.Silo, StringComparer.Ordinal);
        var routes = (await places.AllAsync(cancel)).Where(p => p.IsLoaded && silos.ContainsKey(p.NodeId))
            .GroupBy(p => p.VersionArn, p => new Route(p.NodeId, silos[p.NodeId], p.VersionArn, (int)p.Units))
            .ToDictionary(g => g.Key, g => g.ToArray(), StringComparer.Ordinal);
        // Later by the time that reading took, which does no harm: the node itself counts from before it wrote.
        var until = list.Nodes.ToDictionary(
            n => n.Id, n => read + (long)((n.LeaseUntilMs - list.NowMs) / 1000.0 * clock.TimestampFrequency), StringComparer.Ordinal);
        return new(routes, [.. silos.Values], until);
    }

    private sealed record Table(Dictionary<string, Route[]> Routes, IReadOnlyList<string> Others, Dictionary<string, long> AliveUntil)
    {
        public bool IsAlive(string nodeId, TimeProvider clock) => AliveUntil.TryGetValue(nodeId, out var until) && clock.GetTimestamp() < until;
    }
}
