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
        string Text(string name) => Array.IndexOf(args, name) is > 0 and var i ? args[i + 1] : "";
        string[] labels = [.. train.SelectMany(p => p.Labels).Distinct().Order(StringComparer.Ordinal)];
        if ((int)Option("--each", 0) is > 0 and var each)
        {
            train = Thinned(train, each, (int)Option("--seed", 0));
        }
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
            Head = plan.Head with
            {
                WholeViewAreaMin = Option("--whole-area-min", plan.Head.WholeViewAreaMin),
                EvidenceRidge = Option("--evidence-ridge", plan.Head.EvidenceRidge),
                AverageRidge = Option("--average-ridge", plan.Head.AverageRidge),
                FrozenSteps = (int)Option("--head-steps", plan.Head.FrozenSteps),
                FewShare = Option("--few-share", plan.Head.FewShare),
                FineTuneCostMax = Option("--fine-tune-cost", plan.Head.FineTuneCostMax),
            },
            Views = (int)Option("--views", plan.Views),
            FineTune = Option("--fine-tune", 1) > 0,
            Search = Text("--input").Length > 0 || args.Contains("--size") ? null : new DesignSearch() with
            {
                ImagesMax = (int)Option("--search-images", new DesignSearch().ImagesMax),
            },
            Design = Text("--input") is { Length: > 0 } input ? Design(input, Text("--head")) : null,
            TimeLimit = TimeSpan.FromSeconds(Option("--limit", 1800)),
            Threads = (int)Option("--threads", plan.Threads),
            TimeBudget = TimeSpan.FromSeconds(Option("--seconds", ClassifierPlan.RecipeTime(train.Count, (int)Option("--threads", plan.Threads)).TotalSeconds)),
        };
        if (args.Contains("--quick"))
        {
            plan = Longer(QuickRecipe.Of(plan, train.Count));
        }

        if (args.Contains("--search-only"))
        {
            if (Text("--try") is { Length: > 0 } tried)
            {
                DesignSearch how = new DesignSearch() with { Steps = (int)Option("--search-steps", 300), Batch = (int)Option("--search-batch", 24) };
                Try(train, labels, plan, how, [.. tried.Split(',').Select(i => Design(i, "").Input)]);
                return 0;
            }

            SearchOnly(train, labels, plan);
            return 0;
        }

        // On a busy machine, the time that is given replaces that of the recipe.
        ClassifierPlan Longer(ClassifierPlan quick) => args.Contains("--seconds")
            ? quick with { TimeBudget = TimeSpan.FromSeconds(Option("--seconds", 0)), TimeLimit = null }
            : quick;

        int folds = (int)Option("--folds", 0);
        if (folds == 0)
        {
            Once(train, test, labels, plan, verbose: true);
            return 0;
        }

        // Every image is tested once, by a model not trained on it. The folds have equal numbers of each label.
        Image[] all = [.. train.Concat(test).GroupBy(p => p.Labels[0], StringComparer.Ordinal).SelectMany(g => g.OrderBy(p => p.File, StringComparer.Ordinal))];
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

    /// <summary>Only chooses input and head, and prints what was tried.</summary>
    private static void SearchOnly(List<Image> train, string[] labels, ClassifierPlan plan)
    {
        long started = Stopwatch.GetTimestamp();
        double Clock() => Stopwatch.GetElapsedTime(started).TotalSeconds;
        TorchSharp.torch.set_num_threads(plan.Threads);
        var search = new InputSearch(TaskOf(train, labels), plan, plan.Search!)
        {
            Tried = t => System.Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{Clock(),6:0.0} s  {t.Design.Input} {t.Design.Input.Resize} {t.Design.Head}: {t.Score:0.000}")),
        };
        (ClassifierDesign chosen, IReadOnlyList<DesignTrial> trials) = search.Run(double.MaxValue, Clock, (_, _) => { }, CancellationToken.None);
        DesignTrial best = trials.MinBy(t => t.Errors.Average())!;
        foreach (DesignTrial t in trials)
        {
            double[] d = [.. t.Errors.Zip(best.Errors, (x, y) => x - y)];
            double m = d.Average(), z = m / Math.Sqrt(d.Sum(x => (x - m) * (x - m)) / d.Length / d.Length + 1e-12);
            System.Console.WriteLine(FormattableString.Invariant(
                $"  {t.Design.Input} {t.Design.Head}: {t.Score:0.000}, squared error {t.Errors.Average():0.000}, {z:0.00} standard errors from the best"));
        }

        System.Console.WriteLine(chosen);
    }

    /// <summary>Tries given inputs, and prints how each head does.</summary>
    private static void Try(List<Image> train, string[] labels, ClassifierPlan plan, DesignSearch how, ClassifierInput[] inputs)
    {
        TorchSharp.torch.set_num_threads(plan.Threads);
        ClassifierTask task = TaskOf(train, labels);
        int[] images = InputSearch.Subset(task, plan.Seed, how.ImagesMax), folds = InputSearch.Folds(task, images, plan.Seed, how.Folds);
        using var extractor = new FeatureExtractor(plan.BackbonePath, 1);
        foreach (ClassifierInput input in inputs)
        {
            DesignTrial[] found = new InputSearch(task, plan, how).Try(extractor, input, images, folds, CancellationToken.None);
            System.Console.WriteLine($"{input} " + string.Join(", ", found.Select(t => string.Create(
                CultureInfo.InvariantCulture, $"{t.Design.Head} {t.Score:0.000} {t.Errors.Average():0.000}"))));
        }
    }

    private static ClassifierTask TaskOf(IReadOnlyList<Image> train, string[] labels) => new(
        new ImageSource(train.Count, index => File.ReadAllBytes(train[index].File)),
        [.. train.Select(p => (IReadOnlyList<int>)[.. p.Labels.Select(l => Array.IndexOf(labels, l))])], labels,
        MultiLabel: train.Any(p => p.Labels.Count > 1));

    /// <summary>Trains on some images, tests on others and prints the results. Returns the number of correct predictions and the summed log loss.</summary>
    private static (int Correct, double LogLoss) Once(IReadOnlyList<Image> train, IReadOnlyList<Image> test, string[] labels, ClassifierPlan plan, bool verbose)
    {
        ClassifierTask task = TaskOf(train, labels);
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

        int correct = test.Where((t, i) => t.Labels.Contains(labels[Array.IndexOf(scores[i], scores[i].Max())])).Count();
        double logLoss = test.Select((t, i) => -Math.Log(Math.Max(1e-6, t.Labels.Average(l => scores[i][Array.IndexOf(labels, l)])))).Sum();
        double f1 = labels.Select((label, l) => BestF1([.. scores.Select(s => s[l])], [.. test.Select(t => t.Labels.Contains(label))])).Average();
        foreach (IGrouping<ClassifierInput, DesignTrial> trial in result.Trials.GroupBy(t => t.Design.Input))
        {
            System.Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"  {trial.Key} {trial.Key.Resize}: {string.Join(", ", trial.Select(t => $"{t.Design.Head} {t.Score:0.000}"))}"));
        }

        System.Console.WriteLine($"  {result.Design.Input} {result.Design.Input.Resize} {result.Design.Head}");
        bool multiLabel = result.Description.Kind == ModelKinds.MultiLabel;
        (double Confidence, bool Right)[] answers =
        [
            .. scores.SelectMany((row, i) => row.Select((p, l) => (Confidence: (double)p, Right: test[i].Labels.Contains(labels[l])))
                .OrderByDescending(a => a.Confidence).Take(multiLabel ? row.Length : 1)),
        ];
        System.Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"temperature {result.Description.Temperature:0.00}, expected calibration error {CalibrationError(answers):0.000}"));
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

    /// <summary>Mean difference of confidence and share of right answers, in ten bins of equal width, weighted by their answers.</summary>
    private static double CalibrationError((double Confidence, bool Right)[] answers) => answers.GroupBy(a => Math.Min(9, (int)(a.Confidence * 10)))
        .Sum(bin => Math.Abs(bin.Average(a => a.Confidence) - bin.Average(a => a.Right ? 1.0 : 0)) * bin.Count() / answers.Length);

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
            string[] found = [.. json.RootElement.EnumerateObject().Where(p => p.Name.EndsWith("-metadata", StringComparison.Ordinal))
                .Select(p => p.Value.GetProperty("class-name").GetString()!)];
            images.Add(new Image(Path.Combine(folder, source[(source.IndexOf($"/{name}/", StringComparison.Ordinal) + name.Length + 2)..]), found));
        }

        return images;
    }

    /// <summary>So many images of each label.</summary>
    private static List<Image> Thinned(List<Image> images, int each, int seed)
    {
        Image[] order = [.. images];
#pragma warning disable CA5394 // Not security: the choice must repeat for a seed.
        new Random(seed).Shuffle(order);
#pragma warning restore CA5394
        return [.. order.GroupBy(i => i.Labels[0], StringComparer.Ordinal).SelectMany(g => g.Take(each))];
    }

    /// <summary>An input such as <c>896x672</c>, kept in its aspect ratio, and a head.</summary>
    private static ClassifierDesign Design(string input, string head)
    {
        int[] sides = [.. input.Split('x').Select(s => int.Parse(s, CultureInfo.InvariantCulture))];
        return new ClassifierDesign(
            new ClassifierInput(sides[0], sides[1], KeepsAspect: sides[0] != 224 || sides[1] != 224),
            head.Length == 0 ? ClassifierHeadKind.Average : Enum.Parse<ClassifierHeadKind>(head, ignoreCase: true));
    }

    private sealed record Image(string File, IReadOnlyList<string> Labels);

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
