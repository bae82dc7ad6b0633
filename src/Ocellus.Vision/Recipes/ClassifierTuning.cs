using System.Diagnostics;
using System.Globalization;
using Ocellus.Vision.Networks;
using Ocellus.Vision.Onnx;

namespace Ocellus.Vision.Recipes;

/// <summary>
/// Fine-tuning of the whole network from the linear head. All that a step does depends only on its number and the seed, so an
/// interrupted training gives the same result as an uninterrupted one. Its tensors belong to the dispose scope around the constructor.
/// </summary>
internal sealed class ClassifierTuning : IDisposable
{
    /// <summary>Bytes of the activations and their gradients for an image of 224 px; measured 93 MB.</summary>
    private const long ImageBytesAt224 = 96L << 20;

    /// <summary>Bytes of libraries, weights, moments and averages; measured 220 MB plus what .NET adds.</summary>
    private const long FixedBytes = 400L << 20;

    private const int FrozenBlocks = 5; // everything up to stride 8, when time is short
    private const double FrozenTimeShare = .8; // time of a step with frozen blocks, as a share of a full one
    // With this share of the planned steps, training all layers is still better than more steps with the first ones frozen.
    private const double StepsEnough = .6;
    private const int LossSpan = 20; // steps over which the reported loss is averaged
    private const int PaceSpan = 10; // ends of steps over which the pace is measured

    /// <summary>Fewer steps are not worth starting: the rate would hardly have warmed up.</summary>
    private const int StepsWorthwhile = 20;

    /// <summary>Time between checkpoints: little work is lost, and writing 55 MB takes a fraction of a second.</summary>
    private static readonly TimeSpan _checkpointEvery = TimeSpan.FromSeconds(15);

    private readonly ClassifierTask _task;
    private readonly ClassifierPlan _plan;
    private readonly ClassifierNetwork _network;
    private readonly ClassifierBatches _images;
    private readonly CosineSchedule _rate;
    private readonly int _batch;
    private readonly ClassifierDesign _design;
    private readonly ClassifierInput _size, _startSize;
    private readonly string _key;

    public ClassifierTuning(ClassifierTask task, ClassifierPlan plan, ClassifierDesign design, ClassifierViews views, OnnxFile backbone)
    {
        (_task, _plan, _design) = (task, plan, design);
        _size = views.Input;
        var imageBytes = (long)(ImageBytesAt224 * _size.Cost);
        _batch = TrainingMemory.Batch(plan.Batch, plan.Repeat?.Batch, FixedBytes + plan.ImageCacheBytes, imageBytes, plan.MemoryBytes);
        _startSize = _size.Scaled(plan.StartScale);
        _network = new ClassifierNetwork(task, plan, design, backbone, _batch);
        _images = new ClassifierBatches(task, plan, views, _batch);
        _rate = new CosineSchedule(plan.WarmUpSteps);
        _key = Fingerprint(task, plan, _batch, design);
    }

    /// <summary>Passes completed.</summary>
    public int Epochs { get; private set; }

    /// <summary>Score of the fine-tuned network on the held-back images; null if it was not compared.</summary>
    public double? Score { get; private set; }

    /// <summary>Factor of the logits that calibrates the scores.</summary>
    public double Factor { get; private set; } = 1;

    /// <summary>What was done; null before <see cref="Run"/>.</summary>
    public PlanRun? Carried { get; private set; }

    /// <summary>A note for the user; null if there is none.</summary>
    public string? Remark { get; private set; }

    /// <summary>Seconds per image of a full step, averaged over both sizes of the network.</summary>
    public double MeasureImage()
    {
        ClassifierBatch batch = _images.Noise();
        _network.Gradients(batch, 0); // the first one warms up
        long t = Stopwatch.GetTimestamp();
        _network.Gradients(batch, 0);
        double ratio = _startSize.Cost / _size.Cost;
        return Stopwatch.GetElapsedTime(t).TotalSeconds / _batch * (_plan.ChooseAt * ratio + 1 - _plan.ChooseAt);
    }

    /// <summary>Steps planned if time is not short.</summary>
    public int PlannedSteps(int images) => _plan.Epochs == 0 ? 0 : Math.Max(_plan.StepsMin, (images * _plan.Epochs + _batch - 1) / _batch);

    /// <summary>Seconds that this many steps take.</summary>
    public double Seconds(int steps, double secondsPerImage) => steps * _batch * secondsPerImage;

