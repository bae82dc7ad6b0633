using System.Data.Common;
using Dapper;
using Ocellus.Access;
using Ocellus.Projects;
using Ocellus.Protocol;
using Ocellus.Storage;

namespace Ocellus.Datasets;

/// <summary>A dataset as stored.</summary>
internal sealed class DatasetRow
{
    public string Arn { get; init; } = "";

    public string ProjectArn { get; init; } = "";

    public string Type { get; init; } = "";

    public string Status { get; init; } = "";

    public string Message { get; init; } = "";

    public string Code { get; init; } = "";

    public long CreatedMs { get; init; }

    public long UpdatedMs { get; init; }

    public string? Source { get; init; }

    public long Total { get; init; }

    public long Labeled { get; init; }

    public long Labels { get; init; }

    public long Errors { get; init; }
}

/// <summary>One entry as stored: a compact JSON line and what the filters need.</summary>
internal sealed record EntryRow(long Ordinal, string SourceRef, string Entry, bool Labeled, bool HasErrors, IReadOnlyDictionary<string, bool> Labels);

/// <summary>What ListDatasetEntries filters by. All that are given must hold.</summary>
internal sealed record EntryFilter(IReadOnlyList<string>? ContainsLabels, bool? Labeled, string? SourceRefContains, bool HasErrors);

/// <summary>Datasets, their entries and labels.</summary>
internal sealed partial class DatasetCatalog(DataDirectory data, TimeProvider clock)
{
    private const string Columns =
        """
        SELECT arn AS Arn, project_arn AS ProjectArn, type AS Type, status AS Status, message AS Message, code AS Code, created_ms AS CreatedMs,
               updated_ms AS UpdatedMs, source AS Source, total AS Total, labeled AS Labeled, labels AS Labels, errors AS Errors FROM datasets 
        """;

