using Ocellus.Datasets;
using Ocellus.Datasets.Manifests;
using Ocellus.Refusals;
using Ocellus.Vision.Images;

namespace Ocellus.Console.Images;

/// <summary>
/// Stores what people change of images: a batch is one transaction, with the checks and the permission of UpdateDatasetEntries. What two people change of the
/// same image is merged, or given back for a person to choose.
/// </summary>
internal sealed class ImageEdits(DatasetCatalog datasets, ImageProjects projects, ImageFacts facts, ImageChanges changes, TimeProvider clock)
{
    /// <summary>Images in one batch.</summary>
    public const int BatchMax = 50;

    /// <summary>Images that are removed, moved or put back at once.</summary>
    public const int ManyMax = 1000;

    private const string Operation = "UpdateDatasetEntries";

    /// <summary>Stores a batch of changes.</summary>
    /// <returns>What became of each, in order.</returns>
    /// <exception cref="RefusedException">Invalid: too many. Denied, NotFound. InUse: a job holds the dataset. LimitExceeded: too many labels.</exception>
    public async Task<IReadOnlyList<ImageState>> ApplyAsync(ImageProject project, IReadOnlyList<ImageEdit> edits, CancellationToken cancel)
    {
        RequireCount(edits.Count, BatchMax);
        await projects.RequireAsync(project, Operation, edits.Select(e => e.Set), cancel);
        var headers = await FactsAsync(project, edits.Select(e => e.Image), edits.Where(e => e.Now?.Boxes is not null).Select(e => e.Image), cancel);
        // An image may have been moved to the other set since; it is looked for there if the person may change that, and nothing holds it.
        var sets = edits.Select(e => e.Set).Distinct(StringComparer.Ordinal).ToList();
        foreach (var other in project.Sets.Except(sets).ToList())
        {
            if (project.Get(other).IsReadable && await projects.MayAsync(project, Operation, other, cancel))
            {
                sets.Add(other);
            }
        }

        var states = await datasets.ChangeAsync(
            project.Caller, [.. sets.Select(s => project.Get(s).Arn)],
            async (open, token) =>
            {
                var results = new List<ImageState>();
                foreach (var edit in edits)
                {
                    results.Add(await ApplyAsync(project, sets, open, edit, headers.GetValueOrDefault(edit.Image), token));
                }

                return results;
            },
            cancel);
        changes.Publish(project.Arn, states.Where(s => s.Outcome is EditOutcome.Kept or EditOutcome.Merged).Select(s => new ChangedImage(s.Set, s.Image)));
        return states;
    }

    /// <summary>Removes images from the project. Their objects stay.</summary>
    /// <returns>Their lines, to put them back.</returns>
    /// <exception cref="RefusedException">Invalid: too many. Denied, NotFound. InUse: a job holds the dataset.</exception>
    public async Task<IReadOnlyList<RemovedLine>> RemoveAsync(ImageProject project, string set, IReadOnlyList<string> images, CancellationToken cancel)
    {
        RequireCount(images.Count, ManyMax);
        await projects.RequireAsync(project, Operation, [set], cancel);
        var removed = await datasets.ChangeAsync(
            project.Caller, [project.Get(set).Arn],
            async (open, token) =>
            {
                var lines = new List<RemovedLine>();
                foreach (var image in images)
                {
                    if (await open[0].FindAsync(image) is { } entry)
                    {
                        await open[0].RemoveAsync(entry, token);
                        lines.Add(new(set, entry.Ordinal, ParsedLine.WithoutAdditions(entry.Entry, entry.HasErrors)));
                    }
                }

                return lines;
            },
            cancel);
        changes.Publish(project.Arn, images.Select(i => new ChangedImage(set, i)));
        return removed;
    }

    /// <summary>Puts removed lines back, in their places where those are free. Images that are there again are left alone.</summary>
    /// <exception cref="RefusedException">Invalid: too many, or a line that is none. Denied, NotFound. InUse: a job holds the dataset.</exception>
    public async Task<long> RestoreAsync(ImageProject project, IReadOnlyList<RemovedLine> lines, CancellationToken cancel)
    {
        RequireCount(lines.Count, ManyMax);
        await projects.RequireAsync(project, Operation, lines.Select(l => l.Set), cancel);
        var sets = lines.Select(l => l.Set).Distinct(StringComparer.Ordinal).ToList();
        var parsed = lines.Select(l => (l.Set, l.Ordinal, Line: LineLabels.Parse(l.Line))).ToList();
        if (parsed.Find(l => l.Line.IsDatasetTerminal) is { Line: not null } broken)
        {
            throw Refused.Invalid($"A line cannot be put back: {broken.Line.Issues[0].Message}");
        }

        var added = await datasets.ChangeAsync(
            project.Caller, [.. sets.Select(s => project.Get(s).Arn)],
            async (open, token) =>
            {
                var back = new List<ChangedImage>();
                foreach (var (set, ordinal, line) in parsed)
                {
                    var change = open[sets.IndexOf(set)];
                    if (await change.FindAsync(line.SourceRef) is null)
                    {
                        await change.AddAsync(line, ordinal, token);
                        back.Add(new(set, line.SourceRef));
                    }
                }

                return back;
            },
            cancel);
        changes.Publish(project.Arn, added);
        return added.Count;
    }

