using Dapper;
using Ocellus.Storage;

namespace Ocellus.Hosting.Placement;

/// <summary>The table <c>placements</c>. Every change is a compare-and-set, so that only one of two that have seen the same row succeeds.</summary>
internal sealed class PlacementCatalog(DataDirectory data)
{
    private const string Columns = "SELECT version_arn, node_id, units, units_max, state, demand, reason, epoch FROM placements ";

    public async Task<IReadOnlyList<Place>> AllAsync(CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        return [.. await connection.QueryAsync<Place>(Columns + "ORDER BY version_arn, node_id")];
    }

    /// <summary>A version's place on a node; null if it has none there.</summary>
    public async Task<Place?> FindAsync(string arn, string nodeId, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        return await connection.QuerySingleOrDefaultAsync<Place>(Columns + "WHERE version_arn = @arn AND node_id = @nodeId", new { arn, nodeId });
    }

    /// <summary>Gives a version a place, if it is still to run and the node is still one. False if not, or if it has a place there.</summary>
    public async Task<bool> AssignAsync(string arn, string nodeId, int units, int unitsMax, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        // Changes nothing, but holds the version's row: it does not become STOPPED between this and the commit.
        if (await connection.ExecuteAsync(
            "UPDATE project_versions SET updated_ms = updated_ms WHERE arn = @arn AND status IN ('STARTING', 'RUNNING')", new { arn }, transaction) != 1)
        {
            return false;
        }

        var added = await connection.ExecuteAsync(
            """
            INSERT INTO placements (version_arn, node_id, units, units_max, state, demand, reason, epoch)
            SELECT @arn, id, @units, @unitsMax, 'ASSIGNED', 0, '', 1 FROM nodes WHERE id = @nodeId
                AND NOT EXISTS (SELECT 1 FROM placements WHERE version_arn = @arn AND node_id = @nodeId)
            """,
            new { arn, nodeId, units = (long)units, unitsMax = (long)unitsMax },
            transaction);
        await transaction.CommitAsync(CancellationToken.None);
        return added == 1;
    }

    /// <summary>Changes a place's units. False if the place has changed since it was read.</summary>
    public Task<bool> ResizeAsync(Place seen, int units, int unitsMax, CancellationToken cancel) =>
        ChangeAsync(
            """
            UPDATE placements SET units = @units, units_max = @unitsMax, epoch = epoch + 1
            WHERE version_arn = @VersionArn AND node_id = @NodeId AND epoch = @Epoch
            """,
            new { seen.VersionArn, seen.NodeId, seen.Epoch, units = (long)units, unitsMax = (long)unitsMax },
            cancel);

    /// <summary>Changes a place's state. False if the place has changed since it was read.</summary>
    public Task<bool> TurnAsync(Place seen, PlaceState to, string reason, CancellationToken cancel) =>
        ChangeAsync(
            """
            UPDATE placements SET state = @state, reason = @reason, demand = 0, epoch = epoch + 1
            WHERE version_arn = @VersionArn AND node_id = @NodeId AND epoch = @Epoch
            """,
            new { seen.VersionArn, seen.NodeId, seen.Epoch, state = to.ToString(), reason },
            cancel);

    /// <summary>Changes what the node says of a place's load. False if the place has changed since it was read.</summary>
    public Task<bool> DemandAsync(Place seen, int demand, CancellationToken cancel) =>
        ChangeAsync(
            "UPDATE placements SET demand = @demand, epoch = epoch + 1 WHERE version_arn = @VersionArn AND node_id = @NodeId AND epoch = @Epoch",
            new { seen.VersionArn, seen.NodeId, seen.Epoch, demand = (long)demand },
            cancel);

    /// <summary>Removes a place. False if it has changed since it was read.</summary>
    public Task<bool> RemoveAsync(Place seen, CancellationToken cancel) =>
        ChangeAsync(
            "DELETE FROM placements WHERE version_arn = @VersionArn AND node_id = @NodeId AND epoch = @Epoch",
            new { seen.VersionArn, seen.NodeId, seen.Epoch },
            cancel);

    private async Task<bool> ChangeAsync(string sql, object values, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        return await connection.ExecuteAsync(sql, values) == 1;
    }
}
