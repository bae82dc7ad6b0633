using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Ocellus.Training.Server;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Recipes;

namespace Ocellus.Benchmarks;

/// <summary>Trains a classifier on FOLDER/train.manifest and tests it on FOLDER/test.manifest; prints accuracy, F1 and seconds.</summary>
internal static class ClassifyBenchmark
{
    public static int Run(string[] args)
    {
        string folder = args[0];
        double Option(string name, double fallback) => Array.IndexOf(args, name) is > 0 and var i ? double.Parse(
            args[i + 1], CultureInfo.InvariantCulture) : fallback;
        List<Image> train = Read(folder, "train.manifest"), test = Read(folder, "test.manifest");
        string[] labels = [.. train.Select(p => p.Label).Distinct().Order(StringComparer.Ordinal)];
        var plan = new ClassifierPlan();
        plan = plan with
        {
            Seed = (int)Option("--seed", 0),
            Epochs = (int)Option("--epochs", plan.Epochs),
            Size = (int)Option("--size", plan.Size),
            StartScale = Option("--start-scale", plan.StartScale),
            BackboneRate = Option("--backbone-rate", plan.BackboneRate),
            HeadRate = Option("--head-rate", plan.HeadRate),
            AverageDecay = Option("--average", plan.AverageDecay),
            HeldBack = Option("--held-back", plan.HeldBack),
            ViewAreaMin = Option("--area-min", plan.ViewAreaMin),
            Threads = (int)Option("--threads", plan.Threads),
            TimeBudget = TimeSpan.FromSeconds(Option("--seconds", ClassifierPlan.RecipeTime(train.Count, (int)Option("--threads", plan.Threads)).TotalSeconds)),
        };
        int folds = (int)Option("--folds", 0);
        if (folds == 0)
        {
            Once(train, test, labels, plan, verbose: true);
            return 0;
        }

        // Every image is tested once, by a model not trained on it. The folds have equal numbers of each label.
        Image[] all = [.. train.Concat(test).GroupBy(p => p.Label, StringComparer.Ordinal).SelectMany(g => g.OrderBy(p => p.File, StringComparer.Ordinal))];
        int correct = 0;
        double logLoss = 0;
        for (int fold = 0; fold < folds; fold++)
        {
            (int r, double l) = Once([.. all.Where((_, i) => i % folds != fold)], [.. all.Where((_, i) => i % folds == fold)], labels, plan, verbose: false);
            (correct, logLoss) = (correct + r, logLoss + l);
        }

        System.Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"accuracy over {all.Length} images in {folds} folds: {(double)correct / all.Length:0.0000}, log loss {logLoss / all.Length:0.0000}"));
        return 0;
    }

    /// <summary>Trains on some images, tests on others and prints the results. Returns the number of correct predictions and the summed log loss.</summary>
    private static (int Correct, double LogLoss) Once(IReadOnlyList<Image> train, IReadOnlyList<Image> test, string[] labels, ClassifierPlan plan, bool verbose)
    {
        var images = new ImageSource(train.Count, index => File.ReadAllBytes(train[index].File));
        var task = new ClassifierTask(images, [.. train.Select(p => (IReadOnlyList<int>)[Array.IndexOf(labels, p.Label)])], labels, MultiLabel: false);
        long started = Stopwatch.GetTimestamp();
        TimeSpan cpu = Environment.CpuUsage.TotalTime;
        ClassifierResult result = ClassifierTrainer.Train(task, plan, verbose ? new Progress(started) : null);
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        double cpuSeconds = (Environment.CpuUsage.TotalTime - cpu).TotalSeconds;

        using var model = new TrainedModel(result.Model, result.Description, plan.Threads);
        var scores = new float[test.Count][];
        for (int i = 0; i < test.Count; i++)
        {
            IReadOnlyList<Prediction> predictions = model.Predict([model.Prepare(File.ReadAllBytes(test[i].File), new ImageLimits(SideMin: 1))])[0];
            scores[i] = [.. predictions.OrderBy(p => p.Label).Select(p => p.Score)];
        }

        int correct = test.Where((t, i) => labels[Array.IndexOf(scores[i], scores[i].Max())] == t.Label).Count();
        double logLoss = test.Select((t, i) => -Math.Log(Math.Max(1e-6, scores[i][Array.IndexOf(labels, t.Label)]))).Sum();
        double f1 = labels.Select((label, l) => BestF1([.. scores.Select(s => s[l])], [.. test.Select(t => t.Label == label)])).Average();
        System.Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{result.Description.Recipe}, {result.EpochsRun} epochs, held out: linear {result.LinearScore:0.000}, fine-tuned "
                + $"{result.FineTunedScore:0.000}; {result.Remark}"));
        System.Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"accuracy {(double)correct / test.Count:0.000}, mean best F1 {f1:0.000}, log loss {logLoss / test.Count:0.000}, {seconds:0.0} s ({cpuSeconds:0.0} "
                + $"s of CPU time, {plan.Threads} threads), peak {Process.GetCurrentProcess().PeakWorkingSet64 >> 20} MiB"));
        return (correct, logLoss);
    }

    /// <summary>The best F1 of all thresholds.</summary>
    private static double BestF1(float[] scores, bool[] truth) => scores.Distinct().Max(threshold =>
    {
        double hits = scores.Where((s, i) => s >= threshold && truth[i]).Count();
        return hits == 0 ? 0 : 2 * hits / (scores.Count(s => s >= threshold) + truth.Count(t => t));
    });

    /// <summary>Files and labels of a manifest with one label per line. The path after the folder's name is relative to the folder.</summary>
    private static List<Image> Read(string folder, string manifest)
    {
        string name = Path.GetFileName(Path.TrimEndingDirectorySeparator(folder));
        var images = new List<Image>();
        foreach (string line in File.ReadLines(Path.Combine(folder, manifest)))
        {
            using JsonDocument json = JsonDocument.Parse(line);
            string source = json.RootElement.GetProperty("source-ref").GetString()!;
            string label = json.RootElement.EnumerateObject().First(
                p => p.Name.EndsWith("-metadata", StringComparison.Ordinal)).Value.GetProperty("class-name").GetString()!;
            images.Add(new Image(Path.Combine(folder, source[(source.IndexOf($"/{name}/", StringComparison.Ordinal) + name.Length + 2)..]), label));
        }

        return images;
    }

    private sealed record Image(string File, string Label);

    private sealed class Progress(long started) : IProgress<TrainingProgress>
    {
        private (string, int) _last;

        public void Report(TrainingProgress value)
        {
            if (_last != (value.Phase, value.Epoch))
            {
                _last = (value.Phase, value.Epoch);
                System.Console.WriteLine(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"{Stopwatch.GetElapsedTime(started).TotalSeconds,6:0.0} s  {value.Phase} {value.Epoch}/{value.Epochs}, loss {value.Loss:0.000}, "
                            + $"{value.SecondsLeft:0} s left"));
            }
        }
    }
}
