using Ocellus.Datasets.Manifests;
using Ocellus.Objects;
using Ocellus.Projects;

namespace Ocellus.Datasets;

/// <summary>The work of each dataset job. A job may stop anywhere and be run again from its start: the result is that of one uninterrupted run.</summary>
internal sealed partial class DatasetJobs(DatasetCatalog datasets, IObjects objects, ILogger<DatasetJobs> log)
{
    /// <summary>Entries of an import written in one transaction: enough to save flushes, few enough to let other writers in.</summary>
    private const int BatchEntries = 1000;

    /// <summary>Characters of entries held for one transaction: lines may have 100,000 each.</summary>
    private const int BatchCharacters = 4 * 1024 * 1024;

    /// <summary>Maximum bytes of a manifest: 1 GB.</summary>
    private const long ManifestBytesMax = 1L << 30;

    private const string Unreadable = "ERROR_MANIFEST_INACCESSIBLE_OR_UNSUPPORTED_FORMAT: The manifest file extension or contents are invalid.";
    private const string NotPermitted = "ERROR_INVALID_PERMISSIONS_MANIFEST_S3_BUCKET: The S3 bucket permissions are incorrect.";
    private const string TooLarge = "ERROR_MANIFEST_SIZE_TOO_LARGE: The manifest file size exceeds the maximum supported size.";
    private const string Empty = "ERROR_EMPTY_MANIFEST: The manifest file is empty.";
    private const string NotDistributable = "ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_DISTRIBUTE: The manifest file doesn't have enough labeled images to "
        + "distribute the dataset.";

    /// <summary>Runs a job and ends it.</summary>
    public async Task RunAsync(DatasetJob job, CancellationToken cancel)
    {
        var failure = job.Kind switch
        {
            DatasetJobKind.Create => await CreateAsync(job.Dataset, cancel),
            DatasetJobKind.Update => await UpdateAsync(job.Dataset, cancel),
            DatasetJobKind.Distribute => await DistributeAsync(job.Dataset, job.Partner!, cancel),
            DatasetJobKind.Delete => await DeleteAsync(job.Dataset, cancel),
        };
        if (failure is not null)
        {
            await FailAsync(job, failure, "CLIENT_ERROR", cancel);
        }

        Ended(log, job.Kind, job.Dataset.Arn, failure ?? "complete");
    }

    /// <summary>Ends a job as failed. A dataset whose creation failed has no entries.</summary>
    [Assumed(
        "StatusMessage of a dataset that failed",
        "The code and the sentence of the error, such as `ERROR_EMPTY_MANIFEST: The manifest file is empty.`")]
    public async Task FailAsync(DatasetJob job, string message, string code, CancellationToken cancel)
    {
        if (job.Kind == DatasetJobKind.Create)
        {
            await ClearAsync(job.Dataset, cancel);
        }

        await datasets.FailAsync(job, message, code, cancel);
    }

    /// <returns>Null, or the code and text of the terminal error; likewise below.</returns>
    private async Task<string?> CreateAsync(DatasetRow dataset, CancellationToken cancel)
    {
        // An earlier, interrupted run may have left some.
        await ClearAsync(dataset, cancel);
        var failure = dataset.Source switch
        {
            EntrySource.Manifest manifest => await ImportAsync(dataset, manifest, cancel),
            EntrySource.DeniedManifest => NotPermitted,
            EntrySource.Dataset source => await CopyAsync(dataset, source.Arn, cancel),
            _ => null,
        };
        if (failure is null)
        {
            await datasets.CompleteAsync(dataset, cancel);
        }

        return failure;
    }

