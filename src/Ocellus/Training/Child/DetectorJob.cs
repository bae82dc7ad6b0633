using System.Diagnostics;
using Ocellus.Datasets.Manifests;
using Ocellus.Training.Evaluation;
using Ocellus.Training.Job;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Evaluation;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Recipes;

namespace Ocellus.Training.Child;

/// <summary>Trains and tests an object detector.</summary>
internal static class DetectorJob
{
    /// <summary>Below it a detector has hundreds of candidates for each image, and nobody would set a threshold there.</summary>
    private const float RejectedScoreMin = .05f;

    public static JobResult Run(JobInput input, CancellationToken cancel)
    {
        var (content, index) = (input.Content, input.LabelIndex);
        var training = content.Training.Usable;
        var task = new DetectorTask(
            input.Images(training),
            // Brand localization: in an image of the bare logo, the box is the whole image.
            [.. training.Select(line => content.WholeImageBoxes ? TruthBoxes.OfWholeImage(line, index) : TruthBoxes.Of(line, input.Header(line), index))],
            content.Labels);
        var plan = new DetectorPlan { Seed = input.Job.Seed, Kernels = input.Job.Kernels, Threads = input.Threads, ThreadsNow = () => input.Pace.Threads };
        plan = plan with
        {
            TimeBudget = input.Within(plan.BudgetFor(training.Count)),
            AnswerTimeMax = input.Job.AnswerMillisecondsMax is { } most ? TimeSpan.FromMilliseconds(most) : null,
        };
        plan = input.From is { } from ? GoingOnRecipe.Of(plan, training.Count) with { From = from } : plan;
        plan = input.Job.Quick ? QuickRecipe.Of(plan, training.Count) : plan;
        plan = input.Repeated?.For(plan) ?? plan;
        var started = Stopwatch.GetTimestamp();
        var result = DetectorTrainer.Train(task, plan, input.LearningProgress, input.Checkpoint, cancel);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;

        // Labels that occur only in the test are not part of the model and are not evaluated.
        List<ParsedLine> tested = [.. content.Testing.Usable.Where(line => line.BoxLabels.Any(index.ContainsKey))];
        IReadOnlyList<LabelledBox>[] truth = [.. tested.Select(line => TruthBoxes.Of(line, input.Header(line), index))];
        using var model = new TrainedModel(result.Model, result.Description, input.Threads);
        return new JobResult(
            result.Model,
            result.Description,
            Test(model),
            seconds,
            tested.Count,
            training.Select((line, i) => SnapshotWriter.TrainingLine(line, content.WholeImageBoxes ? AttributeKind.ImageLevel : AttributeKind.Boxes, i + 1)),
            Test)
        {
            Steps = (result.Steps, result.StepsPlanned),
            Remark = input.RemarkOf(result.Plan, result.Remark),
        };

        TestedModel Test(TrainedModel one)
        {
            var found = input.Predict(one, tested, cancel);
            var measured = DetectionMetrics.Compute(content.Labels.Count, truth, found);
            var report = new EvaluationReport(
                [
                    .. measured.Labels.Select(
                        l => new LabelMetrics(content.Labels[l.Label], l.Best.Threshold, l.Best.Precision, l.Best.Recall, l.Best.F1, l.Images)),
                ],
                measured.Precision,
                measured.Recall,
                measured.F1,
                AveragePrecision: measured.AveragePrecision,
                AverageRecall: measured.AverageRecall);
            report = report with { Remark = ChanceCheck.OfDetector(report, Evidence) };
            return new TestedModel(
                report,
                ended => tested.Select(
                    (line, i) => SnapshotWriter.TestingLine(line, Compare(line, input, report, truth[i], found[i], measured.Matches[i]), ended, i + 1)))
            {
                Boxes = found,
            };
        }

        ChanceEvidence Evidence()
        {
            var sizes = input.Sizes(training);
            var labels = training.Select(line => line.BoxLabels.Concat(line.ImageLabels));
            return ChanceEvidence.Of(sizes, (result.Description.Width, result.Description.Height), labels)
                .WithBoxes(sizes.Zip(task.Boxes).SelectMany(image => image.Second.Select(b => (image.First, b.Box))));
        }
    }

    /// <summary>
    /// The snapshot's boxes of one image, such that counting over the file gives the summary's numbers: every match, above the threshold
    /// or below; every candidate above it without a match; every true box without a candidate. Candidates below it without a match are true negatives, from
    /// <see cref="RejectedScoreMin"/> on: whoever looks at a lower threshold needs them.
    /// </summary>
    private static List<BoxPrediction> Compare(
        ParsedLine line, JobInput input, EvaluationReport report, IReadOnlyList<LabelledBox> truth, IReadOnlyList<Prediction> found, IReadOnlyList<int> matches)
    {
        var size = line.Attributes.First(attribute => attribute.IsValid && attribute.Kind == AttributeKind.Boxes);
        var frame = new BoxFrame(size.ImageWidth, size.ImageHeight, input.Header(line));
        var lines = new List<BoxPrediction>();
        for (var i = 0; i < found.Count; i++)
        {
            var (label, score, box) = found[i];
            Outcome? outcome = (score >= report.Labels[label].Threshold, matches[i] >= 0) switch
            {
                (true, true) => Outcome.TruePositive,
                (true, false) => Outcome.FalsePositive,
                (false, true) => Outcome.FalseNegative,
                (false, false) => score >= RejectedScoreMin ? Outcome.TrueNegative : null,
            };
            if (outcome is { } counted)
            {
                Add(label, score, box!.Value, counted, matches[i] >= 0);
            }
        }

        for (var t = 0; t < truth.Count; t++)
        {
            if (!matches.Contains(t))
            {
                Add(truth[t].Label, 0, truth[t].Box, Outcome.FalseNegative, true);
            }
        }

        return lines;

        void Add(int label, float score, Box box, Outcome outcome, bool present)
        {
            var (left, top, width, height) = frame.FromUpright(box);
            lines.Add(new BoxPrediction(report.Labels[label].Label, score, left, top, width, height, outcome, present));
        }
    }
}
