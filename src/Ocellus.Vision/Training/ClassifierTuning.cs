using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Ocellus.Vision.Models;
using Ocellus.Vision.Onnx;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ocellus.Vision.Training;

/// <summary>
/// Fine-tuning of the whole network from the linear head. Everything that a step does depends on its number and the seed alone, so
/// that an interrupted training goes the way of an uninterrupted one. Its tensors belong to the dispose scope around the constructor.
/// </summary>
internal sealed class ClassifierTuning : IDisposable
{
    /// <summary>Bytes of the values between the layers and their gradients, for a picture of 224 px; measured 93 MB.</summary>
    private const long PictureBytesAt224 = 96L << 20;

    /// <summary>Bytes that libraries, weights, their moments and their average need; measured 220 MB and what .NET adds.</summary>
    private const long FixedBytes = 400L << 20;

    /// <summary>
    /// Blocks that always keep their weights, and the stem with them: edges and colours, which ImageNet has taught already. They work
    /// at a half of the picture's size, and their gradients would cost a quarter of a step's time.
    /// </summary>
    private const int KeptBlocks = 2;

    private const int FrozenBlocks = 5; // everything up to stride 8, when time is short
    private const double FrozenShare = .8; // of the time of a step
    private const int LossSpan = 20; // steps that the reported loss is a mean of
    private const int PaceSpan = 10; // steps that the pace is measured over
    private const double RateFloor = .01; // of the full rate: keeps the last steps from standing still
    private const string AveragePrefix = "average:", Schedule = "schedule";

    /// <summary>A plan that turns out this much too long or too short for the budget is changed.</summary>
    private const double Overdue = 1.05;

    /// <summary>Fewer steps than this are not worth a start: the rate would hardly have risen.</summary>
    private const int StepsWorthwhile = 20;

    /// <summary>Time between checkpoints of 55 MB: one is written in a fraction of a second, and little is lost.</summary>
    private static readonly TimeSpan CheckpointEvery = TimeSpan.FromSeconds(15);

    private readonly ClassifierTask _task;
    private readonly ClassifierPlan _plan;
    private readonly ClassifierViews _views;
    private readonly OnnxFile _backbone;
    private readonly EfficientNetLite0 _network;
    private readonly Parameter _weight;
    private readonly Parameter _bias;
    private readonly List<(string Name, Parameter Value)> _named;
    private readonly AdamW _optimizer;
    private readonly RunningAverage _average;
    private readonly int _batch;
    private readonly int _startSize;

    public ClassifierTuning(ClassifierTask task, ClassifierPlan plan, ClassifierViews views, OnnxFile backbone)
    {
        (_task, _plan, _views, _backbone) = (task, plan, views, backbone);
        _batch = TrainingMemory.Batch(plan.Batch, FixedBytes + plan.PictureCacheBytes, PictureBytesAt224 * plan.Size * plan.Size / (224 * 224), plan.MemoryBytes ?? TrainingMemory.Available());
        _startSize = Math.Max(32, (int)(plan.Size * plan.StartScale) / 32 * 32);
        _network = new EfficientNetLite0(backbone);
        using (Tensor w = zeros(task.Labels.Count, EfficientNetLite0.EmbeddingSize), b = zeros(task.Labels.Count))
        {
            (_weight, _bias) = (new Parameter(w.clone()), new Parameter(b.clone()));
        }

        _named = [.. _network.WeightsByName(), ("classifier.weight", _weight), ("classifier.bias", _bias)];
        foreach ((string name, Parameter value) in _named.Where(p => IsEarly(p.Name, KeptBlocks)))
        {
            value.requires_grad = false;
        }

        double scale = Math.Sqrt((double)_batch / plan.Batch);
        _optimizer = new AdamW(_named, name => scale * (name.StartsWith("classifier", StringComparison.Ordinal) ? plan.HeadRate : plan.BackboneRate), plan.WeightDecay);
        _average = new RunningAverage(_named, plan.AverageDecay);
    }

    /// <summary>Passes that were run.</summary>
    public int Epochs { get; private set; }

    /// <summary>What the fine-tuned network reached on the held-back pictures; null when it was not compared.</summary>
    public double? Score { get; private set; }

    /// <summary>What a person should know, null when nothing.</summary>
    public string? Remark { get; private set; }

