using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Kernels;
using Ocellus.Vision.Networks;
using Ocellus.Vision.Onnx;
using TorchSharp;
using static TorchSharp.torch;

namespace Ocellus.Vision.Recipes;

/// <summary>One training under way.</summary>
internal sealed class DetectorRun : IDisposable
{
    // A checkpoint of 60 MB after every few steps would cost more than it saves.
    private const int EpochStepsMin = 40;

    // Adding 1 % of the rate keeps the last steps from standing still.
    private const double RateFloor = .01;

    // A plan that turns out this much too long or too short is changed at the end of an epoch.
    private const double Overdue = 1.05;

    // What optimizer and running average take beside the step itself.
    private const double StepOverhead = 1.05;

    // Views of the last quarter are as the model will see pictures.
    private const double MosaicUntil = .75;

    private const string AveragePrefix = "average:", StatisticPrefix = "statistic:", ScheduleName = "schedule";

    private readonly DetectorTask _task;
    private readonly DetectorPlan _plan;
    private readonly OnnxFile _backbone;
    private readonly DetectorInput _input;
    private readonly DetectorViews _views;
    private readonly Detector _network;
    private readonly AdamW _optimizer;
    private readonly Dictionary<string, Tensor> _average;
    private readonly StepBuffers _buffers = new();
    private readonly float[] _points;
    private readonly Tensor _centres;
    private readonly string _key;
    private readonly long _started = Stopwatch.GetTimestamp();
    private string? _path;
    private int _step;
    private int _steps;
    private int _wanted;
    private int _batch;

    // How far along the schedule, 0 to 1, and the seconds of the runs before an interruption.
    private double _position;
    private double _secondsBefore;
    private double _secondsPerStep;
    private double? _loss;

    public DetectorRun(DetectorTask task, DetectorPlan plan, OnnxFile backbone, DetectorInput input)
    {
        (_task, _plan, _backbone, _input) = (task, plan, backbone, input);
        _views = new DetectorViews(task.Pictures, task.Boxes, input, plan);
        _network = new Detector(backbone, OnnxFile.Load(plan.StartPath), task.Labels.Count, plan.Seed);
        _network.Freeze(plan.FrozenBlocks);
        _optimizer = new AdamW(_network.Weights(), name => Detector.IsBackbone(name, out _) ? plan.BackboneRate : plan.Rate, plan.WeightDecay);
        using (no_grad())
        {
            _average = State().ToDictionary(s => s.Name, s => s.Value.detach().clone(), StringComparer.Ordinal);
        }

        (_points, float[] strides) = Detector.Points(input.Height, input.Width);
        _centres = tensor(_points, [strides.Length, 2]).clone();
        _key = Fingerprint();
    }

    private bool Finished => _step >= _steps;

    private int Epochs => (_steps + EpochSteps - 1) / EpochSteps;

    private double Seconds => _secondsBefore + Stopwatch.GetElapsedTime(_started).TotalSeconds;

    private double Budget => _plan.BudgetFor(_task.Pictures.Count).TotalSeconds;

    private int EpochSteps => Math.Max(EpochStepsMin, (_task.Pictures.Count + _batch - 1) / _batch);

    /// <summary>Goes on from a checkpoint, or measures a step and plans. Reports the plan.</summary>
    public void Start(string? path, PacedProgress progress, CancellationToken cancel)
    {
        _path = path;
        if (path is not null && TrainingCheckpoint.Read(path, _key) is { } checkpoint)
        {
            Restore(checkpoint);
        }
        else
        {
            _batch = DetectorTrainer.BatchFor(_plan, _input);
            _secondsPerStep = MeasureStep(cancel);
            double perPicture = _secondsPerStep / _batch;
            (_steps, _wanted, _batch) = DetectorTrainer.Schedule(_plan, _task.Pictures.Count, _batch, perPicture, Budget - Seconds);
            _secondsPerStep = perPicture * _batch;
        }

        progress.Now(Progress(DetectorTrainer.Planning));
    }

