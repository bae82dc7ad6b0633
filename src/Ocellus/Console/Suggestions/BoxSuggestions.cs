using Ocellus.Console.Images;
using Ocellus.Refusals;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Embeddings;
using Ocellus.Vision.Images;

namespace Ocellus.Console.Suggestions;

/// <summary>
/// Suggests boxes of an open image: by the newest model, or, before there is one, by the detector that trainings start from, with labels by a head on what
/// boxes that people drew look like.
/// </summary>
internal sealed class BoxSuggestions(ImageWatch watch, ImageIndex index, NewestModels models, QuietThread quiet)
{
    /// <summary>Images of one question: the open one and those after it.</summary>
    public const int ImagesMax = 4;

    /// <summary>Boxes of each label that a head learns from, and images whose boxes are cut out for one question.</summary>
    private const int CropsOfLabel = 20, NewImagesMax = 6;

    /// <summary>Boxes of one image that are cut out.</summary>
    private const int CropsOfImage = 12;

    /// <summary>Boxes that are suggested for an image.</summary>
    private const int BoxesMax = 50;

    /// <summary>Score, 0 to 1, below which a proposal is not shown.</summary>
    private const double ProposalMin = .3;

    /// <exception cref="RefusedException">Invalid: too many images. Denied; NotReady or InUse: a job holds a dataset.</exception>
    public async Task<BoxesAnswer> ReadAsync(ImageProject project, BoxesRequest request, CancellationToken cancel)
    {
        if (request.Ordinals.Count > ImagesMax)
        {
            throw Refused.Invalid($"Boxes of at most {ImagesMax} images can be suggested at once; received {request.Ordinals.Count}.");
        }

        var images = await index.LinesAsync(project, request.Set, request.Ordinals, cancel);
        var model = await models.FindAsync(project, cancel);
        if (model is { IsBoxes: true })
        {
            try
            {
                return new(
                    SuggestionSource.Model, $"Suggested by the model {model.Name}",
                    await EachAsync(project, images, (networks, content, image) =>
                        [.. model.Boxes(networks, content).Take(BoxesMax).Select(b => Box(b.Label, b.Found.Score, b.Found.Box!.Value, image))], cancel));
            }
            catch (InvalidDataException)
            {
                // Its files are damaged, which the log has: boxes that people drew suggest instead.
            }
        }

        var state = await watch.OfAsync(project, null, cancel);
        var head = await HeadAsync(project, state, cancel);
        return new(
            head is null ? SuggestionSource.None : SuggestionSource.Head,
            head is null ? "Boxes around things of any kind" : $"Boxes around things of any kind, labelled by {head.Value.Boxes} boxes that people drew",
            await EachAsync(project, images, (networks, content, image) => Proposed(networks, content, image, head, cancel), cancel));
    }

    private static List<SuggestedBox> Proposed(
        QuietNetworks networks, byte[] content, ImageState image, (LabelHead? Head, IReadOnlyList<string> Labels, int Boxes)? head, CancellationToken cancel)
    {
        var proposals = networks.Proposer.Propose(content).Where(p => p.Score >= ProposalMin).Take(BoxesMax).ToList();
        if (head is not var (fitted, labels, _))
        {
            return proposals.ConvertAll(p => Box("", p.Score, p.Box, image));
        }

        if (fitted is null)
        {
            return proposals.ConvertAll(p => Box(labels[0], p.Score, p.Box, image));
        }

        var crops = networks.Embedder.EmbedBoxes(content, proposals.ConvertAll(p => p.Box), cancel);
        return [.. proposals.Zip(crops, (p, crop) =>
        {
            var scores = fitted.Scores(crop);
            var best = Array.IndexOf(scores, scores.Max());
            return Box(labels[best], p.Score * scores[best], p.Box, image);
        }).OrderByDescending(b => b.Score)];
    }

    private async Task<IReadOnlyList<SuggestedBoxes>> EachAsync(
        ImageProject project, IReadOnlyList<ImageState> images, Func<QuietNetworks, byte[], ImageState, IReadOnlyList<SuggestedBox>> find,
        CancellationToken cancel)
    {
        var answers = new List<SuggestedBoxes>();
        foreach (var image in images)
        {
            if (await watch.FindAsync(project, image.Image, cancel) is not var (fact, content))
            {
                answers.Add(new(image.Ordinal, []));
                continue;
            }

            content ??= await watch.ContentAsync(project, image.Image, cancel);
            var sized = image with { Width = fact.Header.UprightWidth, Height = fact.Header.UprightHeight };
            try
            {
                answers.Add(new(image.Ordinal, await quiet.RunAsync(n => find(n, content, sized), urgent: true, cancel)));
            }
            catch (ImageRefusedException)
            {
                answers.Add(new(image.Ordinal, []));
            }
        }

        return answers;
    }

