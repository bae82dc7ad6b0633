using System.Diagnostics;
using Ocellus.Datasets.Manifests;
using Ocellus.Training.Evaluation;
using Ocellus.Training.Job;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Recipes;

namespace Ocellus.Training.Child;

/// <summary>Trains and tests a classifier, single- or multi-label.</summary>
internal static class ClassifierJob
{
    public static JobResult Run(JobInput input, CancellationToken cancel)
    {
        var (content, index) = (input.Content, input.LabelIndex);
        var training = content.Training.Usable;
        var task = new ClassifierTask(
            input.Images(training), [.. training.Select(line => (IReadOnlyList<int>)[.. line.ImageLabels.Select(l => index[l])])], content.Labels,
            content.IsMultiLabel);
        var plan = new ClassifierPlan
        {
            Seed = input.Job.Seed,
            Kernels = input.Job.Kernels,
            Threads = input.Threads,
            ThreadsNow = () => input.Pace.Threads,
            TimeBudget = input.Within(ClassifierPlan.RecipeTime(training.Count, input.Threads)),
            TimeLimit = TimeSpan.FromSeconds(input.Job.TimeBudgetSeconds),
            Search = new DesignSearch
            {
                AnswerTimeMax = input.Job.AnswerMillisecondsMax is { } most ? TimeSpan.FromMilliseconds(most) : null,
            },
        };
        plan = input.From is { } from ? GoingOnRecipe.Of(plan, training.Count) with { From = from } : plan;
        plan = input.Job.Quick ? QuickRecipe.Of(plan, training.Count) : plan;
        plan = input.Repeated?.For(task, plan) ?? plan;
        var started = Stopwatch.GetTimestamp();
        var result = ClassifierTrainer.Train(task, plan, input.LearningProgress, input.Checkpoint, cancel);
        var seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;

        // Labels that occur only in the test are not part of the model and are not evaluated.
        List<ParsedLine> tested = [.. content.Testing.Usable.Where(line => line.ImageLabels.Any(index.ContainsKey))];
        var truth = new bool[tested.Count, content.Labels.Count];
        for (var i = 0; i < tested.Count; i++)
        {
            foreach (var label in tested[i].ImageLabels.Where(index.ContainsKey))
            {
                truth[i, index[label]] = true;
            }
        }

        using var model = new TrainedModel(result.Model, result.Description, input.Threads);
        return new JobResult(
            result.Model,
            result.Description,
            Test(model),
            seconds,
            tested.Count,
            training.Select((line, i) => SnapshotWriter.TrainingLine(line, AttributeKind.ImageLevel, i + 1)),
            Test)
        {
            Steps = result.Steps,
            Remark = input.RemarkOf(result.Plan, result.Remark),
        };

        TestedModel Test(TrainedModel one)
        {
            var scores = new float[tested.Count, content.Labels.Count];
            var predictions = input.Predict(one, tested, cancel);
            for (var i = 0; i < tested.Count; i++)
            {
                foreach (var prediction in predictions[i])
                {
                    scores[i, prediction.Label] = prediction.Score;
                }
            }

            var report = ClassificationMetrics.Compute(content.Labels, scores, truth);
            report = report with { Remark = ChanceCheck.OfClassifier(report, scores, truth, Evidence) };
            return new TestedModel(
                report,
                ended => tested.Select((line, i) => SnapshotWriter.TestingLine(
                    line,
                    [.. report.Labels.Select((label, l) => new LabelPrediction(label.Label, scores[i, l], label.Threshold, truth[i, l]))],
                    ended,
                    i + 1)))
            {
                Scores = scores,
            };
        }

        ChanceEvidence Evidence() =>
            ChanceEvidence.Of(input.Sizes(training), (result.Description.Width, result.Description.Height), training.Select(line => line.ImageLabels)) with
            {
                Contradictions = ChanceEvidence.Contradicting(training.Select(line => (input.Bytes(line), (IEnumerable<string>)line.ImageLabels))),
            };
    }
}