    /// <summary>All steps that are left. A cancelled training leaves a checkpoint from which another one goes on.</summary>
    public void Learn(PacedProgress progress, CancellationToken cancel)
    {
        var batches = new Prefetch<Batch>(Prepare);
        long begun = Stopwatch.GetTimestamp();
        int first = _step;
        double sum = 0;
        try
        {
            while (!Finished)
            {
                if (cancel.IsCancellationRequested)
                {
                    Save();
                    cancel.ThrowIfCancellationRequested();
                }

                StepThreads.Apply(_plan.ThreadsNow, _plan.Threads);
                double loss;
                using (CollectionPause.Begin())
                {
                    loss = Backward(batches.Take(_step, more: _step + 1 < _steps)); // the next one is made while this one is learnt from
                    if (!double.IsFinite(loss))
                    {
                        throw new TrainingDivergedException(_step, loss);
                    }

                    nn.utils.clip_grad_norm_(_network.Weights().Select(w => w.Value).Where(w => w.requires_grad), _plan.GradientNormMax);
                    _optimizer.Step(RateShare());
                    _position += (1 - _position) / (_steps - _step);
                    _step++;
                    Average();
                }

                sum += loss;
                int count = _step - first;
                _loss = sum / count;
                _secondsPerStep = Stopwatch.GetElapsedTime(begun).TotalSeconds / count;
                if (_step % EpochSteps == 0 || Finished)
                {
                    KeepTime();
                    Save();
                    progress.Now(Progress(DetectorTrainer.Training));
                    (begun, first, sum) = (Stopwatch.GetTimestamp(), _step, 0);
                }
                else
                {
                    progress.Perhaps(() => Progress(DetectorTrainer.Training));
                }
            }
        }
        finally
        {
            batches.Stop();
        }
    }

    public DetectorResult Finish()
    {
        using var inner = NewDisposeScope();
        using var noGrad = no_grad();
        var values = _average.ToDictionary(a => a.Key, a => (Plain(a.Value), a.Value.shape), StringComparer.Ordinal);
        byte[] model = DetectorExport.Compose(_backbone, values, _task.Labels.Count, _input.Width, _input.Height);
        var description = new ModelDescription(
            ModelKinds.Localization, _task.Labels, _input.Width, _input.Height, "fit",
            string.Create(CultureInfo.InvariantCulture, $"fine-tuned: {_steps} steps of {_batch} pictures"),
            new Dictionary<string, string>(StringComparer.Ordinal) { ["format"] = "1", ["backbone"] = "efficientnet-lite0", ["opset"] = DetectorExport.Opset.ToString(CultureInfo.InvariantCulture) })
        {
            Output = DetectorExport.Output,
        };
        return new DetectorResult(model, description, _step, _batch, _loss ?? double.NaN, Seconds);
    }

    public void Dispose() => _network.Dispose();

    private TrainingProgress Progress(string phase) =>
        new(phase, Finished ? Epochs : _step / EpochSteps, Epochs, _loss, _secondsPerStep * (_steps - _step));

    /// <summary>
    /// When the machine has become slower than planned, the schedule is run through in the steps that the time is left for; when it
    /// has become faster, in more, up to those that are wanted.
    /// </summary>
    private void KeepTime()
    {
        double left = Math.Max(0, Budget - Seconds), steps = _step + left / _secondsPerStep;
        if (!Finished && (steps * Overdue < _steps || (_steps < _wanted && steps > _steps * Overdue)))
        {
            _steps = (int)Math.Clamp(steps, _step + 1, Math.Max(_step + 1, _wanted));
        }
    }

    private void Save()
    {
        if (_path is not null)
        {
            Capture().Write(_path);
        }
    }

    private IEnumerable<(string Name, Tensor Value)> State() =>
        _network.Weights().Select(w => (w.Name, (Tensor)w.Value)).Concat(_network.Statistics());

