using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;

namespace Ocellus.Vision.Recipes;

/// <summary>One input and head that was tried, and how it did.</summary>
/// <param name="Design">Input and head.</param>
/// <param name="Score">Cross-validated accuracy, or mean F1 of an image's labels for several labels an image, 0 to 1.</param>
public sealed record DesignTrial(ClassifierDesign Design, double Score)
{
    /// <summary>
    /// For each image that was tried the squared differences of its calibrated scores from the truth, summed over the labels. They tell small differences
    /// with far fewer images than the accuracy does, and a single bad image cannot decide, as it can with the log loss. Where the network will be
    /// fine-tuned, what is expected to be left of them then.
    /// </summary>
    internal double[] Errors { get; init; } = [];

    /// <summary>Whether the network will be fine-tuned with it.</summary>
    internal bool IsTuned { get; init; }
}

/// <summary>How the input and the head are chosen.</summary>
public sealed record DesignSearch
{
    /// <summary>
    /// Maximum share of the time budget. What follows depends on a good choice more than on a little more time.
    /// </summary>
    public double TimeShare { get; init; } = .2;

    /// <summary>
    /// Images that are tried, an equal share of each label's. With half as many, chance decides between neighbouring sizes (bench/results, classify.md); more
    /// would take too long.
    /// </summary>
    public int ImagesMax { get; init; } = 240;

    /// <summary>Parts of the cross-validation.</summary>
    public int Folds { get; init; } = 5;

    /// <summary>Steps of each fit.</summary>
    public int Steps { get; init; } = 300;

    /// <summary>Images a step.</summary>
    public int Batch { get; init; } = 24;

    /// <summary>
    /// A difference counts if it is more than this many standard errors: what remains is one-sided chance of a tenth. A larger number would prefer
    /// small inputs that are worse.
    /// </summary>
    public double StandardErrors { get; init; } = 1.28;

    /// <summary>Larger inputs are tried until this many in a row are no better.</summary>
    public int NoBetterMax { get; init; } = 2;

    /// <summary>Maximum time of an answer on one core of this machine; null for no limit.</summary>
    public TimeSpan? AnswerTimeMax { get; init; }
}

/// <summary>
/// Chooses input and head by cross-validation on frozen features, from small to large: of all that are not worse than the best by more than chance, the
/// cheapest.
/// </summary>
internal sealed class InputSearch(ClassifierTask task, ClassifierPlan plan, DesignSearch search)
{
    private static readonly ClassifierHeadKind[] _kinds = [ClassifierHeadKind.Average, ClassifierHeadKind.Evidence, ClassifierHeadKind.Both];

    /// <summary>Receives each trial.</summary>
    public Action<DesignTrial>? Tried { get; init; }

    /// <summary>Tries the candidates.</summary>
    /// <param name="seconds">Seconds that may be used.</param>
    /// <param name="clock">Seconds used so far.</param>
    /// <param name="progress">Receives what is done, in hundredths of the work of all candidates, and 100; from several threads.</param>
    /// <param name="cancel">Ends the search.</param>
    public (ClassifierDesign Chosen, IReadOnlyList<DesignTrial> Trials) Run(
        double seconds, Func<double> clock, Action<int, int> progress, CancellationToken cancel)
    {
        int[] images = Subset(task, plan.Seed, search.ImagesMax);
        int[] folds = Folds(task, images, plan.Seed, search.Folds);
        using var extractor = new FeatureExtractor(plan.BackbonePath, 1);
        IReadOnlyList<ClassifierInput> candidates = Affordable(extractor, ClassifierInput.Candidates([.. images.Select(Size)]));
        var trials = new List<DesignTrial>();
        double lastCost = 0, lastSeconds = 0, least = double.PositiveInfinity;
        int noBetter = 0;
        double before = 0, work = candidates.Sum(c => c.Cost);
        for (int i = 0; i < candidates.Count; i++)
        {
            cancel.ThrowIfCancellationRequested();
            // The next one takes as much longer as it is larger.
            double began = clock();
            if (i > 0 && began + lastSeconds * candidates[i].Cost / lastCost > seconds)
            {
                break;
            }

            double cost = candidates[i].Cost, done = before;
            DesignTrial[] found = Try(extractor, candidates[i], images, folds, cancel, part => progress((int)(100 * (done + part * cost) / work), 100));
            before += cost;
            Array.ForEach(found, t => Tried?.Invoke(t));
            trials.AddRange(found);
            (lastCost, lastSeconds) = (candidates[i].Cost, clock() - began);
            double reached = found.Min(t => t.Errors.Average());
            noBetter = reached < least ? 0 : noBetter + 1;
            least = Math.Min(least, reached);
            if (noBetter >= search.NoBetterMax && !IsChance(trials, images))
            {
                break;
            }
        }

        return (Choose(trials, search.StandardErrors).Design, trials);
    }

