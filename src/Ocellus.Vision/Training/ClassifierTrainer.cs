using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Models;
using Ocellus.Vision.Onnx;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Ocellus.Vision.Training;

/// <summary>
/// The classification recipe: a linear head on frozen features, then fine-tuning from it, and whichever does better on
/// held-back pictures. The same seed gives the same model.
/// </summary>
public static class ClassifierTrainer
{
    private const int FrozenBlocks = 5; // everything up to stride 8
    private const double FrozenShare = .72; // of the time of a full step
    private const int EpochsMin = 2;

    public static ClassifierResult Train(
        ClassifierTask task, ClassifierPlan plan, IProgress<TrainingProgress>? progress = null, string? checkpointDirectory = null, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(plan);
        Check(task, plan);
        long started = Stopwatch.GetTimestamp();
        set_num_threads(plan.Threads);
        var views = new ClassifierViews(task.Pictures, plan.Size, plan.Seed, plan.PictureCacheBytes);
        (int[] learn, int[] held) = Split(task, plan);
        OnnxFile backbone = OnnxFile.Load(plan.BackbonePath);

        int[] all = [.. learn, .. held];
        float[] features = Features(plan, views, all, progress, cancel);
        LinearHead linear = Fit(learn.Length);
        byte[] linearModel = ClassifierExport.Compose(backbone, linear, plan.Size, task.MultiLabel);
        ModelDescription description = Describe("linear-head");
        double? linearScore = held.Length == 0 ? null : Quality(linearModel, description, task, views, held, plan.Threads);

        double? tunedScore = null;
        int epochs = 0;
        if (plan.FineTune && held.Length > 0)
        {
            (byte[]? model, epochs) = FineTune(task, plan, views, learn, backbone, linear, started, progress, checkpointDirectory, cancel);
            if (model is not null)
            {
                ModelDescription tuned = Describe("fine-tuned");
                tunedScore = Quality(model, tuned, task, views, held, plan.Threads);
                if (tunedScore >= linearScore) return new ClassifierResult(model, tuned, linearScore, tunedScore, epochs);
            }
        }
        // The held-back pictures have done their work: the head that stays learns from all.
        if (held.Length > 0) linearModel = ClassifierExport.Compose(backbone, Fit(all.Length), plan.Size, task.MultiLabel);
        return new ClassifierResult(linearModel, description, linearScore, tunedScore, epochs);

        LinearHead Fit(int count)
        {
            int width = EfficientNetLite0.EmbeddingSize, rounds = plan.Views + 1;
            var x = new float[count * rounds * width];
            var y = new float[count * rounds * task.Labels.Count];
            for (int r = 0; r < rounds; r++)
            {
                Array.Copy(features, r * all.Length * width, x, r * count * width, count * width);
                for (int i = 0; i < count; i++)
                    foreach (int label in task.Targets[all[i]]) y[(r * count + i) * task.Labels.Count + label] = 1;
            }
            return LinearHead.Fit(x, y, count * rounds, task.Labels.Count, task.MultiLabel, plan.Regularisation, cancel);
        }

        ModelDescription Describe(string recipe) => new(
            task.MultiLabel ? "multilabel" : "classification", task.Labels, plan.Size, plan.Size, "squash", recipe,
            new Dictionary<string, string>(StringComparer.Ordinal) { ["format"] = "1", ["backbone"] = "efficientnet-lite0", ["opset"] = backbone.Model.OpsetImport[0].Version.ToString(CultureInfo.InvariantCulture) });
    }

    private static void Check(ClassifierTask task, ClassifierPlan plan)
    {
        if (task.Targets.Count != task.Pictures.Count) throw new ArgumentException("Each picture needs its targets.", nameof(task));
        if (task.Labels.Count == 0 || task.Pictures.Count == 0) throw new ArgumentException("There is nothing to learn.", nameof(task));
        if (plan.Size <= 0 || plan.Size % 32 != 0) throw new ArgumentException("The size has to be a multiple of 32.", nameof(plan));
        foreach (IReadOnlyList<int> t in task.Targets)
            if ((!task.MultiLabel && t.Count != 1) || t.Any(l => l < 0 || l >= task.Labels.Count)) throw new ArgumentException("A target is not one of the labels, or not exactly one.", nameof(task));
    }