    /// <summary>Warm-up, then half a cosine.</summary>
    private double RateShare()
    {
        double cosine = .5 + .5 * Math.Cos(Math.PI * _position);
        double warm = Math.Min(1, (_step + 1.0) / Math.Min(_plan.WarmUpSteps, Math.Max(1, _steps / 4)));
        return (warm * cosine + RateFloor) * Math.Sqrt((double)_batch / _plan.RateBatch);
    }

    /// <summary>The views of a step. Depends on nothing but the step, so that a resumed training sees the same.</summary>
    private Batch Prepare(int step)
    {
        double mosaic = step < MosaicUntil * _steps ? _plan.Mosaic : 0;
        float[] pixels = _buffers.For(step, _batch * _views.ValuesPerView);
        var truth = new TrueBox[_batch][];
        for (int i = 0; i < truth.Length; i++)
        {
            // Passes follow each other without a break, so that every step has as many pictures, however few there are.
            long view = (long)step * truth.Length + i;
            int pass = (int)(view / _task.Pictures.Count);
            int index = Order(pass)[(int)(view % _task.Pictures.Count)];
            truth[i] = _views.Random(index, pass, mosaic, pixels.AsSpan(i * _views.ValuesPerView, _views.ValuesPerView));
        }

        return new Batch(pixels, truth);
    }

    private int[] Order(int pass)
    {
        int[] order = [.. Enumerable.Range(0, _task.Pictures.Count)];
#pragma warning disable CA5394 // Not security: the same seed has to give the same order.
        new Random(unchecked(_plan.Seed * 31 + pass)).Shuffle(order);
#pragma warning restore CA5394
        return order;
    }

    /// <summary>Forward, losses, backward; the gradients are left in the weights.</summary>
    private double Backward(Batch batch)
    {
        using var inner = NewDisposeScope(); // frees every tensor of this step
        int count = batch.Truth.Length, labels = _task.Labels.Count, points = _points.Length / 2;
        Tensor images = TensorValues.Copied(batch.Pixels, count, _input.Height, _input.Width, 3).permute(0, 3, 1, 2); // [B,3,H,W], channels-last strides
        (Tensor logits, Tensor boxes) = _network.Forward(images, _centres, training: true); // [B,A,labels], [B,A,4]

        // Read and written where libtorch has them: arrays as large would end the pause of the collector.
        Tensor scoresNow = logits.detach().sigmoid().contiguous(), boxesNow = boxes.detach().contiguous(), qualities = zeros(count, points, labels);
        Span<float> quality = TensorValues.Of(qualities);
        var positives = new List<long>();
        var truths = new List<float>();
        var weights = new List<float>();
        var matches = new int[points];
        var targets = new float[points];
        for (int b = 0; b < count; b++)
        {
            TaskAlignment.Assign(
                _points, TensorValues.Of(boxesNow).Slice(b * points * 4, points * 4), TensorValues.Of(scoresNow).Slice(b * points * labels, points * labels), labels, batch.Truth[b], matches, targets);
            for (int i = 0; i < points; i++)
            {
                if (matches[i] < 0)
                {
                    continue;
                }

                TrueBox box = batch.Truth[b][matches[i]];
                quality[(b * points + i) * labels + box.Label] = targets[i];
                positives.Add((long)b * points + i);
                truths.AddRange([box.X1, box.Y1, box.X2, box.Y2]);
                weights.Add(targets[i]);
            }
        }

        Tensor loss = ScoreLosses.AlignedCrossEntropy(logits, qualities);
        if (positives.Count > 0)
        {
            Tensor chosen = boxes.reshape(-1, 4).index_select(0, tensor(positives.ToArray())); // [P,4]
            Tensor missed = 1 - BoxLosses.Giou(chosen, tensor(truths.ToArray(), [positives.Count, 4])); // [P]
            loss = loss + 2 * (missed * tensor(weights.ToArray())).sum() / Math.Max(1, weights.Sum());
        }

        _optimizer.ZeroGradients();
        loss.backward();
        return loss.item<float>();
    }

