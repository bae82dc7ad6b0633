using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Evaluation;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Recipes;

namespace Ocellus.Benchmarks;

/// <summary>
/// Trains a detector on FOLDER/train.manifest at default settings, tests it on FOLDER/test.manifest and times its predictions.
/// An image <c>s3://…/NAME/rest</c> is the file FOLDER/rest, where NAME is the name of the folder.
/// </summary>
internal static class BoxesBenchmark
{
    public static int Run(string[] args)
    {
        string folder = Path.GetFullPath(args[0]);
        var plan = new DetectorPlan { Seed = (int)Option(args, "--seed", 0) };
        plan = plan with
        {
            TimeBudget = args.Contains("--seconds") ? TimeSpan.FromSeconds(Option(args, "--seconds", 0)) : null,
            StepsMin = (int)Option(args, "--steps", plan.StepsMin),
            Epochs = args.Contains("--steps") ? 0 : Option(args, "--epochs", plan.Epochs),
            LongSide = args.Contains("--long-side") ? (int)Option(args, "--long-side", 0) : null,
            Batch = (int)Option(args, "--batch", plan.Batch),
            Mosaic = Option(args, "--mosaic", plan.Mosaic),
            FrozenBlocks = (int)Option(args, "--frozen", plan.FrozenBlocks),
            Threads = (int)Option(args, "--threads", plan.Threads),
            Rate = Option(args, "--rate", plan.Rate),
            BackboneRate = Option(args, "--backbone-rate", plan.BackboneRate),
            ScaleMin = Option(args, "--scale-min", plan.ScaleMin),
            ScaleMax = Option(args, "--scale-max", plan.ScaleMax),
            Average = Option(args, "--average", plan.Average),
            WeightDecay = Option(args, "--weight-decay", plan.WeightDecay),
            WarmUpSteps = (int)Option(args, "--warm-up", plan.WarmUpSteps),
        };
        string? only = Text(args, "--label");
        List<string> labels = only is null ? [] : [only];
        var train = Read(folder, "train", labels, only, (int)Option(args, "--take", int.MaxValue));
        var test = Read(folder, "test", labels, only, int.MaxValue);
        System.Console.WriteLine($"{train.Boxes.Count} training images, {test.Boxes.Count} test images, labels {string.Join(", ", labels)}");

        using var stop = new CancellationTokenSource();
        using var signal = PosixSignalRegistration.Create(PosixSignal.SIGTERM, c =>
        {
            c.Cancel = true; // writes a checkpoint first
            stop.Cancel();
        });
        TimeSpan processor = Process.GetCurrentProcess().TotalProcessorTime;
        long started = Stopwatch.GetTimestamp();
        DetectorResult result = DetectorTrainer.Train(
            new DetectorTask(train.Images, train.Boxes, labels), plan,
            new Progress(p => System.Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{Stopwatch.GetElapsedTime(started).TotalSeconds,6:0} s  {p.Phase} {p.Epoch}/{p.Epochs}  loss {p.Loss:0.000}  {p.SecondsLeft:0} s left"))),
            Text(args, "--checkpoint"),
            stop.Token);
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        double busy = (Process.GetCurrentProcess().TotalProcessorTime - processor).TotalSeconds;
        if (Text(args, "--save") is { } target)
        {
            result.Save(target);
        }

        using var model = new TrainedModel(result.Model, result.Description, threads: 1);
        var found = new List<IReadOnlyList<Prediction>>();
        var times = new List<double>();
        for (int i = 0; i < test.Boxes.Count; i++)
        {
            byte[] bytes = test.Images.Read(i);
            long t = Stopwatch.GetTimestamp();
            found.Add(model.Predict([model.Prepare(bytes, ImageLimits.Default)])[0]);
            times.Add(Stopwatch.GetElapsedTime(t).TotalMilliseconds);
        }

        DetectionReport report = DetectionMetrics.Compute(labels.Count, test.Boxes, found);
        times.Sort();
        System.Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"{result.Description.Recipe}, {result.Description.Width}x{result.Description.Height}, {seconds:0.0} s, {busy:0.0} s of CPU time, peak "
                    + $"{Process.GetCurrentProcess().PeakWorkingSet64 / 1e9:0.0} GB"));
        foreach (DetectionLabelMetrics l in report.Labels)
        {
            System.Console.WriteLine(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"  {labels[l.Label]}: AP@0.5 {l.AveragePrecision:0.000}, F1 {l.Best.F1:0.000} at {l.Best.Threshold:0.000} (precision "
                        + $"{l.Best.Precision:0.000}, recall {l.Best.Recall:0.000}), recall at most {l.RecallMax:0.000}, {l.TrueBoxes} boxes"));
        }

        BoxCalibrationReport.Write(result.Description, found, report.Matches);
        System.Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"mAP@0.5 {report.AveragePrecision:0.0000}  mean best F1 {report.F1:0.0000}  prediction, one thread: median {times[times.Count / 2]:0.0} ms"));
        return 0;
    }

    private static (ImageSource Images, List<IReadOnlyList<LabelledBox>> Boxes) Read(string folder, string part, List<string> labels, string? only, int max)
    {
        string name = Path.GetFileName(folder);
        var paths = new List<string>();
        var boxes = new List<IReadOnlyList<LabelledBox>>();
        foreach (string line in File.ReadLines(Path.Combine(folder, part + ".manifest")))
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonProperty metadata = document.RootElement.EnumerateObject().First(p => p.Name.EndsWith("-metadata", StringComparison.Ordinal));
            JsonElement attribute = document.RootElement.GetProperty(metadata.Name[..^"-metadata".Length]);
            JsonElement size = attribute.GetProperty("image_size")[0], classes = metadata.Value.GetProperty("class-map");
            float width = size.GetProperty("width").GetSingle(), height = size.GetProperty("height").GetSingle();
            var imageBoxes = new List<LabelledBox>();
            foreach (JsonElement box in attribute.GetProperty("annotations").EnumerateArray())
            {
                string label = classes.GetProperty(box.GetProperty("class_id").GetInt32().ToString(CultureInfo.InvariantCulture)).GetString()!;
                if (only is not null && label != only)
                {
                    continue;
                }

                if (!labels.Contains(label))
                {
                    labels.Add(label);
                }

                imageBoxes.Add(new LabelledBox(labels.IndexOf(label), new Box(
                    box.GetProperty("left").GetSingle() / width, box.GetProperty("top").GetSingle() / height,
                    box.GetProperty("width").GetSingle() / width, box.GetProperty("height").GetSingle() / height)));
            }

            if ((only is not null && imageBoxes.Count == 0) || boxes.Count == max)
            {
                continue;
            }

            string key = document.RootElement.GetProperty("source-ref").GetString()!;
            paths.Add(Path.Combine(folder, key[(key.IndexOf($"/{name}/", StringComparison.Ordinal) + name.Length + 2)..]));
            boxes.Add(imageBoxes);
        }

        return (new ImageSource(paths.Count, index => File.ReadAllBytes(paths[index])), boxes);
    }

    private static double Option(string[] args, string name, double fallback) =>
        Text(args, name) is { } text ? double.Parse(text, CultureInfo.InvariantCulture) : fallback;

    private static string? Text(string[] args, string name) => Array.IndexOf(args, name) is >= 0 and var at ? args[at + 1] : null;

    private sealed class Progress(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }
}
