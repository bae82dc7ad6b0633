using System.Diagnostics;
using System.Globalization;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Networks;
using Ocellus.Vision.Onnx;
using static TorchSharp.torch;

namespace Ocellus.Vision.Recipes;

/// <summary>
/// The classification recipe: a linear head on frozen features, then fine-tuning from it. The one that does better on held-back
/// images is kept and learns from these too. The same seed gives the same model on the same machine, unless time or memory is
/// short.
/// </summary>
public static class ClassifierTrainer
{
    /// <summary>Name of the checkpoint in its directory.</summary>
    public const string CheckpointName = "classifier.checkpoint";

    // Share of the budget after which no further round of random views begins.
    private const double FeatureShare = .3;

    /// <summary>Trains.</summary>
    /// <param name="task">What is to be learnt.</param>
    /// <param name="plan">How.</param>
    /// <param name="progress">Receives a report at least every two seconds, unless a single step takes longer.</param>
    /// <param name="checkpointDirectory">Where an interrupted training leaves a checkpoint to resume from; null for none.</param>
    /// <param name="cancel">Ends the training after the current step, with a checkpoint.</param>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
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
        long started = Stopwatch.GetTimestamp();
        var budget = new TimeBudget(plan.Repeat is null ? plan.TimeBudget : null);
        var paced = new PacedProgress(progress, budget);
        set_num_threads(plan.Threads);
        using var scope = NewDisposeScope();
        OnnxFile backbone = OnnxFile.Load(plan.BackbonePath);
        var views = new ClassifierViews(task.Images, plan);
        (int[] learn, int[] held) = Split(task, plan);
        int[] all = [.. learn, .. held];

        // A step is timed first, so that the remaining time can be reported from the start.
        using ClassifierTuning? tuning = ClassifierRepeat.FineTunes(plan, held.Length > 0) ? new ClassifierTuning(task, plan, views, backbone) : null;
        double perImage = tuning?.MeasureImage() ?? 0;
        double afterwards = tuning is null ? 0 : tuning.Seconds(plan.Repeat?.Steps ?? tuning.PlannedSteps(learn.Length), perImage);

        (float[] features, int rounds) = Features(plan, views, all, started, afterwards, paced, cancel);
        paced.Report(new TrainingProgress("head", 0, 1, null, afterwards));
        LinearHead linear = Fit(learn.Length);
        byte[] linearModel = ClassifierExport.Compose(backbone, linear, plan.Size, task.MultiLabel);
        double? linearScore = held.Length == 0 ? null : Quality(linearModel);

        bool hurried = plan.Repeat is null && rounds <= plan.Views && Stopwatch.GetElapsedTime(started) > FeatureShare * plan.TimeBudget;
        string? remark = hurried ? "The time budget allowed fewer random views for the linear head." : null;
        if (tuning is not null)
        {
            string? path = checkpointDirectory is null ? null : Path.Combine(checkpointDirectory, CheckpointName);
            var start = new TuningStart(linear, linearScore!.Value, learn, held, Quality, perImage, budget, rounds);
            byte[]? model = tuning.Run(start, paced, path, cancel);
            remark = tuning.Remark ?? remark;
            if (model is not null)
            {
                return Result(model, "fine-tuned");
            }
        }
        else if (plan.FineTune)
        {
            remark = string.Create(
                CultureInfo.InvariantCulture,
                $"No label has the {plan.HeldBackLabelMin} images that a comparison needs, so only the linear head was trained.");
        }

        // The comparison is over, so the head that is kept learns from the held-back images too.
        if (held.Length > 0)
        {
            linearModel = ClassifierExport.Compose(backbone, Fit(all.Length), plan.Size, task.MultiLabel);
        }

        return Result(linearModel, "linear-head");

        ClassifierResult Result(byte[] model, string recipe)
        {
            PlanRun run = tuning?.Carried ?? new PlanRun { Width = plan.Size, Height = plan.Size, Rounds = rounds };
            CarriedPlan carried = CarriedPlan.Of(task, plan, run);
            return new ClassifierResult(model, Describe(recipe) with { Plan = carried.ToJson() }, linearScore, tuning?.Score, tuning?.Epochs ?? 0)
            {
                Plan = carried,
                Remark = remark,
                Steps = (run.Steps, run.StepsPlanned),
            };
        }

        LinearHead Fit(int count) => ClassifierTrainer.Fit(task, plan, features, all, count, rounds, cancel);

        double Quality(byte[] model) => ClassifierTrainer.Quality(model, Describe("compared"), task, views, held, plan.Threads, cancel);

