using Ocellus.Console.Images;
using Ocellus.Console.Projects;
using Ocellus.Vision.Embeddings;

namespace Ocellus.Console.Suggestions;

/// <summary>
/// What is wrong with a project's images themselves, or may be: labels that look wrong, and pictures that are there twice though their files differ.
/// </summary>
internal sealed class ImageFindings(ImageWatch watch, LabelSuggestions suggestions)
{
    /// <summary>Suspects, and pairs, that are listed.</summary>
    private const int SuspectsMax = 24, PairsMax = 100;

    /// <exception cref="Refusals.RefusedException">Denied; NotReady or InUse: a job holds a dataset.</exception>
    public async Task<FindingsAnswer> ReadAsync(ImageProject project, CancellationToken cancel)
    {
        var state = await watch.OfAsync(project, null, cancel);
        var kind = await suggestions.KindAsync(project, state, cancel);
        List<SeenImage> images;
        List<ImageFingerprint?> prints;
        int ready, total;
        long reads;
        lock (state.Gate)
        {
            if (state.Findings is var (of, answer) && of == state.Reads && answer.Ready == state.Images.Count)
            {
                return answer;
            }

            (images, total, ready, reads) = ([.. state.Images], state.Images.Count, state.Images.Count(state.HasPrint), state.Reads);
            prints = [.. images.Select(state.Print)];
        }

        if (ready < total)
        {
            // Half of a set says little, and would change from one look to the next.
            return new(ready, total, [], [], []);
        }

        var found = await Task.Run(() => Find(images, prints, kind, cancel), cancel);
        lock (state.Gate)
        {
            state.Findings = (reads, found);
        }

        return found;
    }

    private static FindingsAnswer Find(List<SeenImage> images, List<ImageFingerprint?> prints, ProjectKind kind, CancellationToken cancel)
    {
        var pairs = NearDuplicates.Find(prints, [.. images.Select(i => i.Version.Length > 0 ? i.Version : null)], cancel)
            .Where(p => !p.Exact && images[p.First].Image != images[p.Second].Image)
            .Select(p => (Pair: new LikePair(Place(images[p.First]), Place(images[p.Second]), p.Mirrored, HeadFits.Percent(p.Similarity)),
                IsLeak: images[p.First].Set != images[p.Second].Set)).ToList();
        return new(
            images.Count, images.Count, kind == ProjectKind.Boxes ? [] : Suspects(images, prints, kind == ProjectKind.SeveralLabels, cancel),
            [.. pairs.Where(p => p.IsLeak).Select(p => p.Pair).Take(PairsMax)], [.. pairs.Where(p => !p.IsLeak).Select(p => p.Pair).Take(PairsMax)]);
    }

    private static List<SuspectImage> Suspects(List<SeenImage> images, List<ImageFingerprint?> prints, bool several, CancellationToken cancel)
    {
        List<(SeenImage Image, ImageFingerprint Print)> known =
        [
            .. images.Zip(prints).Where(p => p.First.IsKnown && p.Second is not null && (several || p.First.Labels.Count == 1))
                .Select(p => (p.First, p.Second!)),
        ];
        IReadOnlyList<string> labels = [.. known.SelectMany(k => k.Image.Labels).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        var places = labels.Index().ToDictionary(l => l.Item, l => l.Index, StringComparer.Ordinal);
        var data = new LabelledEmbeddings(
            [.. known.Select(k => k.Print.Embedding)], [.. known.Select(k => (IReadOnlyList<int>)[.. k.Image.Labels.Distinct().Select(l => places[l])])],
            labels.Count, several);
        // What a person approved is right, however unlikely: it still teaches.
        return [.. LabelSuspects.Find(data, known.Count, threads: 1, cancel).Where(s => (known[s.Row].Image.Flags & ImageFlags.Approved) == 0).Take(SuspectsMax)
            .Select(s => new SuspectImage(
                Place(known[s.Row].Image), labels[s.Label], HeadFits.Percent(s.Score), labels[s.Likelier], HeadFits.Percent(s.LikelierScore),
                known[s.Row].Image.Revision, known[s.Row].Image.Labels))];
    }

    private static HealthImage Place(SeenImage image) => new(image.Set, image.Ordinal, image.Image, image.Version);
}