    /// <summary>Moves the running average. At the start it forgets faster, or it would remember the untrained network.</summary>
    private void Average()
    {
        using var inner = NewDisposeScope();
        using var noGrad = no_grad();
        double stays = Math.Min(_plan.Average, (1.0 + _step) / (10 + _step));
        foreach ((string name, Tensor value) in State())
        {
            _average[name].lerp_(value.detach(), 1 - stays);
        }
    }

    /// <summary>Seconds of a step; nothing is learnt from it.</summary>
    private double MeasureStep(CancellationToken cancel)
    {
        const int Measured = 3;
        using var inner = NewDisposeScope();
        List<(Tensor Value, Tensor Before)> statistics = [.. _network.Statistics().Select(s => (s.Value, s.Value.clone()))];
        Batch batch = Prepare(0);
        double best = double.MaxValue;
        for (int i = 0; i <= Measured; i++)
        {
            cancel.ThrowIfCancellationRequested();
            using CollectionPause pause = CollectionPause.Begin();
            long t = Stopwatch.GetTimestamp();
            Task<Batch> other = Task.Run(() => Prepare(1)); // as in earnest, so that its share of the cores is counted
            Backward(batch);
            other.GetAwaiter().GetResult();
            double seconds = Stopwatch.GetElapsedTime(t).TotalSeconds;
            best = i == 0 ? best : Math.Min(best, seconds); // the first one warms up
        }

        using var noGrad = no_grad();
        foreach ((Tensor value, Tensor saved) in statistics)
        {
            value.copy_(saved);
        }

        return best * StepOverhead;
    }

    private TrainingCheckpoint Capture()
    {
        using var inner = NewDisposeScope();
        TrainingCheckpoint checkpoint = _optimizer.Capture(_key, _step, _steps, frozen: false);
        var values = new Dictionary<string, float[][]>(checkpoint.Values, StringComparer.Ordinal);
        foreach ((string name, Tensor value) in _average)
        {
            values.Add(AveragePrefix + name, [Plain(value), [], []]);
        }

        foreach ((string name, Tensor value) in _network.Statistics())
        {
            values.Add(StatisticPrefix + name, [Plain(value), [], []]);
        }

        // A double as the float nearest to it and what that lacks.
        values.Add(ScheduleName, [[(float)_position, (float)(_position - (float)_position)], [_batch, _wanted], [(float)Seconds, (float)_secondsPerStep]]);
        return checkpoint with { Values = values };
    }

    private void Restore(TrainingCheckpoint checkpoint)
    {
        using var inner = NewDisposeScope();
        using var noGrad = no_grad();
        _optimizer.Restore(checkpoint);
        foreach ((string name, Tensor value) in _average)
        {
            value.copy_(tensor(checkpoint.Values[AveragePrefix + name][0], value.shape));
        }

        foreach ((string name, Tensor value) in _network.Statistics())
        {
            value.copy_(tensor(checkpoint.Values[StatisticPrefix + name][0], value.shape));
        }

        float[][] schedule = checkpoint.Values[ScheduleName];
        (_step, _steps) = (checkpoint.Epoch, checkpoint.Epochs);
        _position = (double)schedule[0][0] + schedule[0][1];
        (_batch, _wanted) = ((int)schedule[1][0], (int)schedule[1][1]);
        (_secondsBefore, _secondsPerStep) = (schedule[2][0], schedule[2][1]);
    }

    /// <summary>Tells a checkpoint of this training from that of another.</summary>
    private string Fingerprint()
    {
        var text = new StringBuilder();
        text.AppendJoin('|', _plan with { PictureCacheBytes = 0, Threads = 0, ThreadsNow = null, TimeBudget = null }, _input, string.Join('\n', _task.Labels));
        foreach (var boxes in _task.Boxes)
        {
            text.Append(CultureInfo.InvariantCulture, $";{string.Join(',', boxes)}");
        }

        return Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
    }

    private static float[] Plain(Tensor t) => t.detach().contiguous().data<float>().ToArray();

    private sealed record Batch(float[] Pixels, TrueBox[][] Truth);
}