        ModelDescription Describe(string recipe) => new(
            task.MultiLabel ? ModelKinds.MultiLabel : ModelKinds.Classification, task.Labels, plan.Size, plan.Size, "squash", recipe,
            new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["format"] = "1",
                ["backbone"] = "efficientnet-lite0",
                ["opset"] = backbone.Model.OpsetImport[0].Version.ToString(CultureInfo.InvariantCulture),
            });
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

    /// <summary>Embeddings of the plain view of each image, then of each round of random views; fewer rounds when time is short.</summary>
    private static (float[] Features, int Rounds) Features(
        ClassifierPlan plan, ClassifierViews views, int[] order, long started, double afterwards, PacedProgress progress, CancellationToken cancel)
    {
        using var extractor = new FeatureExtractor(plan.BackbonePath, plan.Threads);
        int one = 3 * plan.Size * plan.Size, perRound = (order.Length + plan.Batch - 1) / plan.Batch;
        int rounds = plan.Repeat is { Rounds: > 0 } run ? run.Rounds : Math.Clamp(plan.FeatureRowsMax / order.Length, 1, plan.Views + 1);
        var features = new float[checked(order.Length * rounds * EfficientNetLite0.EmbeddingSize)];
        var batches = new Prefetch<(float[] Planes, int Count)>(Make);
        long begun = Stopwatch.GetTimestamp();
        try
        {
            for (int k = 0; k < perRound * rounds; k++)
            {
                cancel.ThrowIfCancellationRequested();
                if (plan.Repeat is null && k > 0 && k % perRound == 0
                    && Stopwatch.GetElapsedTime(started) * (1 + (double)perRound / k) > FeatureShare * plan.TimeBudget)
                {
                    return (features, k / perRound);
                }

                (float[] planes, int count) = batches.Take(k, k + 1 < perRound * rounds);
                extractor.Embed(planes, count, plan.Size, plan.Size).CopyTo(
                    features, (k / perRound * order.Length + k % perRound * plan.Batch) * EfficientNetLite0.EmbeddingSize);
                double each = Stopwatch.GetElapsedTime(begun).TotalSeconds / (k + 1);
                int done = k + 1, planned = perRound * rounds;
                progress.ReportIfDue(() => new TrainingProgress("features", done / perRound, rounds, null, each * (planned - done) + afterwards)
                {
                    Step = done,
                    Steps = planned,
                });
            }

            return (features, rounds);
        }
        finally
        {
            batches.Stop();
        }

        (float[] Planes, int Count) Make(int k)
        {
            int round = k / perRound, first = k % perRound * plan.Batch, count = Math.Min(plan.Batch, order.Length - first);
            var planes = new float[count * one];
            for (int i = 0; i < count; i++)
            {
                if (round == 0)
                {
                    FeatureExtractor.Normalise(views.Plain(order[first + i]), planes.AsSpan(i * one, one));
                }
                else
                {
                    views.Random(order[first + i], -round, plan.Size, planes.AsSpan(i * one, one));
                }
            }

            return (planes, count);
        }
    }

    /// <summary>Fits the head on the features of the first images, from all rounds.</summary>
    /// <param name="task">The labels.</param>
    /// <param name="plan">Weight of the loss.</param>
    /// <param name="features">[rounds, images, features].</param>
    /// <param name="order">Indexes of the images.</param>
    /// <param name="count">How many of the images to learn from.</param>
    /// <param name="rounds">Views of each.</param>
    /// <param name="cancel">Ends the fit.</param>
    private static LinearHead Fit(ClassifierTask task, ClassifierPlan plan, float[] features, int[] order, int count, int rounds, CancellationToken cancel)
    {
        int width = EfficientNetLite0.EmbeddingSize, labels = task.Labels.Count;
        var x = new float[count * rounds * width];
        var y = new float[count * rounds * labels];
        for (int r = 0; r < rounds; r++)
        {
            Array.Copy(features, r * order.Length * width, x, r * count * width, count * width);
            for (int i = 0; i < count; i++)
            {
                foreach (int label in task.Targets[order[i]])
                {
                    y[(r * count + i) * labels + label] = 1;
                }
            }
        }

        return LogisticRegression.Fit(x, y, count * rounds, labels, task.MultiLabel, plan.Regularisation, cancel);
    }

    /// <summary>Accuracy for one label an image; micro F1 at a threshold of 0.5 for several.</summary>
    private static double Quality(
        byte[] bytes, ModelDescription description, ClassifierTask task, ClassifierViews views, int[] indexes, int threads, CancellationToken cancel)
    {
        using var model = new TrainedModel(bytes, description, threads);
        double right = 0, wrong = 0, missed = 0;
        foreach (int i in indexes)
        {
            cancel.ThrowIfCancellationRequested();
            float[,] scores = model.Score(views.Plain(i));
            int best = 0;
            for (int l = 0; l < task.Labels.Count; l++)
            {
                if (scores[0, l] > scores[0, best])
                {
                    best = l;
                }

                if (!task.MultiLabel)
                {
                    continue;
                }

                bool truth = task.Targets[i].Contains(l), guess = scores[0, l] >= .5f;
                if (truth && guess)
                {
                    right++;
                }
                else if (guess)
                {
                    wrong++;
                }
                else if (truth)
                {
                    missed++;
                }
            }

            if (!task.MultiLabel && task.Targets[i][0] == best)
            {
                right++;
            }
        }

        return task.MultiLabel ? (right == 0 ? 0 : 2 * right / (2 * right + wrong + missed)) : right / indexes.Length;
    }
}