    /// <summary>Writes the intent: the worker imports what <paramref name="source"/> names.</summary>
    /// <exception cref="RefusedException">NotFound: no such project. AlreadyExists: the project has a dataset of the type.</exception>
    public async Task<Arn> CreateAsync(Caller caller, string projectArn, string type, string source, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var scope = new { projectArn, caller.AccountId, caller.Region, type };
        if (await connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM projects WHERE arn = @projectArn AND account_id = @AccountId AND region = @Region", scope, transaction) == 0)
        {
            throw Refused.NotFound($"No project {Readable.Cut(projectArn)} exists in this account and region.");
        }

        if (await connection.QuerySingleOrDefaultAsync<string>("SELECT status FROM datasets WHERE project_arn = @projectArn AND type = @type", scope, transaction) is { } status)
        {
            throw Refused.AlreadyExists($"The project has a {type} dataset already, in status {status}; delete it first.");
        }

        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        var arn = Arn.Parse(projectArn).Dataset(type == "TRAIN" ? "train" : "test", now);
        await connection.ExecuteAsync(
            """
            INSERT INTO datasets (arn, project_arn, type, status, message, code, created_ms, updated_ms, source, total, labeled, labels, errors)
            VALUES (@arn, @projectArn, @type, 'CREATE_IN_PROGRESS', 'The dataset is being created.', 'SUCCESS', @now, @now, @source, 0, 0, 0, 0)
            """,
            new { arn = arn.ToString(), projectArn, type, now, source },
            transaction);
        await transaction.CommitAsync(CancellationToken.None);
        return arn;
    }

    /// <exception cref="RefusedException">NotFound: the caller's account and region have no such dataset.</exception>
    public async Task<DatasetRow> GetAsync(Caller caller, string arn, CancellationToken cancel)
    {
        var parsed = Arn.Parse(arn);
        await using var connection = await data.ConnectAsync(cancel);
        var row = parsed.AccountId == caller.AccountId && parsed.Region == caller.Region
            ? await connection.QuerySingleOrDefaultAsync<DatasetRow>(Columns + "WHERE arn = @arn", new { arn })
            : null;
        return row ?? throw Refused.NotFound($"No dataset {Readable.Cut(arn)} exists in this account and region.");
    }

    public async Task<ILookup<string, DatasetRow>> OfProjectsAsync(IReadOnlyList<string> projectArns, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        var rows = projectArns.Count == 0 ? [] : await connection.QueryAsync<DatasetRow>(Columns + "WHERE project_arn IN @projectArns ORDER BY type DESC", new { projectArns });
        return rows.ToLookup(r => r.ProjectArn);
    }

    /// <summary>The datasets of one project, TRAIN first; at most two.</summary>
    public async Task<IReadOnlyList<DatasetRow>> OfProjectAsync(string projectArn, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        return [.. await connection.QueryAsync<DatasetRow>(Columns + "WHERE project_arn = @projectArn ORDER BY type DESC", new { projectArn })];
    }

    /// <summary>Datasets whose status says that the worker has something to do.</summary>
    public async Task<IReadOnlyList<DatasetRow>> DueAsync(CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        return [.. await connection.QueryAsync<DatasetRow>(Columns + "WHERE status IN ('CREATE_IN_PROGRESS', 'DELETE_IN_PROGRESS') ORDER BY updated_ms")];
    }

    /// <summary>Compare-and-set: moves the dataset only if it still is in the status that was seen.</summary>
    public async Task<bool> MoveAsync(string arn, string seen, string next, string message, string code, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        return await connection.ExecuteAsync(
            "UPDATE datasets SET status = @next, message = @message, code = @code, updated_ms = @now WHERE arn = @arn AND status = @seen",
            new { arn, seen, next, message, code, now = clock.GetUtcNow().ToUnixTimeMilliseconds() }) == 1;
    }

    /// <summary>Removes all entries: the start of an import, which a crash may have left half done.</summary>
    public async Task ClearEntriesAsync(string arn, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await connection.ExecuteAsync("DELETE FROM dataset_entry_labels WHERE dataset_arn = @arn; DELETE FROM dataset_entries WHERE dataset_arn = @arn", new { arn }, transaction);
        await transaction.CommitAsync(cancel);
    }

    /// <summary>Adds a batch of entries. They are not visible before the dataset is complete.</summary>
    public async Task AddEntriesAsync(string arn, IReadOnlyList<EntryRow> entries, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await connection.ExecuteAsync(
            "INSERT INTO dataset_entries (dataset_arn, ordinal, source_ref, entry, labeled, has_errors) VALUES (@arn, @Ordinal, @SourceRef, @Entry, @labeled, @errors)",
            entries.Select(e => new { arn, e.Ordinal, e.SourceRef, e.Entry, labeled = e.Labeled ? 1 : 0, errors = e.HasErrors ? 1 : 0 }),
            transaction);
        await connection.ExecuteAsync(
            "INSERT INTO dataset_entry_labels (dataset_arn, label, ordinal, boxes) VALUES (@arn, @Key, @Ordinal, @boxes)",
            entries.SelectMany(e => e.Labels.Select(l => new { arn, l.Key, e.Ordinal, boxes = l.Value ? 1 : 0 })),
            transaction);
        await transaction.CommitAsync(cancel);
    }

    /// <summary>Counts the entries and makes the dataset usable.</summary>
    public async Task CompleteAsync(string arn, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await connection.ExecuteAsync(
            """
            UPDATE datasets SET status = 'CREATE_COMPLETE', message = 'The dataset was successfully created.', code = 'SUCCESS', updated_ms = @now,
                total = (SELECT COUNT(*) FROM dataset_entries e WHERE e.dataset_arn = @arn),
                labeled = (SELECT COUNT(*) FROM dataset_entries e WHERE e.dataset_arn = @arn AND e.labeled = 1),
                errors = (SELECT COUNT(*) FROM dataset_entries e WHERE e.dataset_arn = @arn AND e.has_errors = 1),
                labels = (SELECT COUNT(DISTINCT label) FROM dataset_entry_labels l WHERE l.dataset_arn = @arn)
            WHERE arn = @arn AND status = 'CREATE_IN_PROGRESS'
            """,
            new { arn, now = clock.GetUtcNow().ToUnixTimeMilliseconds() });
    }

    public async Task CopyEntriesAsync(string arn, string sourceArn, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await connection.ExecuteAsync(
            """
            INSERT INTO dataset_entries (dataset_arn, ordinal, source_ref, entry, labeled, has_errors) SELECT @arn, ordinal, source_ref, entry, labeled, has_errors FROM dataset_entries WHERE dataset_arn = @sourceArn;
            INSERT INTO dataset_entry_labels (dataset_arn, label, ordinal, boxes) SELECT @arn, label, ordinal, boxes FROM dataset_entry_labels WHERE dataset_arn = @sourceArn
            """,
            new { arn, sourceArn },
            transaction);
        await transaction.CommitAsync(cancel);
    }

    public async Task RemoveAsync(string arn, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await connection.ExecuteAsync(
            """
            DELETE FROM dataset_entry_labels WHERE dataset_arn = @arn;
            DELETE FROM dataset_entries WHERE dataset_arn = @arn;
            DELETE FROM tags WHERE resource_arn = @arn;
            DELETE FROM datasets WHERE arn = @arn AND status = 'DELETE_IN_PROGRESS'
            """,
            new { arn },
            transaction);
        await transaction.CommitAsync(cancel);
    }

    /// <summary>One page of entries in manifest order, after an ordinal. Reads by index, never the whole dataset for an unfiltered page.</summary>
    public async Task<IReadOnlyList<(long Ordinal, string Entry)>> ListEntriesAsync(string arn, EntryFilter filter, long after, int count, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        var sql = "SELECT ordinal, entry FROM dataset_entries e WHERE dataset_arn = @arn AND ordinal > @after"
            + (filter.Labeled is null ? "" : " AND labeled = @labeled")
            + (filter.HasErrors ? " AND has_errors = 1" : "")
            // instr is exact and case-sensitive; LIKE is neither. PostgreSQL calls it strpos: the one word its catalog must replace.
            + (filter.SourceRefContains is null ? "" : " AND instr(source_ref, @SourceRefContains) > 0")
            + (filter.ContainsLabels is null ? "" : " AND EXISTS (SELECT 1 FROM dataset_entry_labels l WHERE l.dataset_arn = e.dataset_arn AND l.ordinal = e.ordinal AND l.label IN @ContainsLabels)")
            + " ORDER BY ordinal LIMIT @count";
        var rows = await connection.QueryAsync<(long, string)>(sql, new { arn, after, count, labeled = filter.Labeled is true ? 1 : 0, filter.SourceRefContains, filter.ContainsLabels });
        return [.. rows];
    }

    /// <summary>One page of labels in order of first appearance.</summary>
    public async Task<IReadOnlyList<(string Label, long Entries, long Boxes)>> ListLabelsAsync(string arn, int skip, int count, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        var rows = await connection.QueryAsync<(string, long, long)>(
            "SELECT label, COUNT(*), SUM(boxes) FROM dataset_entry_labels WHERE dataset_arn = @arn GROUP BY label ORDER BY MIN(ordinal), label LIMIT @count OFFSET @skip",
            new { arn, skip, count });
        return [.. rows];
    }
}
