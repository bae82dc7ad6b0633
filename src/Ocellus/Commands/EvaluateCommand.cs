using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Ocellus.Datasets.Manifests;
using Ocellus.Formats;
using Ocellus.Refusals;
using Ocellus.Training;
using Ocellus.Training.Evaluation;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;

namespace Ocellus.Commands;

/// <summary><c>ocellus evaluate</c>: how well a model does on images whose labels are known.</summary>
internal static class EvaluateCommand
{
    public static Command Create()
    {
        var model = new Argument<string>("MODEL") { Description = "A model.zip of `ocellus train` or `ocellus export`, or a folder with its files." };
        var source = new Argument<string?>("SOURCE")
        {
            Description = "Labelled images in any format that convert reads: those for testing where the source tells, or else those for validation, or all.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        var manifest = new Option<string?>("--manifest") { Description = "Instead of SOURCE, a manifest. Needs --images.", HelpName = "FILE" };
        var images = new Option<string?>("--images") { Description = "Folder of the images, as for `ocellus train`.", HelpName = "DIR" };
        var from = ConvertCommand.FromOption();
        var fetch = SourceOpening.FetchOption();
        var json = new Option<bool>("--json") { Description = "Write the result as one JSON object." };
        var draw = BoxDrawings.Option();
        var command = new Command("evaluate", "Tests a model on images whose labels are known.")
        {
            model, source, manifest, images, from, fetch, draw, json,
        };
        command.Validators.Add(TrainCommand.SourceOrManifest(source, manifest, images, [from, fetch], []));
        command.Act((parsed, terminal, cancel) => RunAsync(
            parsed.GetValue(model)!,
            new TestedImages(
                parsed.GetValue(source), new SourceOptions { Format = DataFormats.Parse(parsed.GetValue(from) ?? ""), Images = parsed.GetValue(images) },
                parsed.GetValue(fetch), parsed.GetValue(manifest)),
            parsed.GetValue(draw), parsed.GetValue(json), terminal, cancel));
        return command;
    }

    /// <summary>Each label's metrics at a given threshold. <see cref="ClassificationMetrics"/> finds the best one instead.</summary>
    /// <param name="labels">Labels of the model.</param>
    /// <param name="thresholds">For each label, 0 to 1.</param>
    /// <param name="scores">Image × label, 0 to 1.</param>
    /// <param name="truth">Image × label.</param>
    internal static EvaluationReport AtThresholds(IReadOnlyList<string> labels, IReadOnlyList<double> thresholds, float[,] scores, bool[,] truth) =>
        ClassificationMetrics.Summarize([.. labels.Select((label, l) =>
        {
            int hits = 0, taken = 0, positives = 0;
            for (var image = 0; image < scores.GetLength(0); image++)
            {
                var (found, present) = (scores[image, l] >= thresholds[l], truth[image, l]);
                hits += found && present ? 1 : 0;
                taken += found ? 1 : 0;
                positives += present ? 1 : 0;
            }

            return positives == 0
                ? new LabelMetrics(label, thresholds[l], 0, 0, 0, 0)
                : new LabelMetrics(
                    label, thresholds[l], taken == 0 ? 0 : hits / (double)taken, hits / (double)positives, 2.0 * hits / (taken + positives), positives);
        })]);

    private static async Task<int> RunAsync(
        string path, TestedImages tested, string? draw, bool json, Terminal terminal, CancellationToken cancel)
    {
        tested.Check();
        using var model = ModelArchive.Open(path, threads: 1);
        var drawings = draw is null ? null : BoxDrawings.For(model, draw);
        var description = model.Description;
        var boxes = description.Kind == ModelKinds.Localization;
        var index = description.Labels.Select((label, i) => (label, i)).ToDictionary(p => p.label, p => p.i, StringComparer.Ordinal);
        using var files = tested;
        var (lines, left) = await tested.ReadAsync(line => (boxes ? line.BoxLabels : line.ImageLabels).Any(index.ContainsKey), terminal, cancel);
        var answers = lines.AsParallel().AsOrdered().WithCancellation(cancel)
            .Select(line => (line.Line, line.File, Found: Answer(model, line.File, out var problem), Problem: problem)).ToList();
        foreach (var (line, file, _, problem) in answers.Where(a => a.Problem is not null))
        {
            left.Refused++;
            terminal.Complain($"{line.SourceRef} ({file}): {problem}");
        }

        answers.RemoveAll(a => a.Problem is not null);
        foreach (var (_, file, found, _) in drawings is null ? [] : answers)
        {
            cancel.ThrowIfCancellationRequested();
            drawings!.Write(model, LocalImage.Read(file), file, Answers.Choose(description, found, null, null));
        }

        if (left.Any)
        {
            terminal.Remark($"Left out: {left}.");
        }

        if (left.Missing.Count > 0 && tested.Sentence(left.Missing, lines.Count) is { } sentence)
        {
            terminal.Remark(sentence);
        }

        if (answers.Count == 0)
        {
            throw new CommandRefusedException($"No image of {tested.Name} could be tested. The model knows {string.Join(", ", description.Labels.Take(10))}.");
        }

        List<double> thresholds = [.. description.Labels.Select((_, l) => description.ThresholdOf(l))];
        var (own, best) = boxes
            ? BoxEvaluation.Compute(
                description.Labels, thresholds, [.. answers.Select(a => TruthBoxes.Of(a.Line, ImageDecoder.ReadHeader(LocalImage.Read(a.File)), index))],
                [.. answers.Select(a => a.Found)])
            : Classified(description.Labels, thresholds, index, [.. answers.Select(a => (a.Line, a.Found))], Evidence);
        var remark = boxes ? ChanceCheck.OfDetector(best, Evidence) : own.Remark;
        if (json)
        {
            terminal.Json(new JsonObject
            {
                ["testPictures"] = answers.Count,
                ["remark"] = remark,
                ["leftOut"] = left.Json(),
                ["atModelThresholds"] = EvaluationTables.Json(own),
                ["atBestThresholds"] = EvaluationTables.Json(best),
                ["confusion"] = best.Confusion is null
                    ? null
                    : new JsonArray(
                        [
                            .. best.Confusion.Select(
                                c => (JsonNode)new JsonObject
                                {
                                    ["groundTruthLabel"] = c.GroundTruthLabel,
                                    ["predictedLabel"] = c.PredictedLabel,
                                    ["value"] = c.Value,
                                }),
                        ]),
                ["meanAveragePrecision"] = best.AveragePrecision,
            });
            return left.Refused > 0 ? ExitCodes.Refused : ExitCodes.Done;
        }

        terminal.Result(string.Create(CultureInfo.InvariantCulture, $"F1 {own.F1:0.000} on {answers.Count} images at the model's own thresholds:"));
        if (remark is not null)
        {
            terminal.Result(remark);
        }

        terminal.Result(EvaluationTables.Labels(own));
        terminal.Result(string.Create(CultureInfo.InvariantCulture, $"F1 {best.F1:0.000} at the thresholds that are best for these images:"));
        terminal.Result(EvaluationTables.Labels(best));
        if (best.Confusion is not null)
        {
            terminal.Result("For the images of each label, the label with the best score, in percent:");
            terminal.Result(EvaluationTables.Confusion(best.Confusion));
        }

        if (best.AveragePrecision is { } precision)
        {
            terminal.Result(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"mAP@0.5 {precision:0.000}: the mean of the labels' average precision, boxes that cover each other by half counting as found."));
        }

        return left.Refused > 0 ? ExitCodes.Refused : ExitCodes.Done;

        ChanceEvidence Evidence()
        {
            List<(int Width, int Height)> sizes =
                [.. answers.Select(a => ImageDecoder.ReadHeader(LocalImage.Read(a.File))).Select(header => (header.UprightWidth, header.UprightHeight))];
            return ChanceEvidence.Of(sizes, (description.Width, description.Height), []) with
            {
                Contradictions =
                    ChanceEvidence.Contradicting(answers.Select(a => (LocalImage.Read(a.File), (IEnumerable<string>)a.Line.ImageLabels))),
            };
        }
    }

