using System.Diagnostics;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Networks;
using Ocellus.Vision.Onnx;

namespace Ocellus.Vision.Recipes;

/// <summary>Fits the head of a design on frozen features of the plain images and of random views of them.</summary>
/// <param name="task">Images and labels.</param>
/// <param name="plan">How.</param>
/// <param name="design">Input and head.</param>
/// <param name="views">Views of the images.</param>
/// <param name="order">Indexes of the images.</param>
/// <param name="follows">Fine-tuning follows.</param>
/// <param name="backbone">What computes the features.</param>
internal sealed class HeadTraining(
    ClassifierTask task, ClassifierPlan plan, ClassifierDesign design, ClassifierViews views, int[] order, bool follows,
    OnnxFile backbone)
{
    private const int StepsMin = 100;

    private static readonly TimeSpan _timeForAllSteps = TimeSpan.FromSeconds(100);

    // Heads stay near it where the images do not say otherwise.
    private readonly ClassifierHead? _start = plan.From?.HeadFor(task.Labels);
    private HeadFeatures _features = null!;
    private PacedProgress _progress = null!;
    private double _afterwards;

    /// <summary>Views of each image, the plain one included.</summary>
    public int Rounds { get; private set; }

    /// <summary>Views of each image if time is not short.</summary>
    public int RoundsPlanned { get; } = plan.Repeat?.Rounds is > 0 and var known ? known : Math.Clamp(RowsMax(plan, design) / order.Length, 1, plan.Views + 1);

    /// <summary>Steps of a fit by gradient descent: as planned, or fewer where the time budget is short. 0 if there is none.</summary>
    public int Steps { get; } = !design.HasEvidence ? 0 : plan.Repeat?.HeadSteps is > 0 and var steps ? steps
        : Math.Max(StepsMin, (int)((follows ? plan.Head.Steps : plan.Head.FrozenSteps) * Math.Min(1, plan.TimeBudget / _timeForAllSteps)));

    /// <summary>Images that the head learns from: all, or as many as memory allows.</summary>
    public static int ImagesMax(ClassifierTask task, ClassifierPlan plan, ClassifierDesign design) => plan.Repeat is { } run
        ? run.HeadImages > 0 ? run.HeadImages : task.Images.Count
        : RowsMax(plan, design);

    /// <summary>Images whose maps fit into memory, at most.</summary>
    private static int RowsMax(ClassifierPlan plan, ClassifierDesign design)
    {
        long available = plan.MemoryBytes ?? TrainingMemory.Available() ?? long.MaxValue;
        long bytes = design.HasEvidence ? Math.Min(plan.Head.MapBytesMax, (long)(available * plan.Head.MapMemoryShare)) : long.MaxValue;
        return (int)Math.Clamp(bytes / HeadFeatures.RowBytes(design.Input, design.HasEvidence), 1, plan.FeatureRowsMax);
    }

    /// <summary>Computes the features of the plain view of each image, then of each round of random views; fewer rounds when time is short.</summary>
    /// <param name="seconds">Seconds of the budget after which no further round begins.</param>
    /// <param name="time">The budget.</param>
    /// <param name="afterwards">Seconds that follow, for the report.</param>
    /// <param name="progress">Receives reports, those of the fit too.</param>
    /// <param name="cancel">Ends the computation.</param>
    /// <exception cref="InsufficientMemoryException">The features of a plan that is repeated do not fit into memory.</exception>
    public void Extract(double seconds, TimeBudget time, double afterwards, PacedProgress progress, CancellationToken cancel)
    {
        (_progress, _afterwards) = (progress, afterwards);
        using FeatureExtractor extractor = plan.From is null ? new FeatureExtractor(plan.BackbonePath, 1) : new FeatureExtractor(backbone.ToBytes(), 1);
        long begun = Stopwatch.GetTimestamp();
        var rounds = new List<HeadFeatures>();
        int planned = RoundsPlanned, perRound = order.Length;
        if (plan.Repeat is not null)
        {
            TrainingMemory.RequireForRepeat(planned * perRound * HeadFeatures.RowBytes(design.Input, design.HasEvidence), plan.MemoryBytes);
        }

        for (int round = 0; round < planned; round++)
        {
            double each = Stopwatch.GetElapsedTime(begun).TotalSeconds / Math.Max(1, round);
            if (round > 0 && plan.Repeat is null && time.Seconds + each > seconds)
            {
                break;
            }

            int number = round;
            rounds.Add(HeadFeatures.Extract(
                extractor, views.Input, design.HasEvidence, perRound, (row, planes) => View(number, row, planes), plan.CurrentThreads,
                count => Report(number, count), cancel));
        }

        Rounds = rounds.Count;
        _features = new HeadFeatures([.. rounds.SelectMany(r => r.Embeddings)], [.. rounds.SelectMany(r => r.Maps)]);

        void View(int round, int row, float[] planes)
        {
            if (round == 0)
            {
                FeatureExtractor.Normalise(views.Plain(order[row]), planes);
            }
            else
            {
                views.Random(order[row], -round, views.Input, planes);
            }
        }

        bool Report(int round, int count)
        {
            int done = round * perRound + count;
            double each = Stopwatch.GetElapsedTime(begun).TotalSeconds / done;
            lock (progress)
            {
                progress.ReportIfDue(() => new TrainingProgress("features", done / perRound, planned, null, each * (perRound * planned - done) + afterwards)
                {
                    Step = done,
                    Steps = perRound * planned,
                });
            }

            return true;
        }
    }

    /// <summary>Fits the head on the first images, from all rounds.</summary>
    /// <param name="count">How many of the images to learn from.</param>
    /// <param name="cancel">Ends the fit.</param>
    public ClassifierHead Fit(int count, CancellationToken cancel)
    {
        int[] rows = [.. Enumerable.Range(0, Rounds).SelectMany(r => Enumerable.Range(r * order.Length, count))];
        if (!design.HasEvidence)
        {
            return Linear(rows, cancel);
        }

        using var scope = TorchSharp.torch.NewDisposeScope();
        HeadFit fit = Begin(rows, new int[rows.Length], [new HeadGroup(design.Head, -1)], cancel);
        Run(fit, cancel);
        return fit.Head(0);
    }

    /// <summary>
    /// As <see cref="Fit"/> on all images, and the factor of its logits that calibrates its scores, from heads that have each not learnt from a part of
    /// the images.
    /// </summary>
    public (ClassifierHead Head, double Factor) FitAndCalibrate(CancellationToken cancel)
    {
        (ClassifierHead head, float[][] logits) = FitAndTest(cancel);
        return (head, Calibration.Factor(logits, [.. order.Select(i => task.Targets[i])], task.MultiLabel, expected: 1));
    }

    private (ClassifierHead Head, float[][] Logits) FitAndTest(CancellationToken cancel)
    {
        int count = order.Length, labels = task.Labels.Count, width = EfficientNetLite0.EmbeddingSize;
        int[] folds = InputSearch.Folds(task, order, plan.Seed, plan.Head.CalibrationFolds), all = [.. Enumerable.Range(0, Rounds * count)];
        var logits = new float[count][];
        if (!design.HasEvidence)
        {
            for (int fold = 0; fold < plan.Head.CalibrationFolds; fold++)
            {
                LinearHead head = Linear([.. all.Where(r => folds[r % count] != fold)], cancel).Average!;
                for (int i = 0; i < count; i++)
                {
                    if (folds[i] == fold)
                    {
                        logits[i] = [.. Enumerable.Range(0, labels).Select(l =>
                            System.Numerics.Tensors.TensorPrimitives.Dot(_features.Embeddings.AsSpan(i * width, width), head.Weight.AsSpan(l * width, width))
                            + head.Bias[l])];
                    }
                }
            }

            return (Linear(all, cancel), logits);
        }

        using var scope = TorchSharp.torch.NewDisposeScope();
        HeadGroup[] groups = [.. Enumerable.Range(-1, plan.Head.CalibrationFolds + 1).Select(f => new HeadGroup(design.Head, f))];
        HeadFit fit = Begin(all, [.. all.Select(r => folds[r % count])], groups, cancel);
        Run(fit, cancel);
        for (int fold = 0; fold < plan.Head.CalibrationFolds; fold++)
        {
            int[] tested = [.. Enumerable.Range(0, count).Where(i => folds[i] == fold)];
            float[][] found = fit.Logits(tested, fold + 1);
            for (int t = 0; t < tested.Length; t++)
            {
                logits[tested[t]] = found[t];
            }
        }

        return (fit.Head(0), logits);
    }

    private void Run(HeadFit fit, CancellationToken cancel)
    {
        long begun = Stopwatch.GetTimestamp();
        fit.Run(Steps, plan.Head.Batch, plan.Seed, step =>
        {
            cancel.ThrowIfCancellationRequested();
            StepThreads.Apply(plan.ThreadsNow, plan.Threads);
            double? left = step == 0 ? null : Stopwatch.GetElapsedTime(begun).TotalSeconds / step * (Steps - step) + _afterwards;
            _progress.ReportIfDue(() => new TrainingProgress("head", 0, 1, null, left) { Step = step, Steps = Steps });
            return true;
        });
    }

    private HeadFit Begin(int[] rows, int[] folds, HeadGroup[] groups, CancellationToken cancel)
    {
        cancel.ThrowIfCancellationRequested();
        HeadFeatures chosen = new(Embeddings(rows), [.. rows.Select(r => _features.Maps[r])]);
        return new HeadFit(chosen, Targets(rows), folds, groups, task.Labels.Count, task.MultiLabel, (plan.Head.AverageRidge, plan.Head.EvidenceRidge),
            _start);
    }

    private ClassifierHead Linear(int[] rows, CancellationToken cancel) => new(
        LogisticRegression.Fit(Embeddings(rows), Targets(rows), rows.Length, task.Labels.Count, task.MultiLabel, plan.Regularisation, cancel,
            _start?.Average), null);

    private float[] Targets(int[] rows) => InputSearch.Targets(task, [.. rows.Select(r => order[r % order.Length])]);

    private float[] Embeddings(int[] rows)
    {
        int width = EfficientNetLite0.EmbeddingSize;
        var values = new float[rows.Length * width];
        for (int i = 0; i < rows.Length; i++)
        {
            Array.Copy(_features.Embeddings, rows[i] * width, values, i * width, width);
        }

        return values;
    }
}
