using Ocellus.Console.Images;
using Ocellus.Console.Projects;
using Ocellus.Projects;
using Ocellus.Vision.Embeddings;

namespace Ocellus.Console.Suggestions;

/// <summary>Suggests labels of whole images: by the newest model, or by a head on frozen features before there is one.</summary>
internal sealed class LabelSuggestions(ImageWatch watch, NewestModels models, ProjectCatalog projects)
{
    /// <summary>The suggestions of a project.</summary>
    /// <param name="project">The project.</param>
    /// <param name="have">The revision that the caller has; they are not sent again.</param>
    /// <param name="cancel">Gives up.</param>
    /// <exception cref="Refusals.RefusedException">Denied; NotReady or InUse: a job holds a dataset.</exception>
    public async Task<SuggestAnswer> ReadAsync(ImageProject project, long have, CancellationToken cancel)
    {
        var model = await models.FindAsync(project, cancel);
        var state = await watch.OfAsync(project, model, cancel);
        var kind = await KindAsync(project, state, cancel);
        if (kind == ProjectKind.Boxes || model is { IsBoxes: true })
        {
            return Boxes(state, model);
        }

        return model is not null ? OfModel(state, model, kind != ProjectKind.OneLabel, have)
            : await OfHeadAsync(state, kind != ProjectKind.OneLabel, have, cancel);
    }

    /// <summary>How images of a project are labelled; where nobody said, as they are.</summary>
    public async Task<ProjectKind> KindAsync(ImageProject project, LookedAt state, CancellationToken cancel)
    {
        if (ProjectKinds.Of((await projects.TagsAsync(project.Caller, project.Arn, cancel)).GetValueOrDefault(ProjectKinds.Tag)) is { } said)
        {
            return said;
        }

        lock (state.Gate)
        {
            return state.Images.Any(i => (i.Flags & ImageFlags.Boxes) != 0) ? ProjectKind.Boxes
                : state.Images.Any(i => i.Labels.Count > 1) ? ProjectKind.SeveralLabels : ProjectKind.OneLabel;
        }
    }

    /// <summary>Boxes are suggested image by image, when someone opens one.</summary>
    private static SuggestAnswer Boxes(LookedAt state, NewestModel? model)
    {
        lock (state.Gate)
        {
            return new(0, model is null ? SuggestionSource.Head : SuggestionSource.Model, "Boxes are suggested on an open image.", 0, 0, [], null);
        }
    }

    private static SuggestAnswer OfModel(LookedAt state, NewestModel model, bool several, long have)
    {
        lock (state.Gate)
        {
            var open = state.Images.Where(i => i.IsOpen).ToList();
            var ready = open.Where(i => state.Scores.TryGetValue(i.Image, out var s) && (s is null || s.VersionArn == model.Arn)).ToList();
            IReadOnlyList<string> labels = ready.Select(i => state.Scores[i.Image]?.Labels).FirstOrDefault(l => l is not null) ?? [];
            return new(
                state.Revision, SuggestionSource.Model, $"Suggested by the model {model.Name}", ready.Count, open.Count, labels,
                have == state.Revision ? null : Sets(ready, i => state.Scores[i.Image]?.Scores, several));
        }
    }

    private static async Task<SuggestAnswer> OfHeadAsync(LookedAt state, bool several, long have, CancellationToken cancel)
    {
        FittedHead? head;
        IReadOnlyList<SeenImage> images;
        List<(SeenImage Image, ImageFingerprint? Print)> seen;
        lock (state.Gate)
        {
            (head, images) = (state.Head, state.Images);
            seen = [.. images.Select(i => (i, state.Print(i)))];
        }

        List<(SeenImage Image, ImageFingerprint Print)> known =
            [.. seen.Where(s => s.Image.IsKnown && s.Print is not null).Select(s => (s.Image, s.Print!))];
        var labels = HeadFits.Labels(known.Select(k => k.Image));
        if (!HeadFits.IsEnough(labels, [.. known.Select(k => k.Image)], several))
        {
            head = null;
        }
        else if (HeadFits.IsOld(head, labels, HeadFits.Said(known.Select(k => k.Image))))
        {
            // Some tens of milliseconds, while someone waits for it: not on the quiet thread, where it would wait for an image.
            head = await Task.Run(
                () => new FittedHead(
                    LabelHead.Fit(
                        EmbeddingCentre.Of([.. seen.Where(s => s.Print is not null).Select(s => s.Print!.Embedding)]), HeadFits.Rows(known, labels, several),
                        cancel),
                    labels, HeadFits.Said(known.Select(k => k.Image))),
                cancel);
        }

        lock (state.Gate)
        {
            if (!ReferenceEquals(head, state.Head))
            {
                (state.Head, state.Revision) = (head, state.Revision + 1);
            }

            var (ready, revision) = (images.Count(state.HasPrint), state.Revision);
            if (head is null)
            {
                return new(
                    revision, SuggestionSource.None, $"Labels are suggested from {HeadFits.ImagesMin} images of each of two labels on.", ready,
                    images.Count, [], have == revision ? null : Sets([], _ => null, several));
            }

            return new(
                revision, SuggestionSource.Head, $"Suggested by what {head.Known.Count} labelled images have in common", ready, images.Count, head.Labels,
                have == revision ? null : Sets(
                    [.. images.Where(i => i.IsOpen)], i => state.Print(i) is { } print ? head.Head.Scores(print.Embedding) : null, several));
        }
    }

    private static Dictionary<string, SuggestedSet> Sets(IReadOnlyList<SeenImage> images, Func<SeenImage, float[]?> scores, bool several)
    {
        var sets = new Dictionary<string, SuggestedSet>(StringComparer.Ordinal);
        foreach (var set in images.GroupBy(i => i.Set, StringComparer.Ordinal))
        {
            var chosen = set.Select(i => (i.Ordinal, Scores: scores(i))).Where(i => i.Scores is { Length: > 0 })
                .Select(i => (i.Ordinal, Choice: HeadFits.Choose(i.Scores!, several))).ToList();
            sets[set.Key] = new(
                [.. chosen.Select(c => c.Ordinal)], [.. chosen.Select(c => (IReadOnlyList<int>)[.. c.Choice.Labels.Select(l => l.Label)])],
                [.. chosen.Select(c => (IReadOnlyList<int>)[.. c.Choice.Labels.Select(l => l.Score)])], [.. chosen.Select(c => c.Choice.Sure)]);
        }

        return sets;
    }
}
