using System.Data.Common;
using Dapper;
using Ocellus.Datasets.Manifests;
using Ocellus.Storage;
using Ocellus.Work;

namespace Ocellus.Datasets;

// What the worker needs: jobs that are due, their steps, and their ends.
internal sealed partial class DatasetCatalog
{
    /// <summary>Entries copied or removed in one transaction: enough to save flushes, few enough to let other writers in.</summary>
    private const int StepEntries = 2000;

    /// <summary>Jobs that are due by the statuses, the longest waiting first.</summary>
    public async Task<IReadOnlyList<DatasetJob>> DueAsync(CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        var rows = (await connection.QueryAsync<DatasetRow>(
            Columns + "WHERE status IN ('CREATE_IN_PROGRESS', 'UPDATE_IN_PROGRESS', 'DELETE_IN_PROGRESS') ORDER BY updated_ms, id"))
            .ToList();
        var changes = (await connection.QueryAsync<(long Id, string Kind, long? Partner)>("SELECT dataset_id, kind, partner_id FROM dataset_jobs"))
            .ToDictionary(c => c.Id);
        var jobs = new List<DatasetJob>();
        foreach (var row in rows)
        {
            switch (row.Status)
            {
                case DatasetStatus.CREATE_IN_PROGRESS:
                    jobs.Add(new(DatasetJobKind.Create, row));
                    break;
                case DatasetStatus.DELETE_IN_PROGRESS:
                    jobs.Add(new(DatasetJobKind.Delete, row));
                    break;
                case DatasetStatus.UPDATE_IN_PROGRESS when changes.TryGetValue(row.Id, out var change):
                    jobs.Add(
                        change.Partner is { } partner ? new(DatasetJobKind.Distribute, row, rows.Find(r => r.Id == partner)) : new(DatasetJobKind.Update, row));
                    break;
            }
        }

        return jobs;
    }

    /// <summary>Adds a batch of imported entries. Nothing reads them before the dataset is complete.</summary>
    public async Task AddEntriesAsync(DatasetRow dataset, IReadOnlyList<EntryRow> entries, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginStepAsync(cancel);
        using var writer = new EntryWriter(connection, transaction, dataset.Id);
        foreach (var entry in entries)
        {
            await writer.InsertAsync(entry, cancel);
        }

        await CommitAsync(connection, transaction, dataset);
    }

    /// <summary>Copies the next entries after an ordinal. The worker keeps the source unchanged until the copy has ended.</summary>
    /// <returns>The ordinal that was reached, or null when there was nothing left to copy.</returns>
    public async Task<long?> CopyStepAsync(DatasetRow dataset, string sourceArn, long after, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginStepAsync(cancel);
        var source = await connection.QuerySingleAsync<long>("SELECT id FROM datasets WHERE arn = @sourceArn", new { sourceArn }, transaction);
        var until = await connection.ExecuteScalarAsync<long?>(
            "SELECT MAX(ordinal) FROM (SELECT ordinal FROM dataset_entries WHERE dataset_id = @source AND ordinal > @after ORDER BY ordinal LIMIT "
                + "@StepEntries) step",
            new { source, after, StepEntries },
            transaction);
        if (until is null)
        {
            return null;
        }

        await connection.ExecuteAsync(
            """
            INSERT INTO dataset_entries (dataset_id, ordinal, source_ref, labeled, has_errors, entry)
                SELECT @Id, ordinal, source_ref, labeled, has_errors, entry FROM dataset_entries WHERE dataset_id = @source AND ordinal > @after AND ordinal <=
                @until;
            INSERT INTO dataset_entry_labels (dataset_id, ordinal, label, boxes)
                SELECT @Id, ordinal, label, boxes FROM dataset_entry_labels WHERE dataset_id = @source AND ordinal > @after AND ordinal <= @until
            """,
            new { dataset.Id, source, after, until },
            transaction);
        await CommitAsync(connection, transaction, dataset);
        return until;
    }

    /// <summary>Removes some of the entries.</summary>
    /// <returns>Whether there may be more.</returns>
    public async Task<bool> ClearStepAsync(DatasetRow dataset, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginStepAsync(cancel);
        var until = await connection.ExecuteScalarAsync<long?>(
            "SELECT MAX(ordinal) FROM (SELECT ordinal FROM dataset_entries WHERE dataset_id = @Id ORDER BY ordinal LIMIT @StepEntries) step",
            new { dataset.Id, StepEntries },
            transaction);
        if (until is null)
        {
            return false;
        }

        await connection.ExecuteAsync(
            "DELETE FROM dataset_entry_labels WHERE dataset_id = @Id AND ordinal <= @until; DELETE FROM dataset_entries WHERE dataset_id = @Id AND "
                + "ordinal <= @until",
            new { dataset.Id, until },
            transaction);
        await CommitAsync(connection, transaction, dataset);
        return true;
    }

    /// <summary>Removes a dataset that has no entries left, with its tags.</summary>
    public async Task RemoveAsync(DatasetRow dataset, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await connection.ExecuteAsync(
            "DELETE FROM tags WHERE resource_arn = @Arn; DELETE FROM datasets WHERE id = @Id AND status = 'DELETE_IN_PROGRESS'", dataset, transaction);
        await CommitAsync(connection, transaction, dataset);
    }

    /// <summary>Counts the entries of an import and makes the dataset usable.</summary>
    public async Task CompleteAsync(DatasetRow dataset, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginStepAsync(cancel);
        await connection.ExecuteAsync(Count, new { id = dataset.Id }, transaction);
        await MoveAsync(connection, transaction, dataset, DatasetEvent.Created);
        await CommitAsync(connection, transaction, dataset);
    }

