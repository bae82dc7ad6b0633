using System.Data.Common;

namespace Ocellus.Datasets;

/// <summary>Writes entries of one dataset in one transaction, with prepared statements.</summary>
internal sealed class EntryWriter(DbConnection connection, DbTransaction transaction, long datasetId) : IDisposable
{
    private readonly DbCommand _find = Prepare(connection, transaction, "SELECT ordinal FROM dataset_entries WHERE dataset_id = @p0 AND source_ref = @p1", 2);
    private readonly DbCommand _insert = Prepare(
        connection, transaction,
        "INSERT INTO dataset_entries (dataset_id, ordinal, source_ref, labeled, has_errors, entry) VALUES (@p0, @p1, @p2, @p3, @p4, @p5)", 6);
    private readonly DbCommand _replace = Prepare(
        connection, transaction, "UPDATE dataset_entries SET labeled = @p2, has_errors = @p3, entry = @p4 WHERE dataset_id = @p0 AND ordinal = @p1", 5);
    private readonly DbCommand _label = Prepare(
        connection, transaction, "INSERT INTO dataset_entry_labels (dataset_id, ordinal, label, boxes) VALUES (@p0, @p1, @p2, @p3)", 4);
    private readonly DbCommand _unlabel = Prepare(connection, transaction, "DELETE FROM dataset_entry_labels WHERE dataset_id = @p0 AND ordinal = @p1", 2);
    private readonly DbCommand _remove = Prepare(connection, transaction, "DELETE FROM dataset_entries WHERE dataset_id = @p0 AND ordinal = @p1", 2);
    private readonly DbCommand _moveEntry = Prepare(
        connection, transaction, "UPDATE dataset_entries SET dataset_id = @p2, ordinal = @p3 WHERE dataset_id = @p0 AND ordinal = @p1", 4);
    private readonly DbCommand _moveLabels = Prepare(
        connection, transaction, "UPDATE dataset_entry_labels SET dataset_id = @p2, ordinal = @p3 WHERE dataset_id = @p0 AND ordinal = @p1", 4);

    /// <summary>Adds an entry whose image and ordinal are new.</summary>
    public async Task InsertAsync(EntryRow entry, CancellationToken cancel)
    {
        await Bind(_insert, datasetId, entry.Ordinal, entry.SourceRef, entry.Labeled ? 1L : 0L, entry.HasErrors ? 1L : 0L, entry.Entry)
            .ExecuteNonQueryAsync(cancel);
        await LabelAsync(entry.Ordinal, entry.Labels, cancel);
    }

    /// <summary>Replaces the whole entry of the same image, in its place.</summary>
    /// <returns>False when the dataset has no entry of that image; then nothing is written.</returns>
    public async Task<bool> ReplaceAsync(EntryRow entry, CancellationToken cancel)
    {
        if (await Bind(_find, datasetId, entry.SourceRef).ExecuteScalarAsync(cancel) is not long ordinal)
        {
            return false;
        }

        await Bind(_replace, datasetId, ordinal, entry.Labeled ? 1L : 0L, entry.HasErrors ? 1L : 0L, entry.Entry).ExecuteNonQueryAsync(cancel);
        await Bind(_unlabel, datasetId, ordinal).ExecuteNonQueryAsync(cancel);
        await LabelAsync(ordinal, entry.Labels, cancel);
        return true;
    }

    /// <summary>Moves an entry to another dataset.</summary>
    /// <param name="ordinal">Its place here.</param>
    /// <param name="toDatasetId">The other dataset, which has no entry of the image.</param>
    /// <param name="toOrdinal">Its place there, which is free.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task MoveAsync(long ordinal, long toDatasetId, long toOrdinal, CancellationToken cancel)
    {
        await Bind(_moveEntry, datasetId, ordinal, toDatasetId, toOrdinal).ExecuteNonQueryAsync(cancel);
        await Bind(_moveLabels, datasetId, ordinal, toDatasetId, toOrdinal).ExecuteNonQueryAsync(cancel);
    }

    /// <summary>Removes an entry.</summary>
    public async Task RemoveAsync(long ordinal, CancellationToken cancel)
    {
        await Bind(_unlabel, datasetId, ordinal).ExecuteNonQueryAsync(cancel);
        await Bind(_remove, datasetId, ordinal).ExecuteNonQueryAsync(cancel);
    }

    public void Dispose()
    {
        foreach (var command in (ReadOnlySpan<DbCommand>)[_find, _insert, _replace, _label, _unlabel, _remove, _moveEntry, _moveLabels])
        {
            command.Dispose();
        }
    }

    private async Task LabelAsync(long ordinal, IReadOnlyDictionary<string, bool> labels, CancellationToken cancel)
    {
        foreach (var (label, onBox) in labels)
        {
            await Bind(_label, datasetId, ordinal, label, onBox ? 1L : 0L).ExecuteNonQueryAsync(cancel);
        }
    }

    private static DbCommand Prepare(DbConnection connection, DbTransaction transaction, string sql, int parameters)
    {
        var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = sql;
        for (var i = 0; i < parameters; i++)
        {
            var parameter = command.CreateParameter();
            parameter.ParameterName = $"@p{i}";
            command.Parameters.Add(parameter);
        }

        return command;
    }

    private static DbCommand Bind(DbCommand command, params ReadOnlySpan<object> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            command.Parameters[i].Value = values[i];
        }

        return command;
    }
}
