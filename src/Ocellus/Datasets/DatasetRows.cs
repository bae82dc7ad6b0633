using Ocellus.Datasets.Manifests;
using Ocellus.Work;

namespace Ocellus.Datasets;

/// <summary>A dataset as stored.</summary>
internal sealed class DatasetRow
{
    public string Arn { get; init; } = "";

    /// <summary>The id by which entries name their dataset.</summary>
    public long Id { get; init; }

    public string ProjectArn { get; init; } = "";

    public string Type { get; init; } = "";

    public DatasetStatus Status { get; init; }

    public string Message { get; init; } = "";

    public string Code { get; init; } = "";

    public long CreatedMs { get; init; }

    public long UpdatedMs { get; init; }

    /// <summary>Where its entries come from, as the database keeps it.</summary>
    public string? SourceText { get; init; }

    public EntrySource Source => EntrySource.Parse(SourceText);

    public long Total { get; init; }

    public long Labeled { get; init; }

    public long Labels { get; init; }

    public long Errors { get; init; }

    /// <summary>Of the worker whose job it is; null for readers. No transaction of the job is committed without it.</summary>
    public IWorkLease? Lease { get; set; }

    /// <summary>Whether the entries can be read and nothing is changing them.</summary>
    public bool IsReadable => DatasetStates.IsReadable(Status);
}

/// <summary>What a dataset job does.</summary>
internal enum DatasetJobKind
{
    Create,
    Update,
    Distribute,
    Delete,
}

/// <summary>A job that is due.</summary>
/// <param name="Kind">What it does.</param>
/// <param name="Dataset">The dataset whose status says so; for Distribute, the training side.</param>
/// <param name="Partner">The test side for Distribute, else null.</param>
internal sealed record DatasetJob(DatasetJobKind Kind, DatasetRow Dataset, DatasetRow? Partner = null);

/// <summary>One entry as stored: a compact JSON line and what the filters need.</summary>
/// <param name="Ordinal">Place in the dataset, ascending, with gaps.</param>
/// <param name="SourceRef">The image; unique in the dataset.</param>
/// <param name="Entry">The line with the service's additions.</param>
/// <param name="Labeled">Whether it claims a label.</param>
/// <param name="HasErrors">Whether it has <c>cl-errors</c> somewhere.</param>
/// <param name="Labels">Each label, and whether it is on a box.</param>
internal sealed record EntryRow(long Ordinal, string SourceRef, string Entry, bool Labeled, bool HasErrors, IReadOnlyDictionary<string, bool> Labels)
{
    /// <summary>The entry of a line that a dataset job keeps.</summary>
    public static EntryRow From(long ordinal, ParsedLine parsed)
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
}

/// <summary>The filters of ListDatasetEntries. An entry must match all that are given.</summary>
internal sealed record EntryFilter(
    IReadOnlyList<string>? ContainsLabels = null, bool? Labeled = null, string? SourceRefContains = null, bool HasErrors = false);