    /// <summary>
    /// Of all that are not worse than the best by more than chance, the cheapest; of the heads of that input the one that will be fine-tuned, or else the best.
    /// </summary>
    internal static DesignTrial Choose(IReadOnlyList<DesignTrial> trials, double standardErrors)
    {
        DesignTrial best = trials.MinBy(t => t.Errors.Average())!;
        // Scores nearer to 0 and 1 alone are not worth a dearer answer: some image must be right that was not.
        List<DesignTrial> good =
        [
            .. trials.Where(t => (t.Design.Head == best.Design.Head && t.Score >= best.Score) || !IsWorse(t.Errors, best.Errors, standardErrors)),
        ];
        double cost = good.Min(t => t.Design.Input.Cost);
        good.RemoveAll(t => t.Design.Input.Cost > cost);
        return good.Find(t => t.IsTuned) ?? good.MinBy(t => t.Errors.Average())!;
    }

    /// <summary>Whether errors are higher than the best on the same images by more than so many standard errors of the mean difference.</summary>
    internal static bool IsWorse(double[] errors, double[] best, double standardErrors)
    {
        double[] differences = [.. errors.Zip(best, (e, b) => e - b)];
        double mean = differences.Average(), variance = differences.Sum(d => (d - mean) * (d - mean)) / Math.Max(1, differences.Length - 1);
        return mean > 0 && mean > standardErrors * Math.Sqrt(variance / differences.Length);
    }

    /// <summary>A share of the images that has the labels in the proportion of all, at least one of each.</summary>
    internal static int[] Subset(ClassifierTask task, int seed, int count)
    {
        if (task.Images.Count <= count)
        {
            return [.. Enumerable.Range(0, task.Images.Count)];
        }

        // Every n-th of the images in the order of their labels.
        int[] order = Shuffled(task, [.. Enumerable.Range(0, task.Images.Count)], seed);
        return [.. Enumerable.Range(0, count).Select(i => order[(int)((long)i * order.Length / count)]).Order()];
    }

    /// <summary>A fold for each of the images, such that every label is in all of them as far as it has enough images.</summary>
    internal static int[] Folds(ClassifierTask task, int[] images, int seed, int folds)
    {
        int[] order = Shuffled(task, images, seed + 1);
        var at = order.Select((image, place) => (image, place)).ToDictionary(p => p.image, p => p.place);
        return [.. images.Select(i => at[i] % folds)];
    }

    /// <summary>The score of an image: whether its label has the highest logit, or F1 of the labels with positive logits.</summary>
    internal static double Score(ReadOnlySpan<float> logits, IReadOnlyList<int> truth, bool multiLabel)
    {
        int highest = 0, found = 0, right = 0;
        for (int l = 0; l < logits.Length; l++)
        {
            highest = logits[l] > logits[highest] ? l : highest;
            found += logits[l] > 0 ? 1 : 0;
            right += logits[l] > 0 && truth.Contains(l) ? 1 : 0;
        }

        return !multiLabel ? (truth[0] == highest ? 1 : 0) : found + truth.Count == 0 ? 1 : 2.0 * right / (found + truth.Count);
    }

    /// <summary>Targets of images, [images, labels].</summary>
    internal static float[] Targets(ClassifierTask task, IReadOnlyList<int> images)
    {
        var targets = new float[images.Count * task.Labels.Count];
        for (int i = 0; i < images.Count; i++)
        {
            foreach (int l in task.Targets[images[i]])
            {
                targets[i * task.Labels.Count + l] = 1;
            }
        }

        return targets;
    }

    private static int[] Shuffled(ClassifierTask task, int[] images, int seed)
    {
        int[] order = [.. images];
        // Not security: the order must repeat for a seed.
#pragma warning disable CA5394
        new Random(ViewSeed.Of(seed, 0, 0)).Shuffle(order);
#pragma warning restore CA5394
        return [.. order.OrderBy(i => task.Targets[i].Count > 0 ? task.Targets[i][0] : -1)];
    }