    /// <summary>
    /// A head on the boxes that people drew; of one label alone no head is needed. Null if no label has enough boxes. It learns more with each question, so
    /// that none waits for long.
    /// </summary>
    private async Task<(LabelHead? Head, IReadOnlyList<string> Labels, int Boxes)?> HeadAsync(ImageProject project, LookedAt state, CancellationToken cancel)
    {
        List<SeenImage> known, missing;
        lock (state.Gate)
        {
            known = [.. state.Images.Where(i => i.IsKnown && (i.Flags & ImageFlags.Boxes) != 0)];
            var counts = Crops(state, known).GroupBy(c => c.Label, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Count(), StringComparer.Ordinal);
            missing = [.. known.Where(i => !state.Crops.ContainsKey((i.Image, i.Revision)) && i.Labels.Any(l => counts.GetValueOrDefault(l) < CropsOfLabel))
                .Take(NewImagesMax)];
        }

        foreach (var set in missing.GroupBy(i => i.Set, StringComparer.Ordinal))
        {
            foreach (var image in await index.LinesAsync(project, set.Key, [.. set.Select(i => i.Ordinal)], cancel))
            {
                var crops = await CropsAsync(project, image, cancel);
                lock (state.Gate)
                {
                    state.Crops[(image.Image, image.Revision)] = crops;
                }
            }
        }

        List<(string Label, Half[] Embedding)> all;
        lock (state.Gate)
        {
            all = [.. Crops(state, known)];
        }

        IReadOnlyList<string> labels = [.. all.GroupBy(c => c.Label, StringComparer.Ordinal).Where(g => g.Count() >= HeadFits.ImagesMin).Select(g => g.Key)
            .Order(StringComparer.Ordinal)];
        if (labels.Count == 0)
        {
            return null;
        }

        if (labels.Count == 1)
        {
            return (null, labels, all.Count);
        }

        var rows = all.Where(c => labels.Contains(c.Label)).GroupBy(c => c.Label, StringComparer.Ordinal).SelectMany(g => g.TakeLast(CropsOfLabel)).ToList();
        var places = labels.Index().ToDictionary(l => l.Item, l => l.Index, StringComparer.Ordinal);
        var data = new LabelledEmbeddings(
            [.. rows.Select(r => r.Embedding)], [.. rows.Select(r => (IReadOnlyList<int>)[places[r.Label]])], labels.Count, MultiLabel: false);
        return (await Task.Run(() => LabelHead.Fit(EmbeddingCentre.Of(data.Embeddings), data, cancel), cancel), labels, all.Count);
    }

    private static IEnumerable<(string Label, Half[] Embedding)> Crops(LookedAt state, IEnumerable<SeenImage> known) =>
        known.SelectMany(i => state.Crops.GetValueOrDefault((i.Image, i.Revision)) ?? []);

    private async Task<(string Label, Half[] Embedding)[]> CropsAsync(ImageProject project, ImageState image, CancellationToken cancel)
    {
        if (await watch.FindAsync(project, image.Image, cancel) is not var (fact, content))
        {
            return [];
        }

        content ??= await watch.ContentAsync(project, image.Image, cancel);
        float width = fact.Header.UprightWidth, height = fact.Header.UprightHeight;
        // Of each label a few: an image may be full of one.
        var boxes = image.Boxes.GroupBy(b => b.Label, StringComparer.Ordinal).SelectMany(g => g.Take(CropsOfImage / 3)).Take(CropsOfImage).ToList();
        try
        {
            var embeddings = await quiet.RunAsync(
                n => n.Embedder.EmbedBoxes(
                    content, boxes.ConvertAll(b => new Box(b.Left / width, b.Top / height, b.Width / width, b.Height / height)), cancel),
                urgent: true, cancel);
            return [.. boxes.Zip(embeddings, (b, e) => (b.Label, e))];
        }
        catch (ImageRefusedException)
        {
            return [];
        }
    }

    /// <summary>In whole pixels, inside the image.</summary>
    private static SuggestedBox Box(string label, double score, Box box, ImageState image)
    {
        var left = Math.Clamp((int)Math.Round(box.Left * image.Width), 0, image.Width - 1);
        var top = Math.Clamp((int)Math.Round(box.Top * image.Height), 0, image.Height - 1);
        return new(
            label, HeadFits.Percent(score), left, top,
            Math.Clamp((int)Math.Round((box.Left + box.Width) * image.Width) - left, 1, image.Width - left),
            Math.Clamp((int)Math.Round((box.Top + box.Height) * image.Height) - top, 1, image.Height - top));
    }
}
