using System.Data.Common;
using System.Security.Cryptography;
using System.Text;
using Dapper;
using Ocellus.Datasets.Manifests;
using Ocellus.Refusals;

namespace Ocellus.Datasets;

/// <summary>An entry with its place.</summary>
internal sealed record StoredEntry
{
    public long Ordinal { get; init; }

    public string SourceRef { get; init; } = "";

    public string Entry { get; init; } = "";

    public bool Labeled { get; init; }

    public bool HasErrors { get; init; }

    /// <summary>Characters of a revision.</summary>
    public const int RevisionLength = 16;

    /// <summary>Names this state of the entry: it changes with every change of the line.</summary>
    public string Revision => RevisionOf(Entry);

    /// <summary>The first 16 hexadecimal digits of the SHA-256 of a stored line.</summary>
    public static string RevisionOf(string entry) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(entry)).AsSpan(0, RevisionLength / 2));
}

/// <summary>
/// Changes of a few entries of one dataset in one transaction. What DescribeDataset reports is counted by difference: a recount of a large dataset would take
/// longer than the change.
/// </summary>
internal sealed class EntryChanges(DbConnection connection, DbTransaction transaction, DatasetRow dataset) : IDisposable
{
    private const string Columns = "SELECT ordinal, source_ref, entry, labeled, has_errors FROM dataset_entries ";

    private readonly EntryWriter _writer = new(connection, transaction, dataset.Id);

    /// <summary>Each label that a change touched, and whether the dataset had it before.</summary>
    private readonly Dictionary<string, bool> _labels = new(StringComparer.Ordinal);

    private long? _last;

    /// <summary>Whether anything has changed.</summary>
    public bool HasChanged { get; private set; }

    /// <summary>The dataset as it was before the changes.</summary>
    public DatasetRow Dataset => dataset;

    /// <summary>The transaction, for rows elsewhere that belong to the change.</summary>
    public DbTransaction Transaction => transaction;

    public DbConnection Connection => connection;

    public long Total { get; private set; } = dataset.Total;

    public long Labeled { get; private set; } = dataset.Labeled;

    public long Errors { get; private set; } = dataset.Errors;

    /// <summary>The entry of an image; null if the dataset has none.</summary>
    public Task<StoredEntry?> FindAsync(string sourceRef) =>
        connection.QuerySingleOrDefaultAsync<StoredEntry>(
            Columns + "WHERE dataset_id = @Id AND source_ref = @sourceRef", new { dataset.Id, sourceRef }, transaction);

    /// <summary>The next entries with a label, after an ordinal.</summary>
    public async Task<IReadOnlyList<StoredEntry>> WithLabelAsync(string label, long after, int count) =>
        [
            .. await connection.QueryAsync<StoredEntry>(
                Columns + "WHERE dataset_id = @Id AND ordinal IN (SELECT ordinal FROM dataset_entry_labels WHERE dataset_id = @Id AND label = "
                    + "@label AND ordinal > @after ORDER BY ordinal LIMIT @count) ORDER BY ordinal",
                new { dataset.Id, label, after, count },
                transaction),
        ];

    /// <summary>Replaces an entry by a line of the same image.</summary>
    /// <returns>The entry as stored.</returns>
    public async Task<StoredEntry> ReplaceAsync(StoredEntry old, ParsedLine line, CancellationToken cancel)
    {
        var row = EntryRow.From(old.Ordinal, line);
        await TouchLabelsOfAsync(old.Ordinal);
        await TouchAsync(row.Labels.Keys);
        await _writer.ReplaceAsync(row, cancel);
        Count(old, -1);
        return Count(Stored(row), 1);
    }

    /// <summary>Adds a line whose image the dataset does not have.</summary>
    /// <param name="line">The line.</param>
    /// <param name="ordinal">Its place if that is free; otherwise, and for null, it goes to the end.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task<StoredEntry> AddAsync(ParsedLine line, long? ordinal, CancellationToken cancel)
    {
        var row = EntryRow.From(ordinal is { } place && await IsFreeAsync(place) ? place : await NextAsync(), line);
        await TouchAsync(row.Labels.Keys);
        await _writer.InsertAsync(row, cancel);
        return Count(Stored(row), 1);
    }

