using System.Data.Common;
using Dapper;
using Ocellus.Datasets.Manifests;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Storage;

namespace Ocellus.Datasets;

/// <summary>Datasets and their states. A change of state and all that belongs to it are one transaction.</summary>
internal sealed partial class DatasetCatalog(DataDirectory data, TimeProvider clock)
{
    /// <summary>Maximum entries of a dataset, and lines of a manifest. AWS quota.</summary>
    public const int EntriesMax = 250_000;

    /// <summary>Maximum imports and copies queued or under way in an account and region. Our own limit: each has a manifest to read.</summary>
    [Assumed("CreateDataset: datasets in CREATE_IN_PROGRESS", "At most 50 in an account and region; the next is `LimitExceededException`.")]
    public const int ImportsMax = 50;

    /// <summary>Images queried in one statement, of whose parameters SQLite takes 32,766.</summary>
    private const int ImagesStep = 1000;

    private const string Columns =
        """
        SELECT arn AS Arn, id AS Id, project_arn AS ProjectArn, type AS Type, status AS Status, message AS Message, code AS Code, created_ms AS CreatedMs,
               updated_ms AS UpdatedMs, source AS SourceText, total AS Total, labeled AS Labeled, labels AS Labels, errors AS Errors FROM datasets 
        """;

    /// <summary>Recounts what DescribeDataset reports.</summary>
    private const string Count =
        """
        UPDATE datasets SET
            total = (SELECT COUNT(*) FROM dataset_entries e WHERE e.dataset_id = @id),
            labeled = (SELECT COUNT(*) FROM dataset_entries e WHERE e.dataset_id = @id AND e.labeled = 1),
            errors = (SELECT COUNT(*) FROM dataset_entries e WHERE e.dataset_id = @id AND e.has_errors = 1),
            labels = (SELECT COUNT(DISTINCT label) FROM dataset_entry_labels l WHERE l.dataset_id = @id)
        WHERE id = @id
        """;

    private long Now => clock.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Records the intent: the worker imports what <paramref name="source"/> names.</summary>
    /// <param name="caller">Whose account and region the project is in.</param>
    /// <param name="projectArn">The project.</param>
    /// <param name="type">TRAIN or TEST.</param>
    /// <param name="source">Where its entries come from.</param>
    /// <param name="tags">Tags of the new dataset.</param>
    /// <param name="cancel">Has no effect once the intent is durable.</param>
    /// <exception cref="RefusedException">
    /// NotFound: no such project, or it is being deleted; no such source dataset. AlreadyExists: the project has a dataset of the type.
    /// Invalid: the source dataset has no entries to copy. LimitExceeded: too many imports at once.
    /// </exception>
    public async Task<Arn> CreateAsync(
        Caller caller, string projectArn, string type, EntrySource source, IReadOnlyDictionary<string, string>? tags, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var scope = new { projectArn, caller.AccountId, caller.Region, type };
        var project = await connection.QuerySingleOrDefaultAsync<string>(
            "SELECT status FROM projects WHERE arn = @projectArn AND account_id = @AccountId AND region = @Region", scope, transaction);
        if (project is null or "DELETING")
        {
            throw Refused.NotFound(
                project is null ? $"No project {Readable.Truncate(projectArn)} exists in this account and region." : "The project is being deleted.");
        }

        // In this transaction, so that no update begins between the check and the intent. From then on the worker runs the copy first.
        if (source is EntrySource.Dataset copied)
        {
            var from = await FindAsync(connection, transaction, caller, copied.Arn);
            if (!from.IsReadable)
            {
                throw Refused.Invalid($"The source dataset is {from.Status}; it can be copied when it is CREATE_COMPLETE, UPDATE_COMPLETE or UPDATE_FAILED.");
            }
        }

        if (await connection.QuerySingleOrDefaultAsync<string>(
            "SELECT status FROM datasets WHERE project_arn = @projectArn AND type = @type", scope, transaction) is { } status)
        {
            throw Refused.AlreadyExists($"The project already has a {type} dataset, in status {status}; delete it first.");
        }

        const string Waiting = "SELECT COUNT(*) FROM datasets d JOIN projects p ON p.arn = d.project_arn WHERE p.account_id = @AccountId AND p.region = "
            + "@Region AND d.status = 'CREATE_IN_PROGRESS'";
        if (await connection.ExecuteScalarAsync<long>(Waiting, scope, transaction) is >= ImportsMax and var waiting)
        {
            throw Refused.Limit(
                $"{waiting} datasets of this account are CREATE_IN_PROGRESS in {caller.Region}, which is the maximum; try again when one has ended.");
        }

        var now = Now;
        var arn = Arn.Parse(projectArn).Dataset(type == "TRAIN" ? "train" : "test", now);
        await connection.ExecuteAsync(
            """
            INSERT INTO datasets (arn, id, project_arn, type, status, message, code, created_ms, updated_ms, source, total, labeled, labels, errors)
            SELECT @arn, COALESCE(MAX(id), 0) + 1, @projectArn, @type, @status, @message, 'SUCCESS', @now, @now, @source, 0, 0, 0, 0 FROM datasets
            """,
            new
            {
                arn = arn.ToString(),
                projectArn,
                type,
                status = nameof(DatasetStatus.CREATE_IN_PROGRESS),
                message = DatasetStates.Message(DatasetStatus.CREATE_IN_PROGRESS),
                now,
                source = source.ToString(),
            },
            transaction);
        await connection.ExecuteAsync(
            "INSERT INTO tags (resource_arn, tag_key, tag_value) VALUES (@arn, @Key, @Value)",
            (tags ?? new Dictionary<string, string>()).Select(t => new { arn = arn.ToString(), t.Key, t.Value }),
            transaction);
        await transaction.CommitAsync(CancellationToken.None);
        return arn;
    }

