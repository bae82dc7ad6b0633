using System.Diagnostics;
using System.Globalization;
using Ocellus.Commands;
using Ocellus.Datasets.Manifests;
using Ocellus.Training;
using Ocellus.Training.Evaluation;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Evaluation;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Quantization;

namespace Ocellus.Benchmarks;

/// <summary>
/// Quantizes a trained model with the images of FOLDER/train.manifest and compares both on FOLDER/test.manifest: metric, best labels, and the time of a pass
/// on one thread, in turns. An image <c>s3://…/NAME/rest</c> is the file FOLDER/rest, where NAME is the name of the folder.
/// </summary>
internal static class Int8Benchmark
{
    private static readonly ImageLimits _limits = new(SideMin: 1);

    public static int Run(string[] args)
    {
        var folder = Path.GetFullPath(args[0]);
        double Option(string name, double fallback) => Array.IndexOf(args, name) is > 0 and var i
            ? double.Parse(args[i + 1], CultureInfo.InvariantCulture) : fallback;
        var (bytes, description) = ModelArchive.Read(args[1]);
        List<Line> train = Read(folder, "train.manifest"), test = Read(folder, Array.IndexOf(args, "--test") is > 0 and var t ? args[t + 1] : "test.manifest");
        var options = new QuantizationOptions();
        options = options with
        {
            ImagesMax = (int)Option("--images", options.ImagesMax),
            WeightBits = (int)Option("--bits", options.WeightBits),
            RangeShare = Option("--range", options.RangeShare),
            CorrectBiases = Option("--correct", 1) > 0,
            RoundForOutputs = Option("--round", 1) > 0,
            MatchScores = Option("--match", 1) > 0,
            Threads = (int)Option("--threads", 1),
        };
        var started = Stopwatch.GetTimestamp();
        var quantized = ModelQuantizer.Quantize(bytes, description, new ImageSource(train.Count, i => File.ReadAllBytes(train[i].File)), options);
        System.Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{description.Kind}, {description.Width}x{description.Height}: {bytes.Length / 1e6:0.0} MB, with 8 bits "
            + $"{quantized.Model.Length / 1e6:0.0} MB, quantized in {Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s; temperature "
            + $"{description.Temperature:0.000} and {quantized.Temperature:0.000}"));
        using TrainedModel real = Open("float", bytes, description), small = Open("int8", quantized.Model, description);
        Compare(real, small, description, test);
        Times(real, small, File.ReadAllBytes(test[0].File), (int)Option("--passes", 200));
        return 0;
    }

    private static TrainedModel Open(string name, byte[] model, ModelDescription description)
    {
        List<double> times = [];
        for (var i = 0; i < 5; i++)
        {
            var started = Stopwatch.GetTimestamp();
            using var opened = new TrainedModel(model, description);
            times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        System.Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: a session opens in {times.Order().ElementAt(2):0} ms"));
        return new TrainedModel(model, description);
    }

    private static void Compare(TrainedModel real, TrainedModel small, ModelDescription description, List<Line> test)
    {
        List<IReadOnlyList<Prediction>>[] found = [[], []];
        foreach (var line in test)
        {
            var prepared = real.Prepare(File.ReadAllBytes(line.File), _limits);
            found[0].Add(real.Predict([prepared])[0]);
            found[1].Add(small.Predict([prepared])[0]);
        }

        var index = description.Labels.Select((label, i) => (label, i)).ToDictionary(p => p.label, p => p.i, StringComparer.Ordinal);
        if (description.Kind == ModelKinds.Localization)
        {
            IReadOnlyList<LabelledBox>[] truth = [.. test.Select(l => TruthBoxes.Of(l.Parsed, ImageDecoder.ReadHeader(File.ReadAllBytes(l.File)), index))];
            var reports = found.Select(f => DetectionMetrics.Compute(index.Count, truth, f)).Select(r => new EvaluationReport(
                [.. r.Labels.Select(l => new LabelMetrics(description.Labels[l.Label], l.Best.Threshold, 0, 0, l.Best.F1, l.Images))], 0, 0, r.F1,
                AveragePrecision: r.AveragePrecision)).ToList();
            Print(PrecisionGate.OfDetectors(reports[0], reports[1], found[0], found[1]), $"F1 {reports[0].F1:0.0000} and {reports[1].F1:0.0000}");
            return;
        }

        float[][,] scores = [new float[test.Count, index.Count], new float[test.Count, index.Count]];
        var there = new bool[test.Count, index.Count];
        int[] right = [0, 0];
        double[] loss = [0, 0];
        double moved = 0;
        for (var i = 0; i < test.Count; i++)
        {
            foreach (var label in test[i].Parsed.ImageLabels)
            {
                there[i, index[label]] = true;
            }

            for (var m = 0; m < 2; m++)
            {
                foreach (var one in found[m][i])
                {
                    scores[m][i, one.Label] = one.Score;
                }

                right[m] += there[i, found[m][i].MaxBy(p => p.Score).Label] ? 1 : 0;
                loss[m] -= Enumerable.Range(0, index.Count).Where(l => there[i, l]).Sum(l => Math.Log(Math.Max(1e-6, scores[m][i, l])));
            }

            moved += Enumerable.Range(0, index.Count).Max(l => Math.Abs(scores[0][i, l] - scores[1][i, l]));
        }

        var both = scores.Select(s => ClassificationMetrics.Compute(description.Labels, s, there)).ToList();
        Print(
            PrecisionGate.OfClassifiers(both[0], both[1], scores[0], scores[1]),
            string.Create(
                CultureInfo.InvariantCulture,
                $"accuracy {(double)right[0] / test.Count:0.0000} and {(double)right[1] / test.Count:0.0000}, log loss {loss[0] / test.Count:0.0000} and "
                + $"{loss[1] / test.Count:0.0000}, a score moves by {moved / test.Count:0.0000}"));
    }

    private static void Print(PrecisionGate gate, string more) => System.Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"float and int8: {gate.Metric} {gate.Float:0.0000} and {gate.Int8:0.0000}, {more}; same best label {gate.SameBestLabel:0.0000}; {gate.IsPassed}"));

    /// <summary>Passes of both models in turns, so that both meet the same machine.</summary>
    private static void Times(TrainedModel real, TrainedModel small, byte[] image, int passes)
    {
        var prepared = real.Prepare(image, _limits);
        List<double>[] times = [[], []];
        for (var i = 0; i < passes; i++)
        {
            for (var m = 0; m < 2; m++)
            {
                var started = Stopwatch.GetTimestamp();
                (m == 0 ? real : small).Predict([prepared]);
                times[m].Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            }
        }

        double[] medians = [.. times.Select(m => m.Order().ElementAt(m.Count / 2))], best = [.. times.Select(m => m.Order().ElementAt(m.Count / 10))];
        System.Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"a pass on one thread: float median {medians[0]:0.00} ms, tenth {best[0]:0.00} ms; int8 median {medians[1]:0.00} ms, tenth {best[1]:0.00} ms: "
            + $"{medians[0] / medians[1]:0.00} and {best[0] / best[1]:0.00} times as fast"));
    }

    private static List<Line> Read(string folder, string manifest)
    {
        var name = Path.GetFileName(folder);
        using var stream = File.OpenRead(Path.Combine(folder, manifest));
        return
        [
            .. ManifestReader.ParseAsync(stream, CancellationToken.None).ToBlockingEnumerable().Where(l => l.IsUsable).Select(l => new Line(
                l, Path.Combine(folder, l.SourceRef[(l.SourceRef.IndexOf($"/{name}/", StringComparison.Ordinal) + name.Length + 2)..]))),
        ];
    }

    private sealed record Line(ParsedLine Parsed, string File);
}
