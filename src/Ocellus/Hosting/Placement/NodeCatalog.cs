using Dapper;
using Ocellus.Storage;

namespace Ocellus.Hosting.Placement;

/// <summary>The nodes, and the time by the database's clock at which they were read.</summary>
internal sealed record NodeList(IReadOnlyList<NodeRow> Nodes, long NowMs)
{
    /// <summary>The node that plans: of those whose lease holds, the one that joined first. Null if none.</summary>
    public string? Leader => Nodes.Where(n => n.LeaseUntilMs >= NowMs).OrderBy(n => n.JoinedMs).ThenBy(n => n.Id, StringComparer.Ordinal).FirstOrDefault()?.Id;
}

/// <summary>
/// The table <c>nodes</c>. A node is removed by naming the lease that was written last, and one that was removed renews nothing: only one of both succeeds.
/// </summary>
internal sealed class NodeCatalog(DataDirectory data, TimeProvider clock)
{
    private const string Columns = "SELECT id, name, cluster, silo, program, cores, memory_bytes, joined_ms, lease_until_ms, draining FROM nodes ";

    public async Task<NodeList> AllAsync(CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        var nodes = await connection.QueryAsync<NodeRow>(Columns + "ORDER BY joined_ms, id");
        return new([.. nodes], await data.Database.NowMsAsync(connection, null, clock));
    }

    /// <summary>Adds a node that has nothing in memory. What an earlier process of it had is forgotten.</summary>
    /// <param name="node">The node; its times are set here.</param>
    /// <param name="lease">How long it holds its places; null for a server that is alone, which also forgets all other nodes.</param>
    /// <param name="cancel">Ends the wait, not the commit.</param>
    /// <exception cref="InvalidOperationException">A server that is not of the same cluster uses the database.</exception>
    public async Task<NodeRow> JoinAsync(NodeRow node, TimeSpan? lease, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        if (lease is null)
        {
            await connection.ExecuteAsync("DELETE FROM placements; DELETE FROM nodes", null, transaction);
        }
        else
        {
            await connection.ExecuteAsync("DELETE FROM placements WHERE node_id = @Id; DELETE FROM nodes WHERE id = @Id", new { node.Id }, transaction);
        }

        var now = await data.Database.NowMsAsync(connection, transaction, clock);
        var others = await connection.QueryAsync<NodeRow>(Columns + "WHERE lease_until_ms >= @now", new { now }, transaction);
        if (others.FirstOrDefault(n => n.Cluster != node.Cluster || node.Cluster.Length == 0) is { } other)
        {
            throw new InvalidOperationException(
                $"Another server, on {other.Name}, uses this database {(other.Cluster.Length > 0 ? $"in the cluster '{other.Cluster}'" : "alone")}. Servers "
                    + $"share one as nodes of a cluster: start all of them with the same --cluster NAME. One that has ended is forgotten after a few seconds.");
        }

        node = node with { JoinedMs = now, LeaseUntilMs = lease is { } time ? now + (long)time.TotalMilliseconds : long.MaxValue };
        await connection.ExecuteAsync(
            """
            INSERT INTO nodes (id, name, cluster, silo, program, cores, memory_bytes, joined_ms, lease_until_ms, draining)
            VALUES (@Id, @Name, @Cluster, @Silo, @Program, @Cores, @MemoryBytes, @JoinedMs, @LeaseUntilMs, @Draining)
            """,
            node,
            transaction);
        await transaction.CommitAsync(CancellationToken.None);
        return node;
    }

    /// <summary>
    /// Renews a lease, even one that has run out, as long as nobody has removed the node. Null if somebody has. A renewal whose answer was lost, as when the
    /// database restarts, does not count against the node; one that comes late does not shorten a later one.
    /// </summary>
    public async Task<NodeRow?> RenewAsync(NodeRow node, TimeSpan lease, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        var until = await data.Database.NowMsAsync(connection, null, clock) + (long)lease.TotalMilliseconds;
        var renewed = await connection.ExecuteAsync(
            """
            UPDATE nodes SET lease_until_ms = @until, memory_bytes = @MemoryBytes, draining = @Draining
            WHERE id = @Id AND joined_ms = @JoinedMs AND (lease_until_ms = @LeaseUntilMs OR lease_until_ms < @until)
            """,
            new { node.Id, node.JoinedMs, node.LeaseUntilMs, node.MemoryBytes, node.Draining, until });
        return renewed == 1 ? node with { LeaseUntilMs = until } : null;
    }

    /// <summary>Removes a node and its places. False if it has renewed its lease since it was read.</summary>
    public async Task<bool> RemoveAsync(NodeRow seen, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        // The node first: what renews it waits for the commit, and then finds it gone.
        if (await connection.ExecuteAsync(
            "DELETE FROM nodes WHERE id = @Id AND joined_ms = @JoinedMs AND lease_until_ms = @LeaseUntilMs",
            new { seen.Id, seen.JoinedMs, seen.LeaseUntilMs },
            transaction) != 1)
        {
            return false;
        }

        await connection.ExecuteAsync("DELETE FROM placements WHERE node_id = @Id", new { seen.Id }, transaction);
        await transaction.CommitAsync(CancellationToken.None);
        return true;
    }
}
