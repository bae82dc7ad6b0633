using System.Data.Common;
using System.Globalization;
using System.Text;
using Dapper;
using Ocellus.Datasets.Manifests;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Refusals;
using Ocellus.Storage;

namespace Ocellus.Datasets;

// Reads entries and labels. Status and content are of one snapshot: no page shows half a job.
internal sealed partial class DatasetCatalog
{
    /// <summary>Characters that the export buffers.</summary>
    private const int ExportBufferCharacters = 64 * 1024;

    /// <summary>Candidates in one step of a filter by label and others. Each is a parameter of a statement, and SQLite takes 32,766.</summary>
    private const int CandidatesMax = 5000;

    /// <summary>One page of entries in manifest order, after an ordinal.</summary>
    /// <exception cref="RefusedException">NotFound: no such dataset. NotReady or InUse: a job is creating, changing or removing it.</exception>
    public async Task<IReadOnlyList<(long Ordinal, string Entry)>> ListEntriesAsync(
        Caller caller, string arn, EntryFilter filter, long after, int count, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = connection.BeginSnapshot();
        var id = (await RequireReadableAsync(connection, transaction, caller, arn)).Id;
        if (filter.ContainsLabels is not { Count: > 0 } contained)
        {
            return await PageAsync(null, after, count);
        }

        // A label's index comes first, so that a rare label needs no scan of the dataset; the other filters apply to its next entries.
        var labels = contained.Distinct(StringComparer.Ordinal).ToList();
        var rows = new List<(long, string)>();
        var isByLabelOnly = filter is { Labeled: null, SourceRefContains: null, HasErrors: false };
        for (var window = isByLabelOnly ? count : Math.Max(count, 500); rows.Count < count; window = Math.Min(window * 4, CandidatesMax))
        {
            var parameters = new DynamicParameters(new { id, after, window });
            for (var i = 0; i < labels.Count; i++)
            {
                parameters.Add(string.Create(CultureInfo.InvariantCulture, $"label{i}"), labels[i]);
            }

            var candidates = (await connection.QueryAsync<long>(CandidateSql(labels.Count), parameters, transaction)).ToList();
            if (candidates.Count > 0)
            {
                rows.AddRange(await PageAsync(candidates, after, count - rows.Count));
                after = candidates[^1];
            }

            if (candidates.Count < window)
            {
                break;
            }
        }

        return rows;

        async Task<List<(long, string)>> PageAsync(IReadOnlyList<long>? candidates, long from, int max) =>
            [.. await connection.QueryAsync<(long, string)>(
                EntrySql(filter, candidates is not null),
                new { id, after = from, count = max, labeled = filter.Labeled is true ? 1 : 0, filter.SourceRefContains, candidates },
                transaction)];
    }

    /// <summary>One page of labels in order of first appearance, with the number of images that have the label, and of those that have it on a box.</summary>
    /// <exception cref="RefusedException">NotFound: no such dataset. NotReady or InUse: a job is creating, changing or removing it.</exception>
    public async Task<IReadOnlyList<(string Label, long Entries, long Boxes)>> ListLabelsAsync(
        Caller caller, string arn, int skip, int count, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = connection.BeginSnapshot();
        var id = (await RequireReadableAsync(connection, transaction, caller, arn)).Id;
        return [.. await connection.QueryAsync<(string, long, long)>(LabelSql, new { id, skip, count }, transaction)];
    }

    /// <summary>
    /// Writes all entries in order as JSON Lines (UTF-8, LF), without <c>cl-metadata</c> and <c>cl-errors</c>: one consistent state, streamed. The target is
    /// left open.
    /// </summary>
    /// <returns>The number of lines written.</returns>
    /// <exception cref="RefusedException">NotFound: no such dataset. NotReady: a job is changing its entries, or it has none because its creation
    /// failed.</exception>
    public async Task<long> ExportAsync(string datasetArn, Stream target, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = connection.BeginSnapshot();
        var dataset = await connection.QuerySingleOrDefaultAsync<DatasetRow>(Columns + "WHERE arn = @datasetArn", new { datasetArn }, transaction)
            ?? throw Refused.NotFound($"No dataset {Readable.Truncate(datasetArn)} exists.");
        if (!dataset.IsReadable)
        {
            throw Refused.NotReady($"The dataset is {dataset.Status}; its entries can be read when it is CREATE_COMPLETE, UPDATE_COMPLETE or UPDATE_FAILED.");
        }

        await using var writer = new StreamWriter(target, new UTF8Encoding(false), ExportBufferCharacters, leaveOpen: true) { NewLine = "\n" };
        await using var reader = await connection.ExecuteReaderAsync(
            "SELECT entry, has_errors FROM dataset_entries WHERE dataset_id = @Id ORDER BY ordinal", dataset, transaction);
        long count = 0;
        while (await reader.ReadAsync(cancel))
        {
            await writer.WriteLineAsync(ParsedLine.WithoutAdditions(reader.GetString(0), reader.GetInt64(1) != 0).AsMemory(), cancel);
            count++;
        }

        await writer.FlushAsync(cancel);
        return count;
    }

    internal const string LabelSql = "SELECT label, COUNT(*), CAST(SUM(boxes) AS BIGINT) FROM dataset_entry_labels WHERE dataset_id = @id GROUP BY label "
        + "ORDER BY MIN(ordinal), label LIMIT @count OFFSET @skip";

    internal static string EntrySql(EntryFilter filter, bool amongCandidates) =>
        "SELECT ordinal, entry FROM dataset_entries WHERE dataset_id = @id AND ordinal > @after"
        + (amongCandidates ? " AND ordinal IN @candidates" : "")
        + (filter.Labeled is null ? "" : " AND labeled = @labeled")
        + (filter.HasErrors ? " AND has_errors = 1" : "")
        // Exact and case-sensitive in SQLite and PostgreSQL alike; LIKE is neither, and instr and strpos each exist in one of them only.
        + (filter.SourceRefContains is null ? "" : " AND REPLACE(source_ref, @SourceRefContains, '') <> source_ref")
        + " ORDER BY ordinal LIMIT @count";

    internal static string CandidateSql(int labels) =>
        string.Join(" UNION ", Enumerable.Range(0, labels).Select(i => string.Create(
            CultureInfo.InvariantCulture,
            $"SELECT ordinal FROM (SELECT ordinal FROM dataset_entry_labels WHERE dataset_id = @id AND label = @label{i} AND ordinal > @after ORDER BY "
                + $"ordinal LIMIT @window) of_label_{i}")))
        + " ORDER BY ordinal LIMIT @window";

    private static async Task<DatasetRow> RequireReadableAsync(DbConnection connection, DbTransaction transaction, Caller caller, string arn)
    {
        var row = await FindAsync(connection, transaction, caller, arn);
        return row.Status switch
        {
            DatasetStatus.DELETE_IN_PROGRESS => throw Refused.InUse("The dataset is being deleted."),
            _ when !row.IsReadable =>
                throw Refused.NotReady($"The dataset is {row.Status}; its entries can be read when it is CREATE_COMPLETE, UPDATE_COMPLETE or UPDATE_FAILED."),
            _ => row,
        };
    }
}