    [Assumed(
        "Text that is not UTF-8: manifests",
        "The dataset is `CREATE_FAILED`, or the version `TRAINING_FAILED`; `StatusMessage` names the first line and byte. A UTF-8 byte order mark "
        + "is fine.")]
    private async Task<string?> ImportAsync(DatasetRow dataset, EntrySource.Manifest source, CancellationToken cancel)
    {
        // The bucket may have been deleted since, and another account may have taken its name.
        var arn = Arn.Parse(dataset.Arn);
        if (await objects.FindBucketAsync(source.Bucket, cancel) is { } bucket && !(bucket.IsOf(arn.AccountId) && bucket.IsIn(arn.Region)))
        {
            return NotPermitted;
        }

        await using var manifest = await OpenAsync(source.Bucket, source.Key, cancel);
        if (manifest is null)
        {
            return Unreadable;
        }

        if (manifest.Size > ManifestBytesMax)
        {
            return TooLarge;
        }

        var reader = new EntryReader(manifest.Stream);
        var labels = new HashSet<string>(StringComparer.Ordinal);
        var batch = new List<EntryRow>(BatchEntries);
        long characters = 0;
        await foreach (var entry in reader.ReadAsync(cancel))
        {
            labels.UnionWith(entry.Labels.Keys);
            if (labels.Count > ContentCheck.LabelsMax)
            {
                return ContentError.TooManyLabels.Text;
            }

            batch.Add(entry);
            characters += entry.Entry.Length;
            if (batch.Count == BatchEntries || characters >= BatchCharacters)
            {
                await datasets.AddEntriesAsync(dataset, batch, cancel);
                Imported(log, dataset.Arn, reader.Lines);
                batch.Clear();
                characters = 0;
            }
        }

        if (reader.Lines == 0)
        {
            return Empty;
        }

        if (reader.Lines > DatasetCatalog.EntriesMax)
        {
            return ContentError.TooManyRows.Text;
        }

        if (reader.EncodingFault is { } fault)
        {
            return $"{Unreadable} {fault}";
        }

        if (!reader.IsJsonLines)
        {
            return Unreadable;
        }

        if (ContentCheck.IsTooMany(reader.Dropped, reader.Lines))
        {
            return ContentError.TooManyRecordsInError.Text;
        }

        await datasets.AddEntriesAsync(dataset, batch, cancel);
        return null;
    }

    private async Task<ObjectContent?> OpenAsync(string bucket, string key, CancellationToken cancel)
    {
        try
        {
            return await objects.OpenReadAsync(bucket, key, cancel);
        }
        catch (S3Exception)
        {
            // The bucket was deleted after the request was answered.
            return null;
        }
    }

    private async Task<string?> CopyAsync(DatasetRow dataset, string source, CancellationToken cancel)
    {
        for (long? after = 0; after is { } reached;)
        {
            after = await datasets.CopyStepAsync(dataset, source, reached, cancel);
        }

        return null;
    }

    private async Task<string?> UpdateAsync(DatasetRow dataset, CancellationToken cancel)
    {
        using var changes = new MemoryStream(await datasets.ChangesAsync(dataset, cancel), writable: false);
        var reader = new EntryReader(changes);
        var entries = new List<EntryRow>();
        await foreach (var entry in reader.ReadAsync(cancel))
        {
            entries.Add(entry);
        }

        if (reader.Lines > DatasetCatalog.EntriesMax)
        {
            return ContentError.TooManyRows.Text;
        }

        // Changes that an earlier version of the program accepted.
        if (reader.EncodingFault is { } fault)
        {
            return $"{Unreadable} {fault}";
        }

        return ContentCheck.IsTooMany(reader.Dropped, reader.Lines)
            ? ContentError.TooManyRecordsInError.Text
            : (await datasets.ApplyAsync(dataset, entries, cancel))?.Text;
    }

    [Assumed(
        "DistributeDatasetEntries: which entries move",
        "A fifth of them, divided label by label. The same entries give the same split. A label with fewer than two entries ends both datasets as "
        + "`UPDATE_FAILED`.")]
    private async Task<string?> DistributeAsync(DatasetRow train, DatasetRow test, CancellationToken cancel)
    {
        var (ordinals, labels) = await datasets.LabelsOfEntriesAsync(train, cancel);
        if (StratifiedSplit.Split(labels) is not { } isTest)
        {
            return NotDistributable;
        }

        await datasets.DistributeAsync(train, test, ordinals.Where((_, index) => isTest[index]), cancel);
        return null;
    }

    private async Task<string?> DeleteAsync(DatasetRow dataset, CancellationToken cancel)
    {
        await ClearAsync(dataset, cancel);
        await datasets.RemoveAsync(dataset, cancel);
        return null;
    }

    private async Task ClearAsync(DatasetRow dataset, CancellationToken cancel)
    {
        while (await datasets.ClearStepAsync(dataset, cancel))
        {
        }
    }

    [LoggerMessage(1101, LogLevel.Information, "{Kind} of {DatasetArn} ended: {Outcome}")]
    private static partial void Ended(ILogger log, DatasetJobKind kind, string datasetArn, string outcome);

    [LoggerMessage(1103, LogLevel.Debug, "Import of {DatasetArn}: {Lines} lines")]
    private static partial void Imported(ILogger log, string datasetArn, long lines);
}