    /// <summary>Removes an entry.</summary>
    public async Task RemoveAsync(StoredEntry entry, CancellationToken cancel)
    {
        await TouchLabelsOfAsync(entry.Ordinal);
        await _writer.RemoveAsync(entry.Ordinal, cancel);
        Count(entry, -1);
    }

    /// <summary>Moves an entry to another dataset, where it keeps its ordinal if that is free.</summary>
    public async Task<StoredEntry> MoveAsync(StoredEntry entry, EntryChanges to, CancellationToken cancel)
    {
        var ordinal = await to.IsFreeAsync(entry.Ordinal) ? entry.Ordinal : await to.NextAsync();
        await TouchLabelsOfAsync(entry.Ordinal);
        await to.TouchAsync(await LabelsOfAsync(entry.Ordinal));
        await _writer.MoveAsync(entry.Ordinal, to.Dataset.Id, ordinal, cancel);
        to._last = Math.Max(to._last ?? 0, ordinal);
        Count(entry, -1);
        return to.Count(entry with { Ordinal = ordinal }, 1);
    }

    /// <summary>Distinct labels after the changes.</summary>
    /// <exception cref="RefusedException">LimitExceeded: the changes bring the dataset over the limit of entries or labels.</exception>
    public async Task<long> CheckAsync()
    {
        var labels = dataset.Labels;
        foreach (var (label, before) in _labels)
        {
            labels += (await HasAsync(label) ? 1 : 0) - (before ? 1 : 0);
        }

        if (Total > DatasetCatalog.EntriesMax && Total > dataset.Total)
        {
            throw Refused.Limit($"The dataset would have {Total} entries; it may have {DatasetCatalog.EntriesMax}.");
        }

        return labels > ContentCheck.LabelsMax && labels > dataset.Labels
            ? throw Refused.Limit($"The dataset would have {labels} labels; it may have {ContentCheck.LabelsMax}.")
            : labels;
    }

    public void Dispose() => _writer.Dispose();

    private static StoredEntry Stored(EntryRow row) =>
        new() { Ordinal = row.Ordinal, SourceRef = row.SourceRef, Entry = row.Entry, Labeled = row.Labeled, HasErrors = row.HasErrors };

    private StoredEntry Count(StoredEntry entry, int sign)
    {
        HasChanged = true;
        Total += sign;
        Labeled += entry.Labeled ? sign : 0;
        Errors += entry.HasErrors ? sign : 0;
        return entry;
    }

    private async Task<long> NextAsync()
    {
        _last ??= await connection.ExecuteScalarAsync<long?>("SELECT MAX(ordinal) FROM dataset_entries WHERE dataset_id = @Id", dataset, transaction) ?? 0;
        _last++;
        return _last.Value;
    }

    private async Task<bool> IsFreeAsync(long ordinal) =>
        ordinal > 0 && await connection.ExecuteScalarAsync<long>(
            "SELECT COUNT(*) FROM dataset_entries WHERE dataset_id = @Id AND ordinal = @ordinal", new { dataset.Id, ordinal }, transaction) == 0;

    private async Task<IEnumerable<string>> LabelsOfAsync(long ordinal) =>
        await connection.QueryAsync<string>(
            "SELECT label FROM dataset_entry_labels WHERE dataset_id = @Id AND ordinal = @ordinal", new { dataset.Id, ordinal }, transaction);

    private async Task TouchLabelsOfAsync(long ordinal) => await TouchAsync(await LabelsOfAsync(ordinal));

    private async Task TouchAsync(IEnumerable<string> labels)
    {
        foreach (var label in labels)
        {
            if (!_labels.ContainsKey(label))
            {
                _labels[label] = await HasAsync(label);
            }
        }
    }

    private async Task<bool> HasAsync(string label) =>
        await connection.ExecuteScalarAsync<long>(
            "SELECT COUNT(*) FROM (SELECT ordinal FROM dataset_entry_labels WHERE dataset_id = @Id AND label = @label LIMIT 1) one", new { dataset.Id, label },
            transaction) > 0;
}
