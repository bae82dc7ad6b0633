using System.Globalization;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Networks;
using Ocellus.Vision.Onnx;
using static TorchSharp.torch;

namespace Ocellus.Vision.Recipes;

/// <summary>
/// The classification recipe: input and head are chosen for the data, the head is fitted on frozen features, then everything is fine-tuned from it if
/// the input is small enough. The one that does better on held-back images is kept and learns from these too. The same seed gives the same model on the
/// same machine, unless time or memory is short.
/// </summary>
public static class ClassifierTrainer
{
    /// <summary>Name of the checkpoint in its directory.</summary>
    public const string CheckpointName = "classifier.checkpoint";

    // Share of the budget after which no further round of random views begins.
    private const double FeatureShare = .3;

    // The same where nothing but the head is learnt.
    private const double FrozenFeatureShare = .7;

    /// <summary>Trains.</summary>
    /// <param name="task">What is to be learnt.</param>
    /// <param name="plan">How.</param>
    /// <param name="progress">Receives a report at least every two seconds, unless a single step takes longer.</param>
    /// <param name="checkpointDirectory">Where an interrupted training leaves a checkpoint to resume from; null for none.</param>
    /// <param name="cancel">Ends the training after the current step, with a checkpoint.</param>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="StartException">The model to go on from is of another kind.</exception>
    /// <exception cref="TrainingDivergedException">The loss is not finite.</exception>
    /// <exception cref="InsufficientMemoryException">Not even four images a step fit into memory.</exception>
    /// <exception cref="TrainingLibraryException">libtorch cannot be loaded.</exception>
    public static ClassifierResult Train(
        ClassifierTask task, ClassifierPlan plan, IProgress<TrainingProgress>? progress = null, string? checkpointDirectory = null,
        CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(plan);
        Check(task, plan);
        TrainingLibrary.Check();
        // Until the input is chosen, the most that any takes.
        var time = new TimeBudget(plan.Repeat is null ? plan.TimeFor(null) : null);
        var paced = new PacedProgress(progress, time);
        set_num_threads(plan.Threads);
        using var scope = NewDisposeScope();
        OnnxFile pretrained = OnnxFile.Load(plan.BackbonePath), backbone = plan.From?.Backbone(pretrained) ?? pretrained;
        (ClassifierDesign design, IReadOnlyList<DesignTrial> trials) = Choose(task, plan, checkpointDirectory, time, paced, cancel);
        plan = plan with { TimeBudget = plan.TimeFor(design.Input), TimeLimit = null };
        if (plan.Repeat is null)
        {
            time.Limit(plan.TimeBudget);
        }

        bool whole = design.Input.KeepsAspect || design.HasEvidence;
        var views = new ClassifierViews(task.Images, plan, design.Input, whole ? plan.Head.WholeViewAreaMin : plan.ViewAreaMin);
        bool fineTune = plan.FineTune && design.Input.Cost <= plan.Head.FineTuneCostMax;
        (int[] learn, int[] held) = fineTune ? Split(task, plan) : (InputSearch.Subset(task, plan.Seed, HeadTraining.ImagesMax(task, plan, design)), []);
        int[] all = [.. learn, .. held];
        bool tunes = ClassifierRepeat.FineTunes(plan, held.Length > 0);
        if (all.Length < plan.Head.ComparedFrom * task.Labels.Count)
        {
            // An image a label tells nothing, and each is needed to learn from.
            (learn, held) = (all, []);
        }

        // A step is timed first, so that the remaining time can be reported from the start.
        using ClassifierTuning? tuning = tunes ? new ClassifierTuning(task, plan, design, views, backbone) : null;
        double perImage = tuning?.MeasureImage() ?? 0;
        double afterwards = tuning is null
            ? 0
            : Math.Min(time.LimitSeconds, tuning.Seconds(plan.Repeat?.Steps ?? tuning.PlannedSteps(learn.Length), perImage));

        var training = new HeadTraining(task, plan, design, views, all, follows: tuning is not null, backbone);
        training.Extract(time.LimitSeconds * (tuning is null ? FrozenFeatureShare : FeatureShare), time, afterwards, paced, cancel);
        paced.Report(new TrainingProgress("head", 0, 1, null, afterwards));
        string? remark = training.Rounds < training.RoundsPlanned ? "The time budget allowed fewer random views for the linear head." : null;
        ClassifierResult Result(OnnxFile features, ClassifierHead head, double factor, string recipe, double? linear)
        {
            byte[] model = ClassifierExport.Compose(features, head.Times(factor), design.Input.Width, design.Input.Height, task.MultiLabel);
            PlanRun run = (tuning?.Carried ?? PlanRun.Of(design) with { Rounds = training.Rounds }) with
            {
                HeadImages = all.Length < task.Images.Count ? all.Length : 0,
                HeadSteps = training.Steps,
            };
            CarriedPlan carried = CarriedPlan.Of(task, plan, run);
            ModelDescription description = Describe(recipe) with { Temperature = 1 / factor, Plan = carried.ToJson() };
            TimeSpan? answer = trials.Count == 0 ? null : AnswerTime.Of(model, description, task.Images.Read(0));
            return new ClassifierResult(model, description, linear, held.Length == 0 ? null : tuning?.Score, tuning?.Epochs ?? 0)
            {
                Remark = answer is { } one ? $"{remark} {DesignText.Of(design, trials, one)}".TrimStart() : remark,
                Steps = (run.Steps, run.StepsPlanned),
                Plan = carried,
                Design = design,
                Trials = trials,
                AnswerTime = answer,
            };
        }

        if (tuning is null)
        {
            remark = !fineTune ? remark : string.Create(
                CultureInfo.InvariantCulture,
                $"No label has the {plan.HeldBackLabelMin} images that a comparison needs, so only the linear head was trained.");
            (ClassifierHead frozen, double factor) = training.FitAndCalibrate(cancel);
            return Result(backbone, frozen, factor, "linear-head", trials.FirstOrDefault(t => t.Design == design)?.Score);
        }

        ClassifierHead linearHead = training.Fit(learn.Length, cancel);
        HeldResult linear = Quality(backbone, linearHead, 1);
        double? compared = held.Length == 0 ? null : linear.Score;
        string? path = checkpointDirectory is null ? null : Path.Combine(checkpointDirectory, CheckpointName);
        double expected = task.MultiLabel ? 1 : plan.Head.ExpectedFactor;
        var start = new TuningStart(linearHead, linear.Score, learn, held, (network, head) => Quality(network, head, expected), perImage, time,
            training.Rounds);
        (OnnxFile Backbone, ClassifierHead Head)? tuned = tuning.Run(start, paced, path, cancel);
        remark = tuning.Remark ?? remark;
        return tuned is { } better
            ? Result(better.Backbone, better.Head, tuning.Factor, "fine-tuned", compared)
            // The comparison is over, so the head that is kept learns from the held-back images too.
            : Result(backbone, training.Fit(all.Length, cancel), linear.Factor, "linear-head", compared);

        HeldResult Quality(OnnxFile features, ClassifierHead head, double expected) => ClassifierTrainer.Quality(
            ClassifierExport.Compose(features, head, design.Input.Width, design.Input.Height, task.MultiLabel), Describe("compared"), task, views, held,
            expected, plan.Threads, cancel);

        ModelDescription Describe(string recipe) => new(
            task.MultiLabel ? ModelKinds.MultiLabel : ModelKinds.Classification, task.Labels, design.Input.Width, design.Input.Height, design.Input.Resize,
            recipe,
            new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["format"] = "1",
                ["backbone"] = "efficientnet-lite0",
                ["opset"] = backbone.Model.OpsetImport[0].Version.ToString(CultureInfo.InvariantCulture),
            })
        { Output = ClassifierExport.Output, StartedFrom = plan.From?.Sha256 };
    }

    private static (ClassifierDesign Chosen, IReadOnlyList<DesignTrial> Trials) Choose(
        ClassifierTask task, ClassifierPlan plan, string? folder, TimeBudget time, PacedProgress progress, CancellationToken cancel)
    {
        if (plan.From is { } from)
        {
            return (from.Design, []);
        }

        if (plan.Repeat is { } run)
        {
            return (run.Design, []);
        }

        if (plan.Search is not { } search)
        {
            return (plan.Design ?? new ClassifierDesign(ClassifierInput.Square(plan.Size), ClassifierHeadKind.Average), []);
        }

        string key = SavedDesign.KeyOf(task, plan);
        if (SavedDesign.Read(folder, key) is { } saved)
        {
            return (saved.Chosen, saved.Trials);
        }

        (ClassifierDesign chosen, IReadOnlyList<DesignTrial> trials) = new InputSearch(task, plan, search).Run(
            time.LimitSeconds * search.TimeShare, () => time.Seconds,
            (done, of) =>
            {
                // Images are looked at several at a time.
                lock (progress)
                {
                    progress.ReportIfDue(() => new TrainingProgress("input", done, of, null, null) { Step = done, Steps = of });
                }
            },
            cancel);
        new SavedDesign(key, chosen, trials).Write(folder);
        return (chosen, trials);
    }

    /// <summary>
    /// Holds back a share of each label's images, at least one where there are enough; an image with several labels counts for its
    /// first.
    /// </summary>
    internal static (int[] Learn, int[] Held) Split(ClassifierTask task, ClassifierPlan plan)
    {
        var held = new List<int>();
        // Not security: the split must repeat for a seed.
#pragma warning disable CA5394
        var random = new Random(plan.Seed);
        IEnumerable<IGrouping<int, int>> byLabel = Enumerable.Range(0, task.Images.Count).GroupBy(i => task.Targets[i].Count > 0 ? task.Targets[i][0] : -1);
        foreach (IGrouping<int, int> group in byLabel.OrderBy(g => g.Key))
        {
            int[] members = [.. group];
            random.Shuffle(members);
            int heldMin = plan.HeldBack > 0 && members.Length >= plan.HeldBackLabelMin ? 1 : 0;
            held.AddRange(members.Take(Math.Max(heldMin, (int)(members.Length * plan.HeldBack))));
        }
#pragma warning restore CA5394
        var set = held.ToHashSet();
        return ([.. Enumerable.Range(0, task.Images.Count).Where(i => !set.Contains(i))], [.. held]);
    }

    private static void Check(ClassifierTask task, ClassifierPlan plan)
    {
        if (task.Targets.Count != task.Images.Count)
        {
            throw new ArgumentException("Each image needs its targets.", nameof(task));
        }

        if (task.Labels.Count == 0 || task.Images.Count == 0)
        {
            throw new ArgumentException("There is nothing to learn.", nameof(task));
        }

        plan.From?.RequireKind(task.MultiLabel ? ModelKinds.MultiLabel : ModelKinds.Classification);
        if (plan.Size <= 0 || plan.Size % 32 != 0)
        {
            throw new ArgumentException("The size must be a multiple of 32.", nameof(plan));
        }

        foreach (IReadOnlyList<int> t in task.Targets)
        {
            if ((!task.MultiLabel && t.Count != 1) || t.Any(l => l < 0 || l >= task.Labels.Count))
            {
                throw new ArgumentException("A target is not one of the labels, or an image does not have exactly one.", nameof(task));
            }
        }
    }

    /// <summary>Accuracy for one label an image, or micro F1 at a threshold of 0.5 for several; and the factor that calibrates the scores.</summary>
    private static HeldResult Quality(
        byte[] bytes, ModelDescription description, ClassifierTask task, ClassifierViews views, int[] indexes, double expected, int threads,
        CancellationToken cancel)
    {
        using var model = new TrainedModel(bytes, description, threads);
        var logits = new float[indexes.Length][];
        int right = 0, found = 0, there = 0;
        for (int i = 0; i < indexes.Length; i++)
        {
            cancel.ThrowIfCancellationRequested();
            float[,] scores = model.Score(views.Plain(indexes[i]));
            logits[i] = Calibration.Logits(System.Runtime.InteropServices.MemoryMarshal.CreateReadOnlySpan(ref scores[0, 0], scores.Length), task.MultiLabel);
            int[] guesses = task.MultiLabel
                ? [.. Enumerable.Range(0, task.Labels.Count).Where(l => scores[0, l] >= .5f)]
                : [Enumerable.Range(0, task.Labels.Count).MaxBy(l => scores[0, l])];
            right += guesses.Count(task.Targets[indexes[i]].Contains);
            found += guesses.Length;
            there += task.Targets[indexes[i]].Count;
        }

        return new HeldResult(
            found + there == 0 ? 1 : 2.0 * right / (found + there),
            Calibration.Factor(logits, [.. indexes.Select(i => task.Targets[i])], task.MultiLabel, expected));
    }
}
