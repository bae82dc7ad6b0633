using System.Diagnostics;
using System.Globalization;
using System.Text;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Networks;
using Ocellus.Vision.Onnx;

namespace Ocellus.Vision.Recipes;

/// <summary>A running training of a detector.</summary>
internal sealed class DetectorRun : IDisposable
{
    // A checkpoint of 60 MB after every few steps would cost more than it saves.
    private const int EpochStepsMin = 40;
    // Share of the time budget after which no further step is timed: on a busy machine one may take many seconds.
    private const double MeasureShare = .02;
    // Factor on the measured time, for optimizer and running average.
    private const double StepOverhead = 1.05;

    private readonly DetectorTask _task;
    private readonly DetectorPlan _plan;
    private readonly DetectorInput _input;
    private readonly DetectorNetwork _network;
    private readonly DetectorBatches _images;
    private readonly int[] _held;
    private readonly CosineSchedule _rate;
    private readonly string _key;
    private readonly string? _path;
    private DetectorScheduleState _state = new(0, 0, 0, 0);
    private double? _loss;

    /// <param name="task">What is to be learnt.</param>
    /// <param name="plan">How.</param>
    /// <param name="backbone">Start weights and graph of the backbone.</param>
    /// <param name="input">Size of the network input.</param>
    /// <param name="path">Path of the checkpoint; null for none.</param>
    public DetectorRun(DetectorTask task, DetectorPlan plan, OnnxFile backbone, DetectorInput input, string? path)
    {
        (_task, _plan, _input, _path) = (task, plan, input, path);
        _network = new DetectorNetwork(task, plan, backbone, input);
        _held = BoxCalibration.HeldBack(task, plan.Calibration, plan.Seed);
        _images = new DetectorBatches(task, plan, new DetectorViews(task.Images, task.Boxes, input, plan), _held);
        _rate = new CosineSchedule(plan.WarmUpSteps);
        _key = Fingerprint(task, plan, input);
        Budget = new TimeBudget(plan.Repeat is null ? plan.BudgetFor(task.Images.Count) : null);
    }

    private int Epochs => (_state.Steps + EpochSteps - 1) / EpochSteps;

    /// <summary>Time of the training.</summary>
    public TimeBudget Budget { get; }

    private int EpochSteps => Math.Max(EpochStepsMin, (_task.Images.Count + _state.Batch - 1) / _state.Batch);

    // The rates are for the plan's number of images a step and scale with its square root.
    private double RateShare => _rate.Share(_state.Step, _state.Steps, _state.Position) * Math.Sqrt((double)_state.Batch / _plan.RateBatch);

    /// <summary>Resumes from a checkpoint, or times a step and plans. Reports the plan.</summary>
    public void Start(PacedProgress progress, CancellationToken cancel)
    {
        if (_path is not null && TrainingCheckpoint.Read(_path, _key) is { } checkpoint)
        {
            _network.Restore(checkpoint);
            _state = DetectorScheduleState.From(checkpoint, ExpectedScale);
            Budget.SecondsBefore = _state.SecondsBefore;
        }
        else
        {
            int batch = DetectorTrainer.BatchFor(_plan, _input);
            _network.Adopt(_plan.From, () => _images.Make(0, 0, _plan.Batch));
            double perImage = MeasureStep(batch, cancel) / batch;
            (int steps, int wanted, batch) = _plan.Repeat is { } run
                ? (run.StepsAfter(0, run.Steps), run.StepsPlanned, batch)
                : DetectorTrainer.Schedule(_plan, _task.Images.Count, batch, perImage, Budget.SecondsLeft);
            _state = new DetectorScheduleState(0, steps, wanted, batch)
            {
                SecondsPerStep = perImage * batch,
                Schedule = PlanRun.Append([], 0, steps),
                Scale = ExpectedScale,
            };
        }

        progress.Report(Progress(DetectorTrainer.Planning));
    }

