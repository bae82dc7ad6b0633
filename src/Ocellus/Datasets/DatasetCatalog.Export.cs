using System.Text;
using Dapper;
using Ocellus.Datasets.Manifests;
using Ocellus.Protocol;
using Ocellus.Storage;

namespace Ocellus.Datasets;

internal sealed partial class DatasetCatalog
{
    /// <summary>Characters that the export gathers before it writes to its target.</summary>
    private const int ExportBufferCharacters = 64 * 1024;

    /// <summary>Writes all entries in order as JSON Lines (UTF-8, LF), without <c>cl-metadata</c> and <c>cl-errors</c>: one consistent state, never held in memory. The target is left open.</summary>
    /// <returns>How many lines were written.</returns>
    /// <exception cref="RefusedException">NotFound: no such dataset. NotReady: a job is changing its entries, or it has none because its creation failed.</exception>
    public async Task<long> ExportAsync(string datasetArn, Stream target, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = connection.BeginSnapshot();
        var status = await connection.QuerySingleOrDefaultAsync<string>("SELECT status FROM datasets WHERE arn = @datasetArn", new { datasetArn }, transaction)
            ?? throw Refused.NotFound($"No dataset {Readable.Cut(datasetArn)} exists.");
        if (status is not ("CREATE_COMPLETE" or "UPDATE_COMPLETE" or "UPDATE_FAILED"))
        {
            throw Refused.NotReady($"The dataset is {status}; its entries can be read when it is CREATE_COMPLETE, UPDATE_COMPLETE or UPDATE_FAILED.");
        }

        await using var writer = new StreamWriter(target, new UTF8Encoding(false), ExportBufferCharacters, leaveOpen: true) { NewLine = "\n" };
        await using var reader = await connection.ExecuteReaderAsync("SELECT entry, has_errors FROM dataset_entries WHERE dataset_arn = @datasetArn ORDER BY ordinal", new { datasetArn }, transaction);
        long count = 0;
        while (await reader.ReadAsync(cancel))
        {
            await writer.WriteLineAsync(ParsedLine.WithoutAdditions(reader.GetString(0), reader.GetInt64(1) != 0).AsMemory(), cancel);
            count++;
        }

        await writer.FlushAsync(cancel);
        return count;
    }
}