    /// <exception cref="RefusedException">NotFound: the caller's account and region have no such dataset.</exception>
    public async Task<DatasetRow> GetAsync(Caller caller, string arn, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        return await FindAsync(connection, null, caller, arn);
    }

    /// <summary>The datasets of one project, TRAIN first; at most two.</summary>
    public async Task<IReadOnlyList<DatasetRow>> OfProjectAsync(string projectArn, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        return [.. await connection.QueryAsync<DatasetRow>(Columns + "WHERE project_arn = @projectArn ORDER BY type DESC", new { projectArn })];
    }

    /// <summary>Records the intent to remove the dataset. A second call is answered like the first.</summary>
    /// <exception cref="RefusedException">NotFound: no such dataset. InUse: a job is making or changing it.</exception>
    public async Task RequestDeleteAsync(Caller caller, string arn, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var row = await FindAsync(connection, transaction, caller, arn);
        if (DatasetStates.Next(row.Status, DatasetEvent.DeleteRequested) is not { } next)
        {
            throw Refused.InUse($"The dataset is {row.Status}; wait until the job has ended, then delete it.");
        }

        if (next != row.Status)
        {
            await MoveAsync(connection, transaction, row, DatasetEvent.DeleteRequested);
            await transaction.CommitAsync(CancellationToken.None);
        }
    }

    /// <summary>Records the intent to apply changes, with the changes.</summary>
    /// <exception cref="RefusedException">NotFound: no such dataset. InUse: its status does not allow changes. LimitExceeded: the result would certainly have
    /// too many entries or labels.</exception>
    public async Task RequestUpdateAsync(Caller caller, string arn, byte[] changes, CancellationToken cancel)
    {
        var outlook = await UpdateOutlook.ReadAsync(changes, cancel);
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var row = await FindAsync(connection, transaction, caller, arn);
        if (!row.IsReadable)
        {
            throw Refused.InUse($"The dataset is {row.Status}; its entries can be changed when it is CREATE_COMPLETE, UPDATE_COMPLETE or UPDATE_FAILED.");
        }

        if (outlook is not null)
        {
            await RequireRoomAsync(connection, transaction, row, outlook);
        }

        await MoveAsync(connection, transaction, row, DatasetEvent.UpdateRequested);
        await connection.ExecuteAsync(
            "INSERT INTO dataset_jobs (dataset_id, kind, changes) VALUES (@Id, 'update', @changes)", new { row.Id, changes }, transaction);
        await transaction.CommitAsync(CancellationToken.None);
    }

