using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Ocellus.Vision.Embeddings;
using Ocellus.Vision.Images;

namespace Ocellus.Benchmarks;

/// <summary>
/// Measures what is said of images without a training: suggestions after a few labels, wrong labels, near duplicates. FOLDER has train.manifest, test.manifest
/// and the images, each with one label.
/// </summary>
internal static class SuggestBenchmark
{
    private const int Repeats = 20;

    public static int Run(string[] args)
    {
        string folder = args[0];
        List<(string File, string Label)> images = [.. Read(folder, "train.manifest"), .. Read(folder, "test.manifest")];
        string[] labels = [.. images.Select(i => i.Label).Distinct().Order(StringComparer.Ordinal)];
        int[] truth = [.. images.Select(i => Array.IndexOf(labels, i.Label))];
        long started = Stopwatch.GetTimestamp();
        using var embedder = new ImageEmbedder();
        ImageFingerprint?[] found = embedder.Fingerprints(
            new ImageSource(images.Count, i => File.ReadAllBytes(images[i].File)), Environment.ProcessorCount, null, CancellationToken.None);
        Line($"{images.Count} fingerprints in {Seconds(started):0.0} s");
        Half[][] embeddings = [.. found.Select(f => f!.Embedding)];
        EmbeddingCentre centre = EmbeddingCentre.Of(embeddings);
        foreach (int each in (int[])[3, 5, 10, 20])
        {
            Suggestions(centre, embeddings, truth, labels.Length, each);
        }

        started = Stopwatch.GetTimestamp();
        var data = new LabelledEmbeddings(embeddings, [.. truth.Select(t => (IReadOnlyList<int>)[t])], labels.Length, MultiLabel: false);
        IReadOnlyList<LabelSuspect> suspects = LabelSuspects.Find(data, 20, Environment.ProcessorCount, CancellationToken.None);
        Line($"{suspects.Count} suspects in {Seconds(started):0.00} s");
        foreach (LabelSuspect s in suspects)
        {
            Line($"  {images[s.Row].File}: {labels[s.Label]} {s.Score:0.000}, rather {labels[s.Likelier]} {s.LikelierScore:0.000}");
        }

        started = Stopwatch.GetTimestamp();
        IReadOnlyList<DuplicatePair> pairs = NearDuplicates.Find(found, new string?[found.Length], CancellationToken.None);
        Line($"{pairs.Count} near duplicates in {Seconds(started):0.00} s");
        foreach (DuplicatePair p in pairs)
        {
            Line($"  {images[p.First].File} {images[p.Second].File} {p.Similarity:0.000}{(p.Mirrored ? " mirrored" : "")}");
        }

        return 0;
    }

    /// <summary>Fits heads to so many images of each label, drawn at random, and tests them on the rest.</summary>
    private static void Suggestions(EmbeddingCentre centre, Half[][] embeddings, int[] truth, int labels, int each)
    {
        double right = 0, surerRight = 0, seconds = 0, said = 0;
        var times = new List<double>();
        for (int repeat = 0; repeat < Repeats; repeat++)
        {
            int[] order = [.. Enumerable.Range(0, truth.Length)];
#pragma warning disable CA5394 // Not security: the draw must repeat.
            new Random(repeat).Shuffle(order);
#pragma warning restore CA5394
            int[] known = [.. order.GroupBy(i => truth[i]).SelectMany(g => g.Take(each))], rest = [.. order.Except(known)];
            var data = new LabelledEmbeddings(
                [.. known.Select(i => embeddings[i])], [.. known.Select(i => (IReadOnlyList<int>)[truth[i]])], labels, MultiLabel: false);
            long started = Stopwatch.GetTimestamp();
            LabelHead head = LabelHead.Fit(centre, data, CancellationToken.None);
            times.Add(Seconds(started));
            seconds += times[^1];
            (float Score, bool Right)[] answers = [.. rest.Select(i =>
            {
                float[] scores = head.Scores(embeddings[i]);
                int best = Array.IndexOf(scores, scores.Max());
                return (scores[best], best == truth[i]);
            }).OrderByDescending(a => a.Item1)];
            right += answers.Average(a => a.Right ? 1.0 : 0);
            said += answers.Average(a => a.Score);
            surerRight += answers.Take(answers.Length / 2).Average(a => a.Right ? 1.0 : 0);
        }

        times.Sort();
        Line($"{each} a label: {right / Repeats:0.000} right (said {said / Repeats:0.000}), surer half {surerRight / Repeats:0.000}; "
            + $"fit {seconds / Repeats * 1000:0} ms, median {times[Repeats / 2] * 1000:0}");
    }

    private static double Seconds(long started) => Stopwatch.GetElapsedTime(started).TotalSeconds;

    private static void Line(FormattableString text) => System.Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));

    private static void Line(string text) => System.Console.WriteLine(text);

    private static IEnumerable<(string File, string Label)> Read(string folder, string manifest)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(folder));
        foreach (string line in File.ReadLines(Path.Combine(folder, manifest)))
        {
            using JsonDocument json = JsonDocument.Parse(line);
            string source = json.RootElement.GetProperty("source-ref").GetString()!;
            string label = json.RootElement.EnumerateObject().First(p => p.Name.EndsWith("-metadata", StringComparison.Ordinal))
                .Value.GetProperty("class-name").GetString()!;
            yield return (Path.Combine(folder, source[(source.IndexOf($"/{name}/", StringComparison.Ordinal) + name.Length + 2)..]), label);
        }
    }
}