    /// <summary>The candidates whose answers take no longer than allowed, at least the cheapest.</summary>
    private IReadOnlyList<ClassifierInput> Affordable(FeatureExtractor extractor, IReadOnlyList<ClassifierInput> candidates)
    {
        if (search.AnswerTimeMax is not { } most)
        {
            return candidates;
        }

        ClassifierInput first = candidates[0];
        var planes = new float[first.Values];
        var views = new ClassifierViews(task.Images, plan, first, 1);
        double network = AnswerTime.Seconds(() => extractor.Embed(planes, 1, first.Height, first.Width)), image = AnswerTime.Seconds(() => views.Plain(0));
        return [first, .. candidates.Skip(1).Where(c => image + network * c.Cost / first.Cost <= most.TotalSeconds)];
    }

    private (int Width, int Height) Size(int index)
    {
        ImageHeader header = ImageDecoder.ReadHeader(task.Images.Read(index));
        return (header.UprightWidth, header.UprightHeight);
    }

    /// <summary>Tries one input with every kind of head.</summary>
    internal DesignTrial[] Try(
        FeatureExtractor extractor, ClassifierInput input, int[] images, int[] folds, CancellationToken cancel, Action<double>? progress = null)
    {
        // Shares of the time that the features and the fits take.
        const double FeaturesShare = .6;
        using var scope = TorchSharp.torch.NewDisposeScope();
        var views = new ClassifierViews(task.Images, plan, input, 1);
        HeadFeatures features = HeadFeatures.Extract(
            extractor, input, maps: true, images.Length, (row, planes) => FeatureExtractor.Normalise(views.Plain(images[row]), planes), plan.CurrentThreads,
            count => Told(FeaturesShare * count / images.Length), cancel);
        HeadGroup[] groups = [.. _kinds.SelectMany(k => Enumerable.Range(0, search.Folds).Select(f => new HeadGroup(k, f)))];
        var fit = new HeadFit(
            features, Targets(task, images), folds, groups, task.Labels.Count, task.MultiLabel, (plan.Head.AverageRidge, plan.Head.EvidenceRidge));
        fit.Run(search.Steps, search.Batch, plan.Seed, step =>
        {
            cancel.ThrowIfCancellationRequested();
            StepThreads.Apply(plan.ThreadsNow, plan.Threads);
            return Told(FeaturesShare + (1 - FeaturesShare) * step / search.Steps);
        });
        return [.. _kinds.Select((kind, k) => Measure(new ClassifierDesign(input, kind), Tested(k)))];

        bool Told(double part)
        {
            progress?.Invoke(part);
            return true;
        }

        // The logits of each image by the head that has not learnt from it.
        float[][] Tested(int kind)
        {
            var logits = new float[images.Length][];
            for (int f = 0; f < search.Folds; f++)
            {
                int[] tested = [.. Enumerable.Range(0, images.Length).Where(i => folds[i] == f)];
                float[][] found = fit.Logits(tested, kind * search.Folds + f);
                for (int t = 0; t < tested.Length; t++)
                {
                    logits[tested[t]] = found[t];
                }
            }

            return logits;
        }

        DesignTrial Measure(ClassifierDesign design, float[][] logits)
        {
            IReadOnlyList<int>[] truth = [.. images.Select(i => task.Targets[i])];
            bool tuned = plan.FineTune && design.Input.Cost <= plan.Head.FineTuneCostMax && !design.HasEvidence;
            double left = tuned ? plan.Head.ErrorAfterTuning : 1;
            double factor = Calibration.Factor(logits, truth, task.MultiLabel, 1);
            return new DesignTrial(design, logits.Zip(truth, (z, t) => Score(z, t, task.MultiLabel)).Average())
            {
                IsTuned = tuned,
                Errors = [.. logits.Zip(truth, (z, t) => left * Error(Calibration.Scores(z, task.MultiLabel, factor), t))],
            };
        }

        static double Error(double[] scores, IReadOnlyList<int> truth) => scores.Select((p, l) => Math.Pow(p - (truth.Contains(l) ? 1 : 0), 2)).Sum();
    }

    /// <summary>Whether the best so far is no better than always answering the commonest label, by more than chance.</summary>
    private bool IsChance(List<DesignTrial> trials, int[] images)
    {
        double commonest = Enumerable.Range(0, task.Labels.Count).Max(l => images.Average(i => task.Targets[i].Contains(l) ? 1.0 : 0));
        double best = trials.Max(t => t.Score);
        return best - commonest < 4 * Math.Sqrt(.25 / images.Length);
    }
}
