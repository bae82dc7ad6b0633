using Ocellus.Console.Images;
using Ocellus.Datasets;
using Ocellus.Refusals;
using Ocellus.Vision.Images;

namespace Ocellus.Console.Importing;

/// <summary>Labels that an image is to have.</summary>
/// <param name="Image">The image.</param>
/// <param name="Labels">Its labels.</param>
/// <param name="HasBoxes">Whether the boxes are meant, so that none means that there is nothing to find; otherwise the labels of the whole image.</param>
internal sealed record WantedLabels(StoredImage Image, ImageLabels Labels, bool HasBoxes);

/// <summary>What became of such labels.</summary>
internal enum LabelsOutcome
{
    Written,

    /// <summary>The image had them.</summary>
    Known,

    /// <summary>The image has others, and keeps them.</summary>
    Differs,

    Refused,
}

/// <summary>Gives labels to images that are in a project: a batch is one transaction, with the checks and the permission of UpdateDatasetEntries.</summary>
internal sealed class ImportedLabels(DatasetCatalog datasets, ImageProjects projects, ImageEdits edits, ImageChanges changes, TimeProvider clock)
{
    /// <summary>Stores labels.</summary>
    /// <param name="project">With the datasets as they are now.</param>
    /// <param name="wanted">Images of the project.</param>
    /// <param name="replace">Whether images that have other labels get these in their place.</param>
    /// <param name="cancel">Gives up.</param>
    /// <returns>Of each, what became of it, and why it was refused.</returns>
    /// <exception cref="RefusedException">Denied, NotFound. InUse: a job holds the dataset. LimitExceeded: too many labels.</exception>
    public async Task<IReadOnlyList<(LabelsOutcome Outcome, string? Reason)>> WriteAsync(
        ImageProject project, IReadOnlyList<WantedLabels> wanted, bool replace, CancellationToken cancel)
    {
        List<string> sets = [.. wanted.Select(w => w.Image.Set).Distinct(StringComparer.Ordinal)];
        await projects.RequireAsync(project, "UpdateDatasetEntries", sets, cancel);
        var known = await edits.FactsAsync(
            project, wanted.Select(w => w.Image.SourceRef), wanted.Where(w => w.HasBoxes).Select(w => w.Image.SourceRef), cancel);
        var results = await datasets.ChangeAsync(
            project.Caller, [.. sets.Select(s => project.Get(s).Arn)],
            async (open, token) =>
            {
                var done = new List<(LabelsOutcome, string?)>();
                foreach (var labels in wanted)
                {
                    var change = open[sets.IndexOf(labels.Image.Set)];
                    done.Add(await WriteAsync(project, change, labels, replace, known.GetValueOrDefault(labels.Image.SourceRef)?.Header, token));
                }

                return done;
            },
            cancel);
        changes.Publish(
            project.Arn,
            wanted.Where((_, i) => results[i].Item1 == LabelsOutcome.Written).Select(w => new ChangedImage(w.Image.Set, w.Image.SourceRef)));
        return results;
    }

    private async Task<(LabelsOutcome, string?)> WriteAsync(
        ImageProject project, EntryChanges open, WantedLabels wanted, bool replace, ImageHeader? header, CancellationToken cancel)
    {
        if (await open.FindAsync(wanted.Image.SourceRef) is not { } entry)
        {
            return (LabelsOutcome.Refused, "The image is no longer in the project.");
        }

        var marked = await ImageMarks.OfAsync(open, project.Arn, entry.SourceRef);
        var stored = LineLabels.Read(LineLabels.Parse(entry.Entry), header);
        var now = wanted.HasBoxes ? wanted.Labels with { Labels = stored.Labels } : wanted.Labels with { Boxes = stored.Boxes };
        // "Nothing to find" is kept as a mark of the console.
        var isNothing = wanted.HasBoxes && now.IsEmpty;
        if (now.Matches(stored) && (!isNothing || marked.Nothing is true))
        {
            return (LabelsOutcome.Known, null);
        }

        if (!replace && (marked.Nothing is true || !stored.IsEmpty) && !now.Matches(stored))
        {
            return (LabelsOutcome.Differs, null);
        }

        var sent = wanted.HasBoxes ? new SentLabels(Boxes: now.Boxes) : new SentLabels(Labels: now.Labels);
        var edit = new ImageEdit(wanted.Image.Set, entry.SourceRef, entry.Revision, null, sent, isNothing ? new Marks(Nothing: true) : null);
        var change = new EntryEdit(entry, edit, header, clock.GetUtcNow());
        if (change.Outcome != EditOutcome.Kept)
        {
            return (LabelsOutcome.Refused, change.Reason);
        }

        await change.StoreAsync(open, project.Arn, marked, cancel);
        return (LabelsOutcome.Written, null);
    }
}