    /// <summary>Seconds of a full step for each of its pictures, averaged over both sizes of the network.</summary>
    public double MeasurePicture()
    {
        var planes = new float[_batch * 3 * _plan.Size * _plan.Size];
        // Not security: any values do, but zeros would let the processor do less.
#pragma warning disable CA5394
        var random = new Random(_plan.Seed);
        for (int i = 0; i < planes.Length; i++)
        {
            planes[i] = random.NextSingle() - .5f;
        }
#pragma warning restore CA5394
        var batch = new Batch(planes, new float[_batch * _task.Labels.Count], _batch, _plan.Size);
        Gradients(batch, 0); // the first one warms up
        long t = Stopwatch.GetTimestamp();
        Gradients(batch, 0);
        double ratio = Math.Pow((double)_startSize / _plan.Size, 2);
        return Stopwatch.GetElapsedTime(t).TotalSeconds / _batch * (_plan.ChooseAt * ratio + 1 - _plan.ChooseAt);
    }

    /// <summary>Steps that the plan asks for when time is plenty.</summary>
    public int PlannedSteps(int pictures) => _plan.Epochs == 0 ? 0 : Math.Max(_plan.StepsMin, (pictures * _plan.Epochs + _batch - 1) / _batch);

    /// <summary>Seconds of so many steps.</summary>
    public double Seconds(int steps, double secondsPerPicture) => steps * _batch * secondsPerPicture;