    /// <summary>Runs the remaining steps. A cancelled training leaves a checkpoint to resume from.</summary>
    public void Learn(PacedProgress progress, CancellationToken cancel)
    {
        var batches = new Prefetch<DetectorBatch>(step => _images.Make(step, _state.Steps, _state.Batch, _state.JoinedAt));
        var losses = new RecentMean(EpochSteps);
        var pacer = new StepPacer(EpochSteps + 1);
        pacer.Restart();
        try
        {
            while (!_state.IsFinished)
            {
                if (cancel.IsCancellationRequested)
                {
                    Save();
                    cancel.ThrowIfCancellationRequested();
                }

                if (IsJoin(_state.Step))
                {
                    batches.Stop();
                    Save(); // the join may be cancelled
                    Join(cancel);
                    pacer.Restart();
                }

                StepThreads.Apply(_plan.ThreadsNow, _plan.Threads);
                using (CollectionPause.Begin())
                {
                    // The next batch is made while this one is learnt from, unless other images join before it.
                    losses.Add(Step(batches.Take(_state.Step, more: _state.Step + 1 < _state.Steps && !IsJoin(_state.Step + 1))));
                }

                pacer.StepEnded();
                _loss = losses.Value;
                _state = _state with { SecondsPerStep = pacer.SecondsPerStep!.Value };
                if (_plan.Repeat is { } run)
                {
                    _state = _state.WithSteps(run.StepsAfter(_state.Step, _state.Steps));
                }
                else if (pacer.IsTelling(Budget.LimitSeconds))
                {
                    // Not only after a pass: on a machine that becomes busy, a pass may last as long as the budget.
                    FitToTime();
                }

                if (_state.Step % EpochSteps == 0 || _state.IsFinished)
                {
                    if (_plan.Repeat is null)
                    {
                        FitToTime();
                    }

                    Save();
                    progress.Report(Progress(DetectorTrainer.Training));
                    losses.Clear();
                    pacer.Restart();
                }
                else
                {
                    progress.ReportIfDue(() => Progress(DetectorTrainer.Training));
                }
            }
        }
        finally
        {
            batches.Stop();
        }
    }

    /// <summary>The model of the averaged weights.</summary>
    public DetectorResult Finish()
    {
        byte[] model = _network.Export(_state.Scale);
        CarriedPlan carried = CarriedPlan.Of(_task, _plan, new PlanRun
        {
            Width = _input.Width,
            Height = _input.Height,
            Batch = _state.Batch,
            Steps = _state.Step,
            StepsPlanned = _state.Wanted,
            Schedule = _state.Schedule,
        });
        ModelDescription description = Describe() with
        {
            Temperature = 1 / _state.Scale.Factor,
            ScoreShift = _state.Scale.Shift,
            Plan = carried.ToJson(),
            StartedFrom = _plan.From?.Sha256,
        };
        return new DetectorResult(model, description, _state.Step, _state.Batch, _loss ?? double.NaN, Budget.Seconds)
        {
            Plan = carried,
            StepsPlanned = _state.Wanted,
            Remark = Budget.Shortfall(_state.Step, _state.Wanted),
        };
    }

    public void Dispose() => _network.Dispose();

