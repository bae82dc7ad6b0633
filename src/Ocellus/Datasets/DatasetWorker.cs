using System.Threading.Channels;
using Ocellus.Datasets.Manifests;
using Ocellus.Objects;

namespace Ocellus.Datasets;

/// <summary>Imports, copies and removes datasets. The database says what is due: a wake-up may be lost, the work may not.</summary>
internal sealed partial class DatasetWorker(DatasetCatalog datasets, ObjectStore objects, ILogger<DatasetWorker> log) : BackgroundService
{
    /// <summary>Entries written in one transaction: enough to spare flushes, few enough to let other writers in between.</summary>
    private const int BatchEntries = 1000;

    /// <summary>Lines of a manifest. AWS quota.</summary>
    private const int LinesMax = 250_000;

    /// <summary>Bytes of a manifest: 1 GB.</summary>
    private const long ManifestBytesMax = 1L << 30;

    private const string Unreadable = "ERROR_MANIFEST_INACCESSIBLE_OR_UNSUPPORTED_FORMAT: The manifest file extension or contents are invalid.";

    private readonly Channel<bool> _wakes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Tells the worker that something is due.</summary>
    public void Wake() => _wakes.Writer.TryWrite(true);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Wake();
        await foreach (var _ in _wakes.Reader.ReadAllAsync(stoppingToken))
        {
            foreach (var dataset in await datasets.DueAsync(stoppingToken))
            {
                try
                {
                    await (dataset.Status == "DELETE_IN_PROGRESS" ? datasets.RemoveAsync(dataset.Arn, stoppingToken) : ImportAsync(dataset, stoppingToken));
                }
                catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
                {
                    throw;
                }
                catch (Exception failure)
                {
                    JobFailed(log, failure, dataset.Arn);
                    await datasets.MoveAsync(dataset.Arn, "CREATE_IN_PROGRESS", "CREATE_FAILED", "The service experienced an internal error.", "SERVICE_ERROR", stoppingToken);
                }
            }
        }
    }

    private async Task ImportAsync(DatasetRow dataset, CancellationToken cancel)
    {
        await datasets.ClearEntriesAsync(dataset.Arn, cancel);
        var source = (dataset.Source ?? "empty").Split(' ', 2);
        var failure = source[0] switch
        {
            "manifest" => await ImportManifestAsync(dataset.Arn, source[1], cancel),
            "dataset" => await CopyAsync(dataset.Arn, source[1], cancel),
            _ => null,
        };
        if (failure is null)
        {
            await datasets.CompleteAsync(dataset.Arn, cancel);
        }
        else
        {
            await datasets.ClearEntriesAsync(dataset.Arn, cancel);
            await datasets.MoveAsync(dataset.Arn, "CREATE_IN_PROGRESS", "CREATE_FAILED", failure, "CLIENT_ERROR", cancel);
        }

        Imported(log, dataset.Arn, failure ?? "complete");
    }

    private async Task<string?> CopyAsync(string arn, string sourceArn, CancellationToken cancel)
    {
        await datasets.CopyEntriesAsync(arn, sourceArn, cancel);
        return null;
    }

    /// <returns>Null, or the code and text of the terminal error.</returns>
    private async Task<string?> ImportManifestAsync(string arn, string location, CancellationToken cancel)
    {
        var slash = location.IndexOf('/', StringComparison.Ordinal);
        await using var stream = objects.OpenRead(location[..slash], location[(slash + 1)..], out var manifest);
        if (stream is null || manifest is null)
        {
            return Unreadable;
        }

        if (manifest.Size > ManifestBytesMax)
        {
            return "ERROR_MANIFEST_SIZE_TOO_LARGE: The manifest file size exceeds the maximum supported size.";
        }

        var seen = new HashSet<string>(StringComparer.Ordinal);
        var labels = new HashSet<string>(StringComparer.Ordinal);
        var batch = new List<EntryRow>(BatchEntries);
        long lines = 0, dropped = 0;
        await foreach (var line in ManifestReader.ReadAsync(stream, cancel))
        {
            lines++;
            if (lines > LinesMax)
            {
                return ContentError.TooManyRows.Text;
            }

            var parsed = LineParser.Parse(line);
            if (parsed.IsDatasetTerminal || !seen.Add(parsed.SourceRef))
            {
                dropped++;
                continue;
            }

            var entry = ToRow(lines, parsed);
            labels.UnionWith(entry.Labels.Keys);
            if (labels.Count > ContentCheck.LabelsMax)
            {
                return ContentError.TooManyLabels.Text;
            }

            batch.Add(entry);
            if (batch.Count == BatchEntries)
            {
                await datasets.AddEntriesAsync(arn, batch, cancel);
                batch.Clear();
            }
        }

        if (lines == 0)
        {
            return "ERROR_EMPTY_MANIFEST: The manifest file is empty.";
        }

        if (ContentCheck.IsTooMany(dropped, lines))
        {
            return dropped == lines ? Unreadable : ContentError.TooManyRecordsInError.Text;
        }

        await datasets.AddEntriesAsync(arn, batch, cancel);
        return null;
    }

    private static EntryRow ToRow(long ordinal, ParsedLine parsed)
    {
        var labels = new Dictionary<string, bool>(StringComparer.Ordinal);
        foreach (var label in parsed.ImageLabels)
        {
            labels.TryAdd(label, false);
        }

        foreach (var label in parsed.BoxLabels)
        {
            labels[label] = true;
        }

        return new EntryRow(ordinal, parsed.SourceRef, parsed.ToDatasetEntry(), parsed.IsLabeled, parsed.HasErrors, labels);
    }

    [LoggerMessage(1101, LogLevel.Information, "Dataset {DatasetArn}: import ended, {Outcome}")]
    private static partial void Imported(ILogger log, string datasetArn, string outcome);

    [LoggerMessage(1102, LogLevel.Error, "Dataset {DatasetArn}: job failed")]
    private static partial void JobFailed(ILogger log, Exception failure, string datasetArn);
}
