using System.Globalization;
using System.Text.RegularExpressions;
using Ocellus.Datasets;
using Ocellus.Refusals;

namespace Ocellus.Console.Images;

/// <summary>Reads what the gallery needs of all images, and all of a few.</summary>
internal sealed partial class ImageIndex(DatasetCatalog datasets, ImageProjects projects, ImageFacts facts, ImageMarks marks)
{
    /// <summary>Images in one part of the index.</summary>
    public const int ChunkMax = 5000;

    /// <summary>Images of which all is told at once: as many as a page has tiles.</summary>
    public const int LinesMax = 200;

    /// <summary>The next images of a set after an ordinal.</summary>
    /// <exception cref="RefusedException">Denied, NotFound; NotReady or InUse: a job holds the dataset.</exception>
    public async Task<IndexChunk> ChunkAsync(ImageProject project, string set, long after, int count, CancellationToken cancel)
    {
        if (project.Find(set) is not { } dataset)
        {
            return Chunk(set, [], 0, [], new Dictionary<string, ImageFact>(), new Dictionary<string, Marks>(), null);
        }

        await projects.RequireAsync(project, "ListDatasetEntries", [set], cancel);
        count = Math.Clamp(count, 1, ChunkMax);
        var page = await datasets.PageAsync(project.Caller, dataset.Arn, after, count, cancel);
        return Chunk(
            set, page, dataset.Total, [.. page.SelectMany(p => p.Labels).Distinct(StringComparer.Ordinal)],
            await facts.KnownAsync(page.Select(p => p.Entry.SourceRef), cancel), await marks.OfAsync(project.Arn, page.Select(p => p.Entry.SourceRef), cancel),
            page.Count == count ? page[^1].Entry.Ordinal : null);
    }

    /// <summary>All of a few images; those that the set does not have are left out.</summary>
    /// <exception cref="RefusedException">Invalid: too many. Denied, NotFound; NotReady or InUse: a job holds the dataset.</exception>
    public async Task<IReadOnlyList<ImageState>> LinesAsync(ImageProject project, string set, IReadOnlyList<long> ordinals, CancellationToken cancel)
    {
        if (ordinals.Count > LinesMax)
        {
            throw Refused.Invalid($"At most {LinesMax} images can be read at once; received {ordinals.Count}.");
        }

        var dataset = project.Get(set);
        await projects.RequireAsync(project, "ListDatasetEntries", [set], cancel);
        var entries = await datasets.EntriesAsync(project.Caller, dataset.Arn, [.. ordinals.Distinct()], cancel);
        var known = await facts.KnownAsync(entries.Select(e => e.SourceRef), cancel);
        var marked = await marks.OfAsync(project.Arn, entries.Select(e => e.SourceRef), cancel);
        return [.. entries.Select(e => StateOf(set, e, known.GetValueOrDefault(e.SourceRef), marked.GetValueOrDefault(e.SourceRef)))];
    }

    /// <summary>One entry by its ordinal, for its picture.</summary>
    /// <exception cref="RefusedException">NotFound: no such image. Denied; NotReady or InUse: a job holds the dataset.</exception>
    public async Task<StoredEntry> EntryAsync(ImageProject project, string set, long ordinal, CancellationToken cancel)
    {
        var dataset = project.Get(set);
        await projects.RequireAsync(project, "ListDatasetEntries", [set], cancel);
        return (await datasets.EntriesAsync(project.Caller, dataset.Arn, [ordinal], cancel)) is [var entry]
            ? entry
            : throw Refused.NotFound($"The {dataset.Type} dataset has no image {ordinal}.");
    }

    /// <summary>An image as a person sees it.</summary>
    public static ImageState StateOf(string set, StoredEntry entry, ImageFact? fact, Marks? marked)
    {
        var labels = LineLabels.Read(LineLabels.Parse(entry.Entry), fact?.Header);
        var header = fact?.Header;
        return new(
            set, entry.Ordinal, entry.SourceRef, entry.Revision, labels.Labels, labels.Boxes,
            ImageFlags.Of(entry.Entry, entry.Labeled, entry.HasErrors, marked), header?.UprightWidth ?? 0, header?.UprightHeight ?? 0, fact?.Version ?? "");
    }

    private static IndexChunk Chunk(
        string set, IReadOnlyList<(StoredEntry Entry, IReadOnlyList<string> Labels)> page, long total, IReadOnlyList<string> names,
        IReadOnlyDictionary<string, ImageFact> known, IReadOnlyDictionary<string, Marks> marked, long? next)
    {
        var places = names.Index().ToDictionary(n => n.Item, n => n.Index, StringComparer.Ordinal);
        var prefix = Prefix([.. page.Select(p => p.Entry.SourceRef)]);
        return new IndexChunk
        {
            Set = set,
            Prefix = prefix,
            Ordinals = [.. page.Select(p => p.Entry.Ordinal)],
            Names = [.. page.Select(p => p.Entry.SourceRef[prefix.Length..])],
            Aspects = [.. page.Select(p => Aspect(p.Entry.Entry, known.GetValueOrDefault(p.Entry.SourceRef)))],
            LabelNames = names,
            Labels = [.. page.Select(p => (IReadOnlyList<int>)[.. p.Labels.Select(l => places[l])])],
            Flags =
            [
                .. page.Select(p => ImageFlags.Of(p.Entry.Entry, p.Entry.Labeled, p.Entry.HasErrors, marked.GetValueOrDefault(p.Entry.SourceRef))),
            ],
            Revisions = [.. page.Select(p => p.Entry.Revision)],
            Versions = [.. page.Select(p => known.GetValueOrDefault(p.Entry.SourceRef)?.Version ?? "")],
            Next = next,
            Total = total,
        };
    }

    /// <summary>What all names begin with, up to a slash.</summary>
    private static string Prefix(IReadOnlyList<string> names)
    {
        if (names.Count == 0)
        {
            return "";
        }

        var common = names[0].AsSpan();
        foreach (var name in names)
        {
            common = common[..common.CommonPrefixLength(name)];
        }

        return names[0][..(common.LastIndexOf('/') + 1)];
    }

    private static double Aspect(string entry, ImageFact? fact)
    {
        if (fact?.Header is { } header)
        {
            return Math.Round((double)header.UprightWidth / header.UprightHeight, 3);
        }

        var size = ImageSize().Match(entry);
        return size.Success && Number(1) is > 0 and var width && Number(2) is > 0 and var height ? Math.Round(width / height, 3) : 0;

        double Number(int group) => double.Parse(size.Groups[group].ValueSpan, CultureInfo.InvariantCulture);
    }

    [GeneratedRegex("""
        "image_size":\[\{"width":(\d{1,6}),"height":(\d{1,6})
        """, RegexOptions.CultureInvariant)]
    private static partial Regex ImageSize();
}