    private ModelDescription Describe() => new(
        ModelKinds.Localization, _task.Labels, _input.Width, _input.Height, "fit",
        string.Create(CultureInfo.InvariantCulture, $"fine-tuned: {_state.Steps} steps of {_state.Batch} images"),
        new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["format"] = "1",
            ["backbone"] = "efficientnet-lite0",
            ["opset"] = DetectorExport.Opset.ToString(CultureInfo.InvariantCulture),
        })
    { Output = DetectorExport.Output };

    private LogitScale ExpectedScale => new((float)_plan.Calibration.ExpectedFactor, (float)_plan.Calibration.ExpectedShift);

    private bool IsJoin(int step) => _held.Length > 0 && _state.JoinedAt is null && step >= _plan.Calibration.JoinAt * _state.Steps;

    /// <summary>Calibrates on the images that were held back; they are learnt from afterwards.</summary>
    private void Join(CancellationToken cancel)
    {
        int threads = Math.Clamp(_plan.ThreadsNow?.Invoke() ?? _plan.Threads, 1, _plan.Threads);
        LogitScale scale = BoxCalibration.Measure(_network.Export(LogitScale.None), Describe(), _task, _held, _plan.Calibration, threads, cancel);
        _state = _state with { JoinedAt = _state.Step, Scale = scale };
    }

    private TrainingProgress Progress(string phase) =>
        new(phase, _state.IsFinished ? Epochs : _state.Step / EpochSteps, Epochs, _loss, _state.SecondsPerStep * (_state.Steps - _state.Step))
        {
            Step = _state.Step,
            Steps = _state.Steps,
            Planned = _state.Wanted,
        };

    /// <summary>Takes one step and returns its loss.</summary>
    private double Step(DetectorBatch batch)
    {
        double loss = _network.Gradients(batch);
        if (!double.IsFinite(loss))
        {
            throw new TrainingDivergedException(_state.Step, loss);
        }

        _network.Step(RateShare, _state.Step + 1);
        _state = _state.Next();
        return loss;
    }

    private void FitToTime()
    {
        if (!_state.IsFinished)
        {
            _state = _state.WithSteps(StepPacer.Fit(_state.Step, _state.Steps, _state.Wanted, Budget.SecondsLeft, _state.SecondsPerStep));
        }
    }

    private void Save()
    {
        if (_path is not null)
        {
            (_state with { SecondsBefore = Budget.Seconds }).AddTo(_network.Capture(_key, _state.Step, _state.Steps)).Write(_path);
        }
    }

    /// <summary>Times a step, without learning from it.</summary>
    private double MeasureStep(int count, CancellationToken cancel)
    {
        const int Measured = 3;
        double best = double.MaxValue;
        _network.WithoutLearning(() =>
        {
            DetectorBatch batch = _images.Make(0, 0, count);
            for (int i = 0; i <= Measured; i++)
            {
                cancel.ThrowIfCancellationRequested();
                using CollectionPause pause = CollectionPause.Begin();
                long t = Stopwatch.GetTimestamp();
                // As in training, so that its share of the cores is counted.
                Task<DetectorBatch> nextBatch = Task.Run(() => _images.Make(1, 0, count), CancellationToken.None);
                _network.Gradients(batch);
                nextBatch.GetAwaiter().GetResult();
                double seconds = Stopwatch.GetElapsedTime(t).TotalSeconds;
                best = i == 0 ? best : Math.Min(best, seconds); // the first one warms up
                if (i > 0 && seconds > MeasureShare * Budget.LimitSeconds)
                {
                    break;
                }
            }
        });
        return best * StepOverhead;
    }

    /// <summary>Identifies the training that a checkpoint belongs to.</summary>
    internal static string Fingerprint(DetectorTask task, DetectorPlan plan, DetectorInput input)
    {
        var text = new StringBuilder(PlanRun.KeyOf(plan.Repeat) + StartModel.KeyOf(plan.From));
        plan = plan with { ImageCacheBytes = 0, Threads = 0, ThreadsNow = null, TimeBudget = null, AnswerTimeMax = null, Repeat = null, From = null };
        text.AppendJoin('|', TrainingCheckpoint.TextOf(plan with { Mosaic = plan.Mosaic ?? 0 }, plan.Kernels), TextOf(input), string.Join('\n', task.Labels));
        foreach (IReadOnlyList<LabelledBox> boxes in task.Boxes)
        {
            // With the type names of the first version: checkpoints outlive renaming.
            text.Append(';').AppendJoin(',', boxes.Select(TextOf));
        }

        return TrainingCheckpoint.KeyOf(text.ToString());
    }

    private static string TextOf(DetectorInput input) =>
        string.Create(CultureInfo.InvariantCulture, $"DetectorInput {{ Width = {input.Width}, Height = {input.Height}, LongSide = {input.LongSide} }}");

    private static string TextOf(LabelledBox labelled)
    {
        (int label, Box box) = labelled;
        FormattableString ratios = $"{{ Left = {box.Left}, Top = {box.Top}, Width = {box.Width}, Height = {box.Height} }}";
        return $"LabelledBox {{ Label = {label}, Box = BoxRatio {FormattableString.Invariant(ratios)} }}";
    }
}
