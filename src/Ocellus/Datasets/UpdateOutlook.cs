using Ocellus.Datasets.Manifests;
using Ocellus.Refusals;

namespace Ocellus.Datasets;

/// <summary>What the lines of an update alone say about its result, before it is accepted.</summary>
/// <param name="Lines">Lines; reading stops at one more than <see cref="DatasetCatalog.EntriesMax"/>.</param>
/// <param name="Images">The images that they name, each once.</param>
/// <param name="Labels">Distinct labels among them: the result has at least as many.</param>
internal sealed record UpdateOutlook(long Lines, IReadOnlyList<string> Images, int Labels)
{
    /// <returns>Null if so many lines are bad that the update will change nothing.</returns>
    /// <exception cref="RefusedException">Invalid: a line is not UTF-8.</exception>
    [Assumed("Text that is not UTF-8: changes of UpdateDatasetEntries", "`InvalidParameterException`; the message names the first line and byte.")]
    public static async Task<UpdateOutlook?> ReadAsync(byte[] changes, CancellationToken cancel)
    {
        using var stream = new MemoryStream(changes, writable: false);
        var reader = new EntryReader(stream);
        var images = new List<string>();
        var labels = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var entry in reader.ReadAsync(cancel))
        {
            images.Add(entry.SourceRef);
            labels.UnionWith(entry.Labels.Keys);
        }

        if (reader.EncodingFault is { } fault)
        {
            throw Refused.Invalid($"Changes.GroundTruth: {fault}");
        }

        return reader.Lines <= DatasetCatalog.EntriesMax && ContentCheck.IsTooMany(reader.Dropped, reader.Lines)
            ? null
            : new(reader.Lines, images, labels.Count);
    }
}