    /// <summary>Trains, and compares with the linear head on the held-back images.</summary>
    /// <param name="start">What to start from.</param>
    /// <param name="progress">Receives a report after every pass, and about every second in between.</param>
    /// <param name="path">Path of the checkpoint; null for none.</param>
    /// <param name="cancel">Ends the training after the current step, with a checkpoint.</param>
    /// <returns>The fine-tuned model; null if the linear head is better or time is too short.</returns>
    public (OnnxFile Backbone, ClassifierHead Head)? Run(TuningStart start, PacedProgress progress, string? path, CancellationToken cancel)
    {
        int wanted = PlannedSteps(start.Learn.Length);
        Carried = PlanRun.Of(_design) with { Batch = _batch, StepsPlanned = wanted, Rounds = start.Rounds };
        if (Begin(start, wanted, path) is not { } state)
        {
            Remark = _plan.Repeat is null ? $"The time budget of {TimeBudget.Text(_plan.TimeBudget)} leaves no time for fine-tuning." : null;
            return null;
        }

        if (state.Frozen)
        {
            _network.Freeze(FrozenBlocks);
        }

        state = Learn(start, state, wanted, progress, path, cancel);
        int rounds = state.Rounds > 0 ? state.Rounds : start.Rounds;
        Carried = Carried with { Steps = state.Step, Schedule = state.Schedule, Frozen = state.Frozen, Rounds = rounds };
        Remark = start.Budget.Shortfall(state.Step, wanted, state.Frozen);
        (OnnxFile backbone, ClassifierHead head) = Export(start);
        if (!state.Joined)
        {
            HeldResult found = start.Quality(backbone, head);
            (Score, Factor) = (found.Score, found.Factor);
        }

        return state.Joined || !IsWorse(Score!.Value, start.LinearScore, start.Held.Length) ? (backbone, head) : null;
    }

    public void Dispose() => _network.Dispose();

    /// <summary>
    /// Whether the score is lower by more than the standard error of the difference of two proportions. Of twenty images, two are
    /// chance; without evidence against it, the fine-tuned network is preferred.
    /// </summary>
    internal static bool IsWorse(double tuned, double linear, int images) =>
        tuned < linear - Math.Sqrt((tuned * (1 - tuned) + linear * (1 - linear)) / images);

    private (OnnxFile Backbone, ClassifierHead Head) Export(TuningStart start) =>
        _network.Export(start.Head, _plan.Head.TunedShare(start.All.Length, _task.Labels.Count));

    /// <summary>Resumes from a checkpoint, or plans and starts from the linear head; null if time is too short.</summary>
    private ClassifierScheduleState? Begin(TuningStart start, int wanted, string? path)
    {
        if (path is not null && TrainingCheckpoint.Read(path, _key) is { } checkpoint)
        {
            _network.Restore(checkpoint);
            var resumed = ClassifierScheduleState.From(checkpoint);
            (Score, Factor) = (resumed.Score, resumed.Factor);
            start.Budget.SecondsBefore = resumed.SecondsBefore;
            return resumed;
        }

        if (_plan.Repeat is { } run)
        {
            _network.StartFrom(start.Head);
            return run.Steps == 0 ? null : ClassifierScheduleState.Begin(run.StepsAfter(0, run.Steps), run.Frozen, start.Rounds);
        }

        double left = start.Budget.SecondsLeft;
        bool frozen = Seconds(wanted, start.SecondsPerImage) * StepsEnough > left;
        int steps = (int)Math.Clamp(left / (Seconds(1, start.SecondsPerImage) * (frozen ? FrozenTimeShare : 1)), 0, wanted);
        if (steps < Math.Min(StepsWorthwhile, wanted) || wanted == 0)
        {
            return null;
        }

        _network.StartFrom(start.Head);
        return ClassifierScheduleState.Begin(steps, frozen, start.Rounds);
    }

    /// <summary>Runs the remaining steps.</summary>
    private ClassifierScheduleState Learn(
        TuningStart start, ClassifierScheduleState state, int wanted, PacedProgress progress, string? path, CancellationToken cancel)
    {
        var losses = new RecentMean(LossSpan);
        var pacer = new StepPacer(PaceSpan);
        var batches = new Prefetch<ClassifierBatch>(step => Make(step, start, state));
        long saved = Stopwatch.GetTimestamp();
        try
        {
            while (state.Step < state.Steps)
            {
                if (cancel.IsCancellationRequested)
                {
                    Save(start, state, path);
                    cancel.ThrowIfCancellationRequested();
                }

                if (IsComparison(state, state.Step))
                {
                    batches.Stop();
                    state = Compare(start, state);
                }

                StepThreads.Apply(_plan.ThreadsNow, _plan.Threads);
                // The comparison decides what its step learns from, so that batch is not made ahead.
                ClassifierBatch batch = batches.Take(state.Step, state.Step + 1 < state.Steps && !IsComparison(state, state.Step + 1));
                losses.Add(StepOn(batch, state));
                state = state with { Step = state.Step + 1 };
                pacer.StepEnded();
                state = FitToTime(start, state, wanted, pacer);
                Report(start, state, wanted, losses, pacer, progress);
                if (state.Step < state.Steps && Stopwatch.GetElapsedTime(saved) >= _checkpointEvery)
                {
                    Save(start, state, path);
                    saved = Stopwatch.GetTimestamp();
                }
            }
        }
        finally
        {
            batches.Stop();
        }

        return state;
    }