    /// <summary>Trains, and compares with the linear head on the held-back pictures.</summary>
    /// <param name="linear">Where the head starts.</param>
    /// <param name="linearScore">What the linear head reached on the held-back pictures.</param>
    /// <param name="learn">Pictures to learn from.</param>
    /// <param name="held">Pictures that are learnt from only after the comparison.</param>
    /// <param name="quality">Answers a finished model's score on the held-back pictures.</param>
    /// <param name="secondsPerPicture">From <see cref="MeasurePicture"/>.</param>
    /// <param name="elapsed">Since the training began.</param>
    /// <param name="progress">Told about every pass, and every second or so between.</param>
    /// <param name="path">Where checkpoints are; null for none.</param>
    /// <param name="cancel">Ends the training after the present step, with a checkpoint.</param>
    /// <returns>The fine-tuned model, or null when the linear head is better or there is no time.</returns>
    public byte[]? Run(
        LinearHead linear, double linearScore, int[] learn, int[] held, Func<byte[], double> quality, double secondsPerPicture, Func<TimeSpan> elapsed,
        PacedProgress progress, string? path, CancellationToken cancel)
    {
        int step = 0, steps, wanted = PlannedSteps(learn.Length), chosenAt = -1; // the step of the comparison; -1 before it
        bool joined = false, frozen;
        double before = 0;
        string key = Fingerprint();
        if (path is not null && TrainingCheckpoint.Read(path, key) is { } checkpoint)
        {
            _optimizer.Restore(checkpoint);
            _average.Restore(name => checkpoint.Values[AveragePrefix + name][0]);
            float[] state = checkpoint.Values[Schedule][0];
            (step, frozen, steps, chosenAt, joined, before) = ((int)checkpoint.Steps, checkpoint.Frozen, (int)state[0], (int)state[1], state[2] > 0, state[4]);
            Score = chosenAt >= 0 ? state[3] : null;
        }
        else
        {
            double left = (_plan.TimeBudget - elapsed()).TotalSeconds;
            frozen = Seconds(wanted, secondsPerPicture) > left;
            double each = Seconds(1, secondsPerPicture) * (frozen ? FrozenShare : 1);
            steps = (int)Math.Clamp(left / each, 0, wanted);
            if (steps < Math.Min(StepsWorthwhile, wanted) || wanted == 0)
            {
                Remark = $"The time budget of {Told(_plan.TimeBudget)} leaves no time for fine-tuning.";
                return null;
            }

            using var noGrad = no_grad();
            using var inner = NewDisposeScope();
            _weight.copy_(tensor(linear.Weight, _weight.shape));
            _bias.copy_(tensor(linear.Bias, _bias.shape));
            _average.Restart();
        }

        if (frozen)
        {
            foreach ((string name, Parameter value) in _named.Where(p => IsEarly(p.Name, FrozenBlocks)))
            {
                value.requires_grad = false;
            }
        }

        int[] all = [.. learn, .. held];
        var batches = new Prefetch<Batch>(k => Make(k, joined ? all : learn, joined ? chosenAt : 0, chosenAt >= 0 ? _plan.Size : _startSize));
        var losses = new Queue<double>(LossSpan);
        var recent = new Queue<long>(PaceSpan + 1); // when the latest steps ended
        long saved = Stopwatch.GetTimestamp();
        try
        {
            while (step < steps)
            {
                if (cancel.IsCancellationRequested)
                {
                    Save();
                    cancel.ThrowIfCancellationRequested();
                }

                if (chosenAt < 0 && step >= _plan.ChooseAt * steps)
                {
                    batches.Stop();
                    Score = quality(Export());
                    (chosenAt, joined) = (step, Score >= linearScore);
                }

                StepThreads.Apply(_plan.ThreadsNow, _plan.Threads);
                // The step of the comparison is the first of another kind, so that it is not prepared ahead.
                Batch batch = batches.Take(step, step + 1 < steps && !(chosenAt < 0 && step + 1 >= _plan.ChooseAt * steps));
                double loss = Gradients(batch, step);
                if (!double.IsFinite(loss))
                {
                    throw new TrainingDivergedException(step, loss);
                }

                _optimizer.Step(Rate(step, steps));
                _average.Update(step);
                step++;
                if (losses.Count == LossSpan)
                {
                    losses.Dequeue();
                }

                losses.Enqueue(loss);
                recent.Enqueue(Stopwatch.GetTimestamp());
                if (recent.Count > PaceSpan)
                {
                    recent.Dequeue();
                }

                double each = Stopwatch.GetElapsedTime(recent.Peek()).TotalSeconds / Math.Max(1, recent.Count - 1), left = (_plan.TimeBudget - elapsed()).TotalSeconds - before;
                if (recent.Count == PaceSpan)
                {
                    // The schedule is run through in the steps that there is time for, when the machine becomes slower or faster.
                    int fits = step + (int)Math.Max(0, left / each);
                    if (fits * Overdue < steps || (steps < wanted && fits > steps * Overdue))
                    {
                        steps = Math.Min(wanted, fits);
                    }
                }

                Epochs = step * _batch / learn.Length;
                TrainingProgress Now() => new("fine-tuning", Epochs, Math.Max(1, steps * _batch / learn.Length), losses.Average(), recent.Count > 1 ? each * (steps - step) : Seconds(steps - step, secondsPerPicture));
                if (Epochs > (step - 1) * _batch / learn.Length)
                {
                    progress.Now(Now());
                }
                else
                {
                    progress.Perhaps(Now);
                }

                if (step < steps && Stopwatch.GetElapsedTime(saved) >= CheckpointEvery)
                {
                    Save();
                    saved = Stopwatch.GetTimestamp();
                }
            }
        }
        finally
        {
            batches.Stop();
        }

        if (steps < wanted || frozen)
        {
            Remark = string.Create(CultureInfo.InvariantCulture, $"The time budget of {Told(_plan.TimeBudget)} shortened fine-tuning: {steps} of {wanted} steps{(frozen ? ", the first layers left as they were" : "")}.");
        }

        byte[] model = Export();
        if (!joined)
        {
            Score = quality(model);
        }

        return joined || Score >= linearScore ? model : null;

        void Save()
        {
            if (path is null)
            {
                return;
            }

            TrainingCheckpoint now = _optimizer.Capture(key, Epochs, steps * _batch / learn.Length, frozen);
            var values = new Dictionary<string, float[][]>(now.Values, StringComparer.Ordinal)
            {
                [Schedule] = [[steps, chosenAt, joined ? 1 : 0, (float)(Score ?? 0), (float)(before + elapsed().TotalSeconds)], [], []],
            };
            foreach ((string name, float[] value) in _average.Values())
            {
                values[AveragePrefix + name] = [value, [], []];
            }

            (now with { Values = values }).Write(path);
        }
    }

    public void Dispose() => _network.Dispose();

    /// <summary>Warm-up, then half a cosine.</summary>
    private double Rate(int step, int steps) =>
        Math.Min(1, (step + 1.0) / Math.Min(_plan.WarmUpSteps, Math.Max(1, steps / 4))) * (.5 + .5 * Math.Cos(Math.PI * step / steps)) + RateFloor;

