using Dapper;
using Ocellus.Datasets;
using Ocellus.Datasets.Manifests;
using Ocellus.Refusals;
using Ocellus.Storage;

namespace Ocellus.Console.Images;

/// <summary>How many images of each set have a label.</summary>
internal sealed record LabelBalance(string Name, long Train, long Test, long TrainBoxes, long TestBoxes);

/// <summary>Where an image is.</summary>
internal sealed record HealthImage(string Set, long Ordinal, string Image, string Version);

/// <summary>A line with errors, in words.</summary>
internal sealed record HealthError(HealthImage Image, IReadOnlyList<string> Messages);

/// <summary>What is wrong with a project's images, or may be.</summary>
/// <param name="Images">Images of both sets.</param>
/// <param name="Read">Images whose content has been read; duplicates are known among these alone.</param>
/// <param name="Balance">Each label, the rarest first.</param>
/// <param name="TooFew">Labels with fewer training images than a training needs to learn them well.</param>
/// <param name="Duplicates">Groups of images with the same content, in one set.</param>
/// <param name="Leaks">Groups of images with the same content, in both sets.</param>
/// <param name="Errors">Lines with errors.</param>
/// <param name="MoreErrors">Lines with errors that are not listed.</param>
internal sealed record HealthAnswer(
    long Images, long Read, IReadOnlyList<LabelBalance> Balance, IReadOnlyList<string> TooFew, IReadOnlyList<IReadOnlyList<HealthImage>> Duplicates,
    IReadOnlyList<IReadOnlyList<HealthImage>> Leaks, IReadOnlyList<HealthError> Errors, long MoreErrors);

/// <summary>Looks for what would harm a training, before one begins.</summary>
internal sealed class ImageHealth(DataDirectory data, DatasetCatalog datasets, ImageProjects projects, ImageFacts facts)
{
    /// <summary>Training images below which a label is said to have too few.</summary>
    public const int FewBelow = 10;

    /// <summary>Groups of duplicates, and lines with errors, that are listed.</summary>
    private const int ListedMax = 200;

    /// <exception cref="RefusedException">Denied; NotReady or InUse: a job holds a dataset.</exception>
    public async Task<HealthAnswer> ReadAsync(ImageProject project, CancellationToken cancel)
    {
        await projects.RequireAsync(project, "ListDatasetEntries", project.Sets, cancel);
        var balance = await BalanceAsync(project, cancel);
        await facts.FlushAsync(cancel);
        await using var connection = await data.ConnectAsync(cancel);
        var read = await connection.ExecuteScalarAsync<long>(
            "SELECT COUNT(*) FROM dataset_entries e JOIN datasets d ON d.id = e.dataset_id JOIN console_image_facts f ON f.source_ref = e.source_ref WHERE "
                + "d.project_arn = @Arn",
            new { project.Arn });
        var same = (await connection.QueryAsync<SameRow>(
            """
            SELECT f.sha256, d.type, e.ordinal, e.source_ref FROM dataset_entries e JOIN datasets d ON d.id = e.dataset_id
                JOIN console_image_facts f ON f.source_ref = e.source_ref
            WHERE d.project_arn = @Arn AND f.sha256 IN (
                SELECT g.sha256 FROM dataset_entries o JOIN datasets p ON p.id = o.dataset_id JOIN console_image_facts g ON g.source_ref = o.source_ref
                WHERE p.project_arn = @Arn GROUP BY g.sha256 HAVING COUNT(*) > 1)
            ORDER BY f.sha256, d.type DESC, e.ordinal
            """,
            new { project.Arn })).GroupBy(r => r.Sha256, StringComparer.Ordinal).Select(g => g.Select(r => r.Image).ToList()).ToList();
        var (errors, more) = await ErrorsAsync(project, cancel);
        return new(
            project.Datasets.Sum(d => d.Total), read, balance, [.. balance.Where(b => b.Train < FewBelow).Select(b => b.Name)],
            [.. same.Where(g => g.TrueForAll(i => i.Set == g[0].Set)).Take(ListedMax)],
            [.. same.Where(g => !g.TrueForAll(i => i.Set == g[0].Set)).Take(ListedMax)], errors, more);
    }

    private async Task<IReadOnlyList<LabelBalance>> BalanceAsync(ImageProject project, CancellationToken cancel)
    {
        var balance = new Dictionary<string, LabelBalance>(StringComparer.Ordinal);
        foreach (var set in project.Sets)
        {
            foreach (var (name, images, boxes) in await datasets.ListLabelsAsync(
                project.Caller, project.Get(set).Arn, 0, ContentCheck.LabelsMax * 2, cancel))
            {
                var label = balance.GetValueOrDefault(name) ?? new(name, 0, 0, 0, 0);
                balance[name] = set == ImageSet.Train ? label with { Train = images, TrainBoxes = boxes } : label with { Test = images, TestBoxes = boxes };
            }
        }

        return [.. balance.Values.OrderBy(b => b.Train).ThenBy(b => b.Name, StringComparer.Ordinal)];
    }

    private async Task<(IReadOnlyList<HealthError> Errors, long More)> ErrorsAsync(ImageProject project, CancellationToken cancel)
    {
        var errors = new List<HealthError>();
        foreach (var set in project.Sets)
        {
            foreach (var (ordinal, entry) in await datasets.ListEntriesAsync(
                project.Caller, project.Get(set).Arn, new EntryFilter(HasErrors: true), 0, ListedMax - errors.Count, cancel))
            {
                var line = LineLabels.Parse(entry);
                errors.Add(new(new(set, ordinal, line.SourceRef, ""), [.. line.Issues.Where(i => !i.IsWarning).Select(i => i.Message).Distinct()]));
            }
        }

        return (errors, project.Datasets.Sum(d => d.Errors) - errors.Count);
    }

    private sealed class SameRow
    {
        public string Sha256 { get; init; } = "";

        public string Type { get; init; } = "";

        public long Ordinal { get; init; }

        public string SourceRef { get; init; } = "";

        public HealthImage Image => new(Type == "TRAIN" ? ImageSet.Train : ImageSet.Test, Ordinal, SourceRef, Sha256[..ImageFact.VersionLength]);
    }
}