    private bool IsComparison(ClassifierScheduleState state, int step) => state.ComparedAt is null && step >= _plan.ChooseAt * state.Steps;

    private ClassifierScheduleState Compare(TuningStart start, ClassifierScheduleState state)
    {
        (OnnxFile backbone, ClassifierHead head) = Export(start);
        (double score, double factor) = start.Quality(backbone, head);
        (Score, Factor) = (score, factor);
        return state with { ComparedAt = state.Step, Score = score, Factor = factor, Joined = !IsWorse(score, start.LinearScore, start.Held.Length) };
    }

    /// <summary>Takes one step and returns its loss.</summary>
    private double StepOn(ClassifierBatch batch, ClassifierScheduleState state)
    {
        double loss = _network.Gradients(batch, state.Step);
        if (!double.IsFinite(loss))
        {
            throw new TrainingDivergedException(state.Step, loss);
        }

        _network.Step(_rate.Share(state.Step, state.Steps), state.Step);
        return loss;
    }

    private ClassifierScheduleState FitToTime(TuningStart start, ClassifierScheduleState state, int wanted, StepPacer pacer) =>
        _plan.Repeat is { } run ? state.WithSteps(run.StepsAfter(state.Step, state.Steps))
        : !pacer.IsTelling(start.Budget.LimitSeconds) || state.Step >= state.Steps ? state
        : state.WithSteps(StepPacer.Fit(state.Step, state.Steps, wanted, start.Budget.SecondsLeft, pacer.SecondsPerStep!.Value));

    private void Report(TuningStart start, ClassifierScheduleState state, int wanted, RecentMean losses, StepPacer pacer, PacedProgress progress)
    {
        int before = Passes(start, state.Step - 1), left = state.Steps - state.Step;
        Epochs = Passes(start, state.Step);
        double seconds = pacer.SecondsPerStep * left ?? Seconds(left, start.SecondsPerImage);
        TrainingProgress Current() => new("fine-tuning", Epochs, Math.Max(1, Passes(start, state.Steps)), losses.Value, seconds)
        {
            Step = state.Step,
            Steps = state.Steps,
            Planned = wanted,
        };
        if (Epochs > before)
        {
            progress.Report(Current());
        }
        else
        {
            progress.ReportIfDue(Current);
        }
    }

    private int Passes(TuningStart start, int steps) => steps * _batch / start.Learn.Length;

    private void Save(TuningStart start, ClassifierScheduleState state, string? path)
    {
        if (path is not null)
        {
            TrainingCheckpoint now = _network.Capture(_key, Epochs, Passes(start, state.Steps), state.Frozen);
            (state with { SecondsBefore = start.Budget.Seconds }).AddTo(now).Write(path);
        }
    }

    private ClassifierBatch Make(int step, TuningStart start, ClassifierScheduleState state) => _images.Make(
        step, state.Joined ? start.All : start.Learn, state.Joined ? state.ComparedAt!.Value : 0, state.ComparedAt is null ? _startSize : _size);

    /// <summary>Identifies the training that a checkpoint belongs to.</summary>
    internal static string Fingerprint(ClassifierTask task, ClassifierPlan plan, int batch, ClassifierDesign design)
    {
        string repeated = PlanRun.KeyOf(plan.Repeat) + StartModel.KeyOf(plan.From);
        plan = plan with
        {
            Repeat = null,
            From = null,
            Search = null,
            Design = null,
            TimeLimit = null,
            TimeBudget = default,
            MemoryBytes = null,
            BackbonePath = "",
            Threads = 0,
            ThreadsNow = null,
            ImageCacheBytes = 0,
        };
        string planText = TrainingCheckpoint.TextOf(plan, plan.Kernels), labels = string.Join('\n', task.Labels);
        string targets = string.Join(';', task.Targets.Select(t => string.Join(',', t)));
        // The design is newer than the first checkpoints, which were all of the default one.
        string designText = design == new ClassifierDesign(ClassifierInput.Square(plan.Size), ClassifierHeadKind.Average) ? "" : $"|{design}";
        return TrainingCheckpoint.KeyOf(
            string.Create(CultureInfo.InvariantCulture, $"2|{planText}|{batch}|{task.MultiLabel}|{labels}|{targets}{designText}{repeated}"));
    }
}