    /// <summary>The pictures of a step: passes over the pool follow each other without a break, each in an order of its own.</summary>
    private Batch Make(int step, int[] pool, int firstStep, int size)
    {
        int one = 3 * size * size, labels = _task.Labels.Count;
        var planes = new float[_batch * one];
        var targets = new float[_batch * labels];
        // Without the smoothing towards an even answer a handful of pictures is soon learnt by heart.
        double even = _plan.LabelSmoothing / (_task.MultiLabel ? 2 : labels);
        Array.Fill(targets, (float)even);
        int[] order = [];
        int ordered = -1;
        for (int i = 0; i < _batch; i++)
        {
            int at = (step - firstStep) * _batch + i, pass = at / pool.Length;
            if (pass != ordered)
            {
                order = [.. pool];
                // Not security: orders have to repeat for a seed.
#pragma warning disable CA5394
                new Random(ViewSeed.Of(_plan.Seed, firstStep, pass)).Shuffle(order);
#pragma warning restore CA5394
                ordered = pass;
            }

            int picture = order[at % pool.Length];
            _views.Random(picture, unchecked(firstStep * 10_007 + pass + 1), size, planes.AsSpan(i * one, one));
            foreach (int l in _task.Targets[picture])
            {
                targets[i * labels + l] = (float)(1 - _plan.LabelSmoothing + even);
            }
        }

        return new Batch(planes, targets, _batch, size);
    }

    /// <summary>Fresh gradients of the loss, which is returned.</summary>
    private double Gradients(Batch batch, int step)
    {
        using var scope = NewDisposeScope();
        manual_seed(unchecked(_plan.Seed * 1_000_003L + step)); // dropout
        Tensor x = tensor(batch.Planes, [batch.Count, 3, batch.Size, batch.Size]), y = tensor(batch.Targets, [batch.Count, _task.Labels.Count]);
        Tensor embedding = nn.functional.dropout(_network.forward(x), _plan.Dropout, training: true); // [B, 1280]
        Tensor logits = nn.functional.linear(embedding, _weight, _bias); // [B, labels]
        Tensor loss = _task.MultiLabel
            ? nn.functional.binary_cross_entropy_with_logits(logits, y)
            : -(nn.functional.log_softmax(logits, 1) * y).sum(1).mean();
        _optimizer.ZeroGradients();
        loss.backward();
        return loss.item<float>();
    }

    /// <summary>A model of the averaged weights.</summary>
    private byte[] Export()
    {
        Dictionary<string, float[]> values = _average.Values();
        OnnxFile tuned = _backbone.Clone();
        foreach ((string name, Parameter value) in _network.WeightsByName())
        {
            tuned.Set(name, values[name], value.shape);
        }

        return ClassifierExport.Compose(tuned, new LinearHead(values["classifier.weight"], values["classifier.bias"], EfficientNetLite0.EmbeddingSize), _plan.Size, _task.MultiLabel);
    }

    private static bool IsEarly(string name, int blocks)
    {
        string[] parts = name.Split('.');
        return parts[0] == "stem" || (parts[0] == "blocks" && int.Parse(parts[1], CultureInfo.InvariantCulture) < blocks);
    }

    private static string Told(TimeSpan time) => time.TotalSeconds < 60
        ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.##} s")
        : string.Create(CultureInfo.InvariantCulture, $"{time.TotalMinutes:0.#} min");

    /// <summary>What a checkpoint must have been made for.</summary>
    private string Fingerprint()
    {
        string text = string.Create(
            CultureInfo.InvariantCulture,
            $"2|{_plan with { TimeBudget = default, MemoryBytes = null, BackbonePath = "", Threads = 0, ThreadsNow = null, PictureCacheBytes = 0 }}|{_batch}|{_task.MultiLabel}|{string.Join('\n', _task.Labels)}|{string.Join(';', _task.Targets.Select(t => string.Join(',', t)))}");
        return Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }

    /// <summary>Pictures and answers of one step: planes [Count, 3, Size, Size] normalised, targets [Count, labels].</summary>
    private sealed record Batch(float[] Planes, float[] Targets, int Count, int Size);
}