    /// <summary>Ends a job that failed. A failed update or distribution has changed nothing.</summary>
    public async Task FailAsync(DatasetJob job, string message, string code, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var what = job.Kind == DatasetJobKind.Create ? DatasetEvent.CreateFailed : DatasetEvent.UpdateFailed;
        foreach (var dataset in (DatasetRow?[])[job.Dataset, job.Partner])
        {
            if (dataset is not null)
            {
                await MoveAsync(connection, transaction, dataset, what, message, code);
            }
        }

        await connection.ExecuteAsync("DELETE FROM dataset_jobs WHERE dataset_id = @Id", job.Dataset, transaction);
        await CommitAsync(connection, transaction, job.Dataset);
    }

    /// <summary>The changes that an update is to apply.</summary>
    public async Task<byte[]> ChangesAsync(DatasetRow dataset, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        return await connection.QuerySingleAsync<byte[]>("SELECT changes FROM dataset_jobs WHERE dataset_id = @Id", dataset);
    }

    /// <summary>
    /// Applies all changes and ends the update, or does nothing: an entry of a known image is replaced in its place, others are added at the end.
    /// </summary>
    /// <returns>Null, or the limit that the result would exceed.</returns>
    public async Task<ContentError?> ApplyAsync(DatasetRow dataset, IEnumerable<EntryRow> changes, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginStepAsync(cancel);
        var last = await connection.ExecuteScalarAsync<long?>("SELECT MAX(ordinal) FROM dataset_entries WHERE dataset_id = @Id", dataset, transaction) ?? 0;
        using (var writer = new EntryWriter(connection, transaction, dataset.Id))
        {
            foreach (var change in changes)
            {
                cancel.ThrowIfCancellationRequested();
                if (!await writer.ReplaceAsync(change, cancel))
                {
                    await writer.InsertAsync(change with { Ordinal = ++last }, cancel);
                }
            }
        }

        await connection.ExecuteAsync(Count, new { id = dataset.Id }, transaction);
        var result = await connection.QuerySingleAsync<DatasetRow>(Columns + "WHERE id = @Id", dataset, transaction);
        if (result.Total > EntriesMax || result.Labels > ContentCheck.LabelsMax)
        {
            return result.Total > EntriesMax ? ContentError.TooManyRows : ContentError.TooManyLabels;
        }

        await MoveAsync(connection, transaction, dataset, DatasetEvent.Updated);
        await connection.ExecuteAsync("DELETE FROM dataset_jobs WHERE dataset_id = @Id", dataset, transaction);
        await CommitAsync(connection, transaction, dataset);
        return null;
    }

    /// <summary>The labels of each entry, in order.</summary>
    public async Task<(IReadOnlyList<long> Ordinals, IReadOnlyList<IReadOnlyList<string>> Labels)> LabelsOfEntriesAsync(
        DatasetRow dataset, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var reader = await connection.ExecuteReaderAsync(
            """
            SELECT e.ordinal, l.label FROM dataset_entries e LEFT JOIN dataset_entry_labels l ON l.dataset_id = e.dataset_id AND l.ordinal = e.ordinal
            WHERE e.dataset_id = @Id ORDER BY e.ordinal, l.label
            """,
            dataset);
        var ordinals = new List<long>();
        var labels = new List<IReadOnlyList<string>>();
        // One string for each label, not one for each use.
        var names = new Dictionary<string, string>(StringComparer.Ordinal);
        while (await reader.ReadAsync(cancel))
        {
            var ordinal = reader.GetInt64(0);
            string[] label = reader.IsDBNull(1) ? [] : [Interned(reader.GetString(1))];
            if (ordinals.Count > 0 && ordinals[^1] == ordinal)
            {
                labels[^1] = [.. labels[^1], .. label];
            }
            else
            {
                ordinals.Add(ordinal);
                labels.Add(label);
            }
        }

        return (ordinals, labels);

        string Interned(string text) => names.TryGetValue(text, out var known) ? known : names[text] = text;
    }

    /// <summary>Moves entries from the training to the test dataset and ends the distribution of both, or does nothing.</summary>
    public async Task DistributeAsync(DatasetRow train, DatasetRow test, IEnumerable<long> ordinals, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginStepAsync(cancel);
        using (var writer = new EntryWriter(connection, transaction, train.Id))
        {
            foreach (var ordinal in ordinals)
            {
                cancel.ThrowIfCancellationRequested();
                await writer.MoveAsync(ordinal, test.Id, ordinal, cancel);
            }
        }

        foreach (var dataset in (DatasetRow[])[train, test])
        {
            await connection.ExecuteAsync(Count, new { id = dataset.Id }, transaction);
            await MoveAsync(connection, transaction, dataset, DatasetEvent.Updated);
        }

        await connection.ExecuteAsync("DELETE FROM dataset_jobs WHERE dataset_id = @Id", train, transaction);
        await CommitAsync(connection, transaction, train);
    }

    /// <summary>Commits a part of a job, unless another server may have begun the job.</summary>
    /// <exception cref="LeaseLostException">It may have.</exception>
    private static async Task CommitAsync(DbConnection connection, DbTransaction transaction, DatasetRow dataset)
    {
        if (dataset.Lease is { } lease)
        {
            await lease.HoldAsync(connection, transaction);
        }

        await transaction.CommitAsync(CancellationToken.None);
    }
}