    /// <summary>Records the intent to move a part of the training entries to the test dataset.</summary>
    /// <exception cref="RefusedException">
    /// NotFound: one of them does not exist or is being deleted. Invalid: they are not the two datasets of one project, the test dataset has entries,
    /// or the training dataset has none. NotReady: the status of one of them does not allow changes.
    /// </exception>
    public async Task RequestDistributeAsync(Caller caller, string firstArn, string secondArn, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        DatasetRow[] both = [await FindAsync(connection, transaction, caller, firstArn), await FindAsync(connection, transaction, caller, secondArn)];
        if (Array.Find(both, d => d.Status == DatasetStatus.DELETE_IN_PROGRESS) is { } deleting)
        {
            throw Refused.NotFound($"The {deleting.Type} dataset is being deleted.");
        }

        if (firstArn == secondArn)
        {
            throw Refused.Invalid("Datasets names the same dataset twice; it takes the TRAIN and the TEST dataset of one project.");
        }

        if (both[0].ProjectArn != both[1].ProjectArn || both[0].Type == both[1].Type)
        {
            throw Refused.Invalid(
                $"Datasets names a {both[0].Type} and a {both[1].Type} dataset{(both[0].ProjectArn == both[1].ProjectArn ? "" : " of two projects")}; it "
                    + $"takes the TRAIN and the TEST dataset of one project.");
        }

        if (Array.Find(both, d => !d.IsReadable) is { } busy)
        {
            throw Refused.NotReady(
                $"The {busy.Type} dataset is {busy.Status}; entries can be distributed when both datasets are CREATE_COMPLETE, UPDATE_COMPLETE or "
                    + $"UPDATE_FAILED.");
        }

        var (train, test) = both[0].Type == "TRAIN" ? (both[0], both[1]) : (both[1], both[0]);
        if (test.Total > 0 || train.Total == 0)
        {
            throw Refused.Invalid(
                test.Total > 0 ? $"The TEST dataset has {test.Total} entries; it must be empty." : "The TRAIN dataset has no entries to distribute.");
        }

        foreach (var dataset in both)
        {
            await MoveAsync(connection, transaction, dataset, DatasetEvent.UpdateRequested);
        }

        await connection.ExecuteAsync(
            "INSERT INTO dataset_jobs (dataset_id, kind, partner_id) VALUES (@train, 'distribute', @test)", new { train = train.Id, test = test.Id },
            transaction);
        await transaction.CommitAsync(CancellationToken.None);
    }

    /// <summary>Does not count the labels of the dataset: the job does, and ends in UPDATE_FAILED if they are too many.</summary>
    [Assumed(
        "UpdateDatasetEntries: too many entries or labels",
        "`LimitExceededException` when the changes alone show it. Labels that are too many only together with those of the dataset end it as "
        + "`UPDATE_FAILED`. An update is applied whole or not at all.")]
    private static async Task RequireRoomAsync(DbConnection connection, DbTransaction transaction, DatasetRow row, UpdateOutlook outlook)
    {
        if (outlook.Labels > ContentCheck.LabelsMax)
        {
            throw Refused.Limit($"The changes have {outlook.Labels} labels, and a dataset may have {ContentCheck.LabelsMax}.");
        }

        if (outlook.Lines > EntriesMax)
        {
            throw Refused.Limit($"The changes have more than {EntriesMax} lines, and a dataset may have {EntriesMax} entries.");
        }

        var total = row.Total + outlook.Images.Count;
        if (total <= EntriesMax)
        {
            return;
        }

        // Images that replace an entry add none.
        foreach (var images in outlook.Images.Chunk(ImagesStep))
        {
            total -= await connection.ExecuteScalarAsync<long>(
                "SELECT COUNT(*) FROM dataset_entries WHERE dataset_id = @Id AND source_ref IN @images", new { row.Id, images }, transaction);
        }

        if (total > EntriesMax)
        {
            throw Refused.Limit($"The dataset has {row.Total} entries and would have {total}; it may have {EntriesMax}.");
        }
    }

    private static async Task<DatasetRow> FindAsync(DbConnection connection, DbTransaction? transaction, Caller caller, string arn)
    {
        var parsed = Arn.Parse(arn);
        var row = parsed.AccountId == caller.AccountId && parsed.Region == caller.Region
            ? await connection.QuerySingleOrDefaultAsync<DatasetRow>(Columns + "WHERE arn = @arn", new { arn }, transaction)
            : null;
        return row ?? throw Refused.NotFound($"No dataset {Readable.Truncate(arn)} exists in this account and region.");
    }

    /// <summary>Moves a dataset by an event; <paramref name="message"/> null gives the state's default.</summary>
    /// <exception cref="InvalidOperationException">The state does not allow the event, or is no longer that of <paramref name="row"/>; nothing may be
    /// committed.</exception>
    private async Task MoveAsync(
        DbConnection connection, DbTransaction transaction, DatasetRow row, DatasetEvent what, string? message = null, string code = "SUCCESS")
    {
        var next = DatasetStates.Next(row.Status, what)
            ?? throw new InvalidOperationException($"A dataset that is {row.Status} does not allow the event {what}.");
        var moved = await connection.ExecuteAsync(
            "UPDATE datasets SET status = @next, message = @message, code = @code, updated_ms = @Now WHERE id = @Id AND status = @seen",
            new { row.Id, seen = row.Status.ToString(), next = next.ToString(), message = message ?? DatasetStates.Message(next), code, Now },
            transaction);
        if (moved != 1)
        {
            throw new InvalidOperationException($"The dataset {row.Arn} is no longer {row.Status}.");
        }
    }
}