    /// <summary>Holds back a share of each label's pictures; a picture of several labels counts for its first.</summary>
    private static (int[] Learn, int[] Held) Split(ClassifierTask task, ClassifierPlan plan)
    {
        var held = new List<int>();
#pragma warning disable CA5394
        var random = new Random(plan.Seed);
        foreach (IGrouping<int, int> group in Enumerable.Range(0, task.Pictures.Count).GroupBy(i => task.Targets[i].Count > 0 ? task.Targets[i][0] : -1).OrderBy(g => g.Key))
        {
            int[] members = [.. group];
            random.Shuffle(members);
            held.AddRange(members.Take((int)(members.Length * plan.HeldBack)));
        }
#pragma warning restore CA5394
        var set = held.ToHashSet();
        return ([.. Enumerable.Range(0, task.Pictures.Count).Where(i => !set.Contains(i))], [.. held]);
    }

    /// <summary>Embeddings of the plain view of each picture, then of each round of random views.</summary>
    private static float[] Features(ClassifierPlan plan, ClassifierViews views, int[] order, IProgress<TrainingProgress>? progress, CancellationToken cancel)
    {
        using var extractor = new FeatureExtractor(plan.BackbonePath, plan.Threads);
        int one = 3 * plan.Size * plan.Size, rounds = plan.Views + 1;
        var features = new float[checked(order.Length * rounds * EfficientNetLite0.EmbeddingSize)];
        long started = Stopwatch.GetTimestamp();
        for (int r = 0; r < rounds; r++)
        {
            for (int k = 0; k < order.Length; k += plan.Batch)
            {
                cancel.ThrowIfCancellationRequested();
                int count = Math.Min(plan.Batch, order.Length - k);
                var planes = new float[count * one];
                for (int i = 0; i < count; i++)
                {
                    if (r == 0) FeatureExtractor.Normalise(views.Plain(order[k + i]), planes.AsSpan(i * one, one));
                    else views.Random(order[k + i], -r, planes.AsSpan(i * one, one));
                }
                extractor.Embed(planes, count, plan.Size, plan.Size).CopyTo(features, (r * order.Length + k) * EfficientNetLite0.EmbeddingSize);
            }
            progress?.Report(new TrainingProgress("features", r + 1, rounds, null, Stopwatch.GetElapsedTime(started).TotalSeconds / (r + 1) * (rounds - r - 1)));
        }
        return features;
    }

    /// <summary>Accuracy for one label a picture, micro F1 at one half for several.</summary>
    private static double Quality(byte[] bytes, ModelDescription description, ClassifierTask task, ClassifierViews views, int[] indexes, int threads)
    {
        using var model = new TrainedModel(bytes, description, threads);
        double right = 0, wrong = 0, missed = 0;
        foreach (int i in indexes)
        {
            float[,] scores = model.Score(views.Plain(i));
            int best = 0;
            for (int l = 0; l < task.Labels.Count; l++)
            {
                if (scores[0, l] > scores[0, best]) best = l;
                if (!task.MultiLabel) continue;
                bool truth = task.Targets[i].Contains(l), guess = scores[0, l] >= .5f;
                if (truth && guess) right++;
                else if (guess) wrong++;
                else if (truth) missed++;
            }
            if (!task.MultiLabel && task.Targets[i][0] == best) right++;
        }
        return task.MultiLabel ? (right == 0 ? 0 : 2 * right / (2 * right + wrong + missed)) : right / indexes.Length;
    }

