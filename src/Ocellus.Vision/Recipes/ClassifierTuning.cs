using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Ocellus.Vision.Networks;
using Ocellus.Vision.Onnx;

namespace Ocellus.Vision.Recipes;

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

    private const int FrozenBlocks = 5; // everything up to stride 8, when time is short
    private const double FrozenShare = .8; // of the time of a step

    // Share of the planned steps that is better run with all layers than more of them with the first ones left as they were.
    private const double StepsEnough = .6;
    private const int LossSpan = 20; // steps that the reported loss is a mean of
    private const int PaceSpan = 10; // steps that the pace is measured over
    private const double RateFloor = .01; // of the full rate: keeps the last steps from standing still
    private const string Schedule = "schedule";

    /// <summary>A plan that turns out this much too long or too short for the budget is changed.</summary>
    private const double Overdue = 1.05;

    /// <summary>Fewer steps than this are not worth a start: the rate would hardly have risen.</summary>
    private const int StepsWorthwhile = 20;

    /// <summary>Time between checkpoints of 55 MB: one is written in a fraction of a second, and little is lost.</summary>
    private static readonly TimeSpan CheckpointEvery = TimeSpan.FromSeconds(15);

    private readonly ClassifierTask _task;
    private readonly ClassifierPlan _plan;
    private readonly ClassifierViews _views;
    private readonly ClassifierNetwork _network;
    private readonly StepBuffers _buffers = new();
    private readonly int _batch;
    private readonly int _startSize;

    public ClassifierTuning(ClassifierTask task, ClassifierPlan plan, ClassifierViews views, OnnxFile backbone)
    {
        (_task, _plan, _views) = (task, plan, views);
        _batch = TrainingMemory.Batch(plan.Batch, FixedBytes + plan.PictureCacheBytes, PictureBytesAt224 * plan.Size * plan.Size / (224 * 224), plan.MemoryBytes ?? TrainingMemory.Available());
        _startSize = Math.Max(32, (int)(plan.Size * plan.StartScale) / 32 * 32);
        _network = new ClassifierNetwork(task, plan, backbone, _batch);
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
        var batch = new ClassifierBatch(planes, new float[_batch * _task.Labels.Count], _batch, _plan.Size);
        _network.Gradients(batch, 0); // the first one warms up
        long t = Stopwatch.GetTimestamp();
        _network.Gradients(batch, 0);
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
            _network.Restore(checkpoint);
            float[] state = checkpoint.Values[Schedule][0];
            (step, frozen, steps, chosenAt, joined, before) = ((int)checkpoint.Steps, checkpoint.Frozen, (int)state[0], (int)state[1], state[2] > 0, state[4]);
            Score = chosenAt >= 0 ? state[3] : null;
        }
        else
        {
            double left = (_plan.TimeBudget - elapsed()).TotalSeconds;
            frozen = Seconds(wanted, secondsPerPicture) * StepsEnough > left;
            double each = Seconds(1, secondsPerPicture) * (frozen ? FrozenShare : 1);
            steps = (int)Math.Clamp(left / each, 0, wanted);
            if (steps < Math.Min(StepsWorthwhile, wanted) || wanted == 0)
            {
                Remark = $"The time budget of {Told(_plan.TimeBudget)} leaves no time for fine-tuning.";
                return null;
            }

            _network.StartFrom(linear);
        }

        if (frozen)
        {
            _network.Keep(FrozenBlocks);
        }

        int[] all = [.. learn, .. held];
        var batches = new Prefetch<ClassifierBatch>(k => Make(k, joined ? all : learn, joined ? chosenAt : 0, chosenAt >= 0 ? _plan.Size : _startSize));
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
                    Score = quality(_network.Export());
                    (chosenAt, joined) = (step, !IsWorse(Score.Value, linearScore, held.Length));
                }

                StepThreads.Apply(_plan.ThreadsNow, _plan.Threads);
                // The step of the comparison is the first of another kind, so that it is not prepared ahead.
                ClassifierBatch batch = batches.Take(step, step + 1 < steps && !(chosenAt < 0 && step + 1 >= _plan.ChooseAt * steps));
                double loss = _network.Gradients(batch, step);
                if (!double.IsFinite(loss))
                {
                    throw new TrainingDivergedException(step, loss);
                }

                _network.Step(Rate(step, steps), step);
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

        byte[] model = _network.Export();
        if (!joined)
        {
            Score = quality(model);
        }

        return joined || !IsWorse(Score!.Value, linearScore, held.Length) ? model : null;

        void Save()
        {
            if (path is null)
            {
                return;
            }

            TrainingCheckpoint now = _network.Capture(key, Epochs, steps * _batch / learn.Length, frozen);
            var values = new Dictionary<string, float[][]>(now.Values, StringComparer.Ordinal)
            {
                [Schedule] = [[steps, chosenAt, joined ? 1 : 0, (float)(Score ?? 0), (float)(before + elapsed().TotalSeconds)], [], []],
            };
            (now with { Values = values }).Write(path);
        }
    }

    public void Dispose() => _network.Dispose();

    /// <summary>
    /// Worse by more than the standard error of the difference between two shares of so many pictures. On twenty pictures two are
    /// chance, and where nothing speaks against it, the fine-tuned network is the better one.
    /// </summary>
    internal static bool IsWorse(double tuned, double linear, int pictures) => tuned < linear - Math.Sqrt((tuned * (1 - tuned) + linear * (1 - linear)) / pictures);

    /// <summary>Warm-up, then half a cosine.</summary>
    private double Rate(int step, int steps) =>
        Math.Min(1, (step + 1.0) / Math.Min(_plan.WarmUpSteps, Math.Max(1, steps / 4))) * (.5 + .5 * Math.Cos(Math.PI * step / steps)) + RateFloor;

    /// <summary>The pictures of a step: passes over the pool follow each other without a break, each in an order of its own.</summary>
    private ClassifierBatch Make(int step, int[] pool, int firstStep, int size)
    {
        int one = 3 * size * size, labels = _task.Labels.Count;
        float[] planes = _buffers.For(step, _batch * one);
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

        return new ClassifierBatch(planes, targets, _batch, size);
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
}
