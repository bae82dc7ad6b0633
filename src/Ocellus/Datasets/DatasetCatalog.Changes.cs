using System.Data.Common;
using Dapper;
using Ocellus.Identity;
using Ocellus.Refusals;
using Ocellus.Storage;

namespace Ocellus.Datasets;

// Changes of a few entries that are made at once, not by a job.
internal sealed partial class DatasetCatalog
{
    private const string EntryColumns = "SELECT ordinal, source_ref, entry, labeled, has_errors FROM dataset_entries ";

    /// <summary>
    /// Changes entries of one or more datasets in one transaction, as an update does: what <paramref name="work"/> does is applied whole, or not at all if it
    /// throws. Each changed dataset is UPDATE_COMPLETE afterwards.
    /// </summary>
    /// <exception cref="RefusedException">NotFound: no such dataset. InUse: a job holds one of them; its changes can be made when the job has ended.
    /// LimitExceeded: the result has too many entries or labels.</exception>
    public async Task<T> ChangeAsync<T>(
        Caller caller, IReadOnlyList<string> arns, Func<IReadOnlyList<EntryChanges>, CancellationToken, Task<T>> work, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var changes = new List<EntryChanges>();
        try
        {
            foreach (var arn in arns)
            {
                changes.Add(new(connection, transaction, await RequireChangeableAsync(connection, transaction, caller, arn)));
            }

            var result = await work(changes, cancel);
            foreach (var change in changes.Where(c => c.HasChanged))
            {
                await CompleteAsync(connection, transaction, change);
            }

            await transaction.CommitAsync(CancellationToken.None);
            return result;
        }
        finally
        {
            changes.ForEach(c => c.Dispose());
        }
    }

    /// <summary>The next entries of a dataset after an ordinal, each with its labels, in one consistent state.</summary>
    /// <exception cref="RefusedException">NotFound: no such dataset. NotReady or InUse: a job is creating, changing or removing it.</exception>
    public async Task<IReadOnlyList<(StoredEntry Entry, IReadOnlyList<string> Labels)>> PageAsync(
        Caller caller, string arn, long after, int count, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = connection.BeginSnapshot();
        var id = (await RequireReadableAsync(connection, transaction, caller, arn)).Id;
        var entries = (await connection.QueryAsync<StoredEntry>(
            EntryColumns + "WHERE dataset_id = @id AND ordinal > @after ORDER BY ordinal LIMIT @count",
            new { id, after, count },
            transaction)).ToList();
        if (entries.Count == 0)
        {
            return [];
        }

        var labels = (await connection.QueryAsync<(long Ordinal, string Label)>(
            "SELECT ordinal, label FROM dataset_entry_labels WHERE dataset_id = @id AND ordinal > @after AND ordinal <= @last ORDER BY ordinal, label",
            new { id, after, last = entries[^1].Ordinal },
            transaction)).ToLookup(l => l.Ordinal, l => l.Label);
        return [.. entries.Select(e => (e, (IReadOnlyList<string>)[.. labels[e.Ordinal]]))];
    }

    /// <summary>Entries by their ordinals; those that the dataset does not have are left out.</summary>
    /// <exception cref="RefusedException">NotFound: no such dataset. NotReady or InUse: a job is creating, changing or removing it.</exception>
    public async Task<IReadOnlyList<StoredEntry>> EntriesAsync(Caller caller, string arn, IReadOnlyCollection<long> ordinals, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = connection.BeginSnapshot();
        var id = (await RequireReadableAsync(connection, transaction, caller, arn)).Id;
        return ordinals.Count == 0 ? [] :
            [
                .. await connection.QueryAsync<StoredEntry>(
                    EntryColumns + "WHERE dataset_id = @id AND ordinal IN @ordinals ORDER BY ordinal", new { id, ordinals }, transaction),
            ];
    }

    /// <summary>An entry by the name of its image; null if the dataset has none.</summary>
    /// <exception cref="RefusedException">NotFound: no such dataset. NotReady or InUse: a job is creating, changing or removing it.</exception>
    public async Task<StoredEntry?> FindEntryAsync(Caller caller, string arn, string sourceRef, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = connection.BeginSnapshot();
        var id = (await RequireReadableAsync(connection, transaction, caller, arn)).Id;
        return await connection.QueryFirstOrDefaultAsync<StoredEntry>(
            EntryColumns + "WHERE dataset_id = @id AND source_ref = @sourceRef", new { id, sourceRef }, transaction);
    }

    private static async Task<DatasetRow> RequireChangeableAsync(DbConnection connection, DbTransaction transaction, Caller caller, string arn)
    {
        var row = await FindAsync(connection, transaction, caller, arn);
        if (!row.IsReadable)
        {
            throw Refused.InUse($"The dataset is {row.Status}; its entries can be changed when it is CREATE_COMPLETE, UPDATE_COMPLETE or UPDATE_FAILED.");
        }

        // As the worker does: a copy has what its source had at the request.
        return await connection.ExecuteScalarAsync<long>(
            "SELECT COUNT(*) FROM datasets WHERE status = 'CREATE_IN_PROGRESS' AND source = @source",
            new { source = new EntrySource.Dataset(arn).ToString() },
            transaction) > 0
            ? throw Refused.InUse("The dataset is being copied; its entries can be changed when the copy is complete.")
            : row;
    }

    private async Task CompleteAsync(DbConnection connection, DbTransaction transaction, EntryChanges change)
    {
        await MoveAsync(connection, transaction, change.Dataset, DatasetEvent.UpdateRequested);
        await connection.ExecuteAsync(
            "UPDATE datasets SET total = @Total, labeled = @Labeled, errors = @Errors, labels = @labels, status = @status, message = @message WHERE id = @Id",
            new
            {
                change.Dataset.Id,
                change.Total,
                change.Labeled,
                change.Errors,
                labels = await change.CheckAsync(),
                status = nameof(DatasetStatus.UPDATE_COMPLETE),
                message = DatasetStates.Message(DatasetStatus.UPDATE_COMPLETE),
            },
            transaction);
    }
}