    private static (byte[]? Model, int Epochs) FineTune(
        ClassifierTask task, ClassifierPlan plan, ClassifierViews views, int[] learn, OnnxFile backbone, LinearHead linear, long started,
        IProgress<TrainingProgress>? progress, string? directory, CancellationToken cancel)
    {
        using var scope = NewDisposeScope();
        using var network = new EfficientNetLite0(backbone);
        using var weight = new Parameter(tensor(linear.Weight, [linear.Bias.Length, linear.Features]).clone());
        using var bias = new Parameter(tensor(linear.Bias).clone());
        var named = network.WeightsByName().Append(("classifier.weight", weight)).Append(("classifier.bias", bias)).ToList();
        int steps = (learn.Length + plan.Batch - 1) / plan.Batch;
        string? path = directory is null ? null : Path.Combine(directory, "classifier.checkpoint");
        string key = Fingerprint(task, plan);
        AdamW optimizer = new(named, name => name.StartsWith("classifier", StringComparison.Ordinal) ? plan.HeadRate : plan.BackboneRate, plan.WeightDecay);
        TrainingCheckpoint? resumed = path is null ? null : TrainingCheckpoint.Read(path, key);
        int first = 0, epochs;
        bool frozen;
        if (resumed is not null)
        {
            (first, epochs, frozen) = (resumed.Epoch, resumed.Epochs, resumed.Frozen);
            optimizer.Restore(resumed);
        }
        else
        {
            double step = MeasureStep();
            double left = (plan.TimeBudget - Stopwatch.GetElapsedTime(started)).TotalSeconds;
            frozen = step * steps * plan.Epochs > left;
            if (frozen) step *= FrozenShare;
            epochs = (int)Math.Min(plan.Epochs, left / (step * steps));
            if (epochs < Math.Min(EpochsMin, plan.Epochs)) return (null, 0);
        }
        if (frozen)
            foreach ((string name, Parameter value) in named)
                if (IsEarly(name)) value.requires_grad = false;

        long begun = Stopwatch.GetTimestamp();
        for (int epoch = first; epoch < epochs; epoch++)
        {
            // Seeded anew each epoch, so that a resumed training goes the way of an uninterrupted one.
            manual_seed(unchecked(plan.Seed * 1009L + epoch));
            int[] order = [.. learn];
#pragma warning disable CA5394
            new Random(unchecked(plan.Seed * 31 + epoch)).Shuffle(order);
#pragma warning restore CA5394
            double sum = 0;
            for (int k = 0; k < steps; k++)
            {
                cancel.ThrowIfCancellationRequested();
                int at = epoch * steps + k;
                double rate = Math.Min(1, (at + 1.0) / plan.WarmUpSteps) * (.5 + .5 * Math.Cos(Math.PI * at / (epochs * steps))) + .01;
                sum += Step(order[(k * plan.Batch)..Math.Min(order.Length, (k + 1) * plan.Batch)], epoch + 1);
                optimizer.Step(rate);
            }
            if (path is not null) optimizer.Capture(key, epoch + 1, epochs, frozen).Write(path);
            double each = Stopwatch.GetElapsedTime(begun).TotalSeconds / (epoch - first + 1);
            progress?.Report(new TrainingProgress("fine-tuning", epoch + 1, epochs, sum / steps, each * (epochs - epoch - 1)));
        }
        OnnxFile tuned = backbone.Clone();
        network.CopyTo(tuned);
        var head = new LinearHead(weight.detach().data<float>().ToArray(), bias.detach().data<float>().ToArray(), linear.Features);
        return (ClassifierExport.Compose(tuned, head, plan.Size, task.MultiLabel), epochs);

        double Step(int[] indexes, int round)
        {
            using var inner = NewDisposeScope();
            int one = 3 * plan.Size * plan.Size, labels = task.Labels.Count;
            var planes = new float[indexes.Length * one];
            var targets = new float[indexes.Length * labels];
            // Without the smoothing towards an even answer a handful of pictures is soon learnt by heart.
            double even = plan.LabelSmoothing / (task.MultiLabel ? 2 : labels);
            Array.Fill(targets, (float)even);
            for (int i = 0; i < indexes.Length; i++)
            {
                views.Random(indexes[i], round, planes.AsSpan(i * one, one));
                foreach (int l in task.Targets[indexes[i]]) targets[i * labels + l] = (float)(1 - plan.LabelSmoothing + even);
            }
            Tensor x = tensor(planes, [indexes.Length, 3, plan.Size, plan.Size]), y = tensor(targets, [indexes.Length, labels]);
            Tensor embedding = nn.functional.dropout(network.forward(x), plan.Dropout, training: true);
            Tensor logits = nn.functional.linear(embedding, weight, bias);
            Tensor loss = task.MultiLabel
                ? nn.functional.binary_cross_entropy_with_logits(logits, y)
                : -(nn.functional.log_softmax(logits, 1) * y).sum(1).mean();
            optimizer.ZeroGradients();
            loss.backward();
            return loss.item<float>();
        }

        double MeasureStep()
        {
            int[] some = [.. learn.Take(plan.Batch)];
            Step(some, 0); // the first one warms up
            long t = Stopwatch.GetTimestamp();
            Step(some, 0);
            return Stopwatch.GetElapsedTime(t).TotalSeconds;
        }
    }

    private static bool IsEarly(string name)
    {
        string[] parts = name.Split('.');
        return parts[0] == "stem" || (parts[0] == "blocks" && int.Parse(parts[1], CultureInfo.InvariantCulture) < FrozenBlocks);
    }

    private static string Fingerprint(ClassifierTask task, ClassifierPlan plan)
    {
        string text = string.Create(CultureInfo.InvariantCulture, $"{plan.Seed}|{plan.Size}|{plan.Batch}|{plan.Epochs}|{plan.HeadRate}|{plan.BackboneRate}|{task.MultiLabel}|{string.Join('\n', task.Labels)}|{string.Join(';', task.Targets.Select(t => string.Join(',', t)))}");
        return Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
    }
}