    private static (EvaluationReport Own, EvaluationReport Best) Classified(
        IReadOnlyList<string> labels, IReadOnlyList<double> thresholds, Dictionary<string, int> index,
        IReadOnlyList<(ParsedLine Line, IReadOnlyList<Prediction> Found)> answers, Func<ChanceEvidence> evidence)
    {
        var scores = new float[answers.Count, labels.Count];
        var truth = new bool[answers.Count, labels.Count];
        for (var i = 0; i < answers.Count; i++)
        {
            foreach (var prediction in answers[i].Found)
            {
                // Rounding may push a score out of its range.
                scores[i, prediction.Label] = Math.Clamp(prediction.Score, 0, 1);
            }

            foreach (var label in answers[i].Line.ImageLabels.Where(index.ContainsKey))
            {
                truth[i, index[label]] = true;
            }
        }

        var own = AtThresholds(labels, thresholds, scores, truth);
        return (own with { Remark = ChanceCheck.OfClassifier(own, scores, truth, evidence) }, ClassificationMetrics.Compute(labels, scores, truth));
    }

    private static IReadOnlyList<Prediction> Answer(TrainedModel model, string file, out string? problem)
    {
        problem = null;
        try
        {
            return model.Predict([Answers.Prepare(model, file)])[0];
        }
        catch (Exception failure) when (failure is ImageRefusedException or IOException or UnauthorizedAccessException)
        {
            problem = failure.Message;
            return [];
        }
    }
}