    /// <summary>Moves images to the other set.</summary>
    /// <returns>How many moved: those that the other set has already stay.</returns>
    /// <exception cref="RefusedException">Invalid: too many. Denied, NotFound. InUse: a job holds one of the datasets.</exception>
    public async Task<long> MoveAsync(ImageProject project, string from, string to, IReadOnlyList<string> images, CancellationToken cancel)
    {
        RequireCount(images.Count, ManyMax);
        if (ImageSet.Type(from) == ImageSet.Type(to))
        {
            throw Refused.Invalid($"The images are to be moved from {from} to {to}; name the other set.");
        }

        await projects.RequireAsync(project, Operation, [from, to], cancel);
        var moved = await datasets.ChangeAsync(
            project.Caller, [project.Get(from).Arn, project.Get(to).Arn],
            async (open, token) =>
            {
                var done = new List<ChangedImage>();
                foreach (var image in images)
                {
                    if (await open[0].FindAsync(image) is { } entry && await open[1].FindAsync(image) is null)
                    {
                        await open[0].MoveAsync(entry, open[1], token);
                        done.Add(new(from, image));
                        done.Add(new(to, image));
                    }
                }

                return done;
            },
            cancel);
        changes.Publish(project.Arn, moved);
        return moved.Count / 2;
    }

    private async Task<ImageState> ApplyAsync(
        ImageProject project, List<string> sets, IReadOnlyList<EntryChanges> open, ImageEdit edit, ImageFact? fact, CancellationToken cancel)
    {
        var place = sets.IndexOf(edit.Set);
        var entry = await open[place].FindAsync(edit.Image);
        if (entry is null && open.Count > 1)
        {
            place = 1 - place;
            entry = await open[place].FindAsync(edit.Image);
        }

        if (entry is null)
        {
            return new(edit.Set, 0, edit.Image, "", [], [], 0, 0, 0, "") { Outcome = EditOutcome.Gone, Reason = "The image is no longer in the project." };
        }

        var marked = await ImageMarks.OfAsync(open[place], project.Arn, edit.Image);
        var change = new EntryEdit(entry, edit, fact?.Header, clock.GetUtcNow());
        if (change.Outcome is EditOutcome.Conflict or EditOutcome.Refused)
        {
            return State(entry, marked);
        }

        (entry, var marks) = await change.StoreAsync(open[place], project.Arn, marked, cancel);
        return State(entry, marks);

        ImageState State(StoredEntry stored, Marks after) =>
            ImageIndex.StateOf(sets[place], stored, fact, after) with { Outcome = change.Outcome, Reason = change.Reason };
    }

    /// <summary>
    /// What is known of the images; those that get boxes are read now if nobody has read them. Before the transaction, which must not wait for a disk.
    /// </summary>
    /// <param name="project">The project.</param>
    /// <param name="images">All images that change.</param>
    /// <param name="boxed">Those of them that get boxes.</param>
    /// <param name="cancel">Gives up.</param>
    public async Task<IReadOnlyDictionary<string, ImageFact>> FactsAsync(
        ImageProject project, IEnumerable<string> images, IEnumerable<string> boxed, CancellationToken cancel)
    {
        var known = new Dictionary<string, ImageFact>(await facts.KnownAsync(images, cancel), StringComparer.Ordinal);
        foreach (var image in boxed.Where(i => !known.ContainsKey(i)).Distinct(StringComparer.Ordinal).ToList())
        {
            try
            {
                var (bucket, key) = await projects.RequireReadAsync(project, image, cancel);
                known[image] = (await facts.NowAsync(image, bucket, key, cancel)).Fact;
            }
            catch (Exception unreadable) when (unreadable is ImageRefusedException
                or RefusedException { Kind: RefusalKind.NotFound or RefusalKind.ImageTooLarge })
            {
                // The edit itself is refused if it needs the size.
            }
        }

        return known;
    }

    private static void RequireCount(int count, int max)
    {
        if (count > max)
        {
            throw Refused.Invalid($"At most {max} images can be changed at once; received {count}.");
        }
    }
}
