using Ocellus.Datasets.Manifests;
using Ocellus.Training.Evaluation;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Recipes;

namespace Ocellus.Training.Job;

/// <summary>The input of a recipe: checked lines and their images.</summary>
/// <param name="Job">What is to be trained.</param>
/// <param name="Content">Lines and labels.</param>
/// <param name="Bytes">The image of a usable line.</param>
/// <param name="Header">Its header, as read by the image check.</param>
/// <param name="Threads">Threads to use.</param>
/// <param name="Pace">Threads of the next step.</param>
/// <param name="Checkpoint">Folder for checkpoints.</param>
/// <param name="Progress">Receives progress.</param>
internal sealed record JobInput(
    JobDescription Job, ContentResult Content, Func<ParsedLine, byte[]> Bytes, Func<ParsedLine, ImageHeader> Header, int Threads, TrainingPace Pace,
    string Checkpoint, IProgress<JobProgress> Progress)
{
    /// <summary>Images put through the finished model at once.</summary>
    private const int TestBatch = 8;

    /// <summary>The time of a recipe, or the job's budget if that is less.</summary>
    public TimeSpan Within(TimeSpan recipe) => TimeSpan.FromSeconds(Math.Min(recipe.TotalSeconds, Job.TimeBudgetSeconds));

    /// <summary>The plan to repeat; null to make one.</summary>
    public CarriedPlan? Repeated { get; } = Job.Plan is { } plan ? CarriedPlan.FromJson(plan) : null;

    /// <summary>The model to go on from; null to begin from the pretrained network.</summary>
    public StartModel? From { get; init; }

    /// <summary>What the user should know of how the model came about; null if there is nothing.</summary>
    /// <param name="carried">The plan that was carried out.</param>
    /// <param name="remark">The recipe's own.</param>
    public string? RemarkOf(CarriedPlan carried, string? remark)
    {
        string?[] all = [Job.Quick ? QuickRecipe.Remark : null, From?.RemarkOn(Content.Labels), Repeated?.Difference(carried) ?? remark];
        return all.Any(one => one is not null) ? string.Join(' ', all.OfType<string>()) : null;
    }

    public IProgress<TrainingProgress> LearningProgress => new Forward(Progress);

    /// <summary>Index of each label of the model.</summary>
    public Dictionary<string, int> LabelIndex { get; } = Content.Labels.Select((label, i) => (label, i))
        .ToDictionary(p => p.label, p => p.i, StringComparer.Ordinal);

    public ImageSource Images(IReadOnlyList<ParsedLine> lines) => new(lines.Count, index => Bytes(lines[index]));

    /// <summary>Upright size of each line's image.</summary>
    public IReadOnlyList<(int Width, int Height)> Sizes(IReadOnlyList<ParsedLine> lines) =>
        [.. lines.Select(line => (Header(line).UprightWidth, Header(line).UprightHeight))];

    /// <summary>Puts images through the finished model, in order.</summary>
    public IReadOnlyList<IReadOnlyList<Prediction>> Predict(TrainedModel model, IReadOnlyList<ParsedLine> lines, CancellationToken cancel)
    {
        var predictions = new List<IReadOnlyList<Prediction>>(lines.Count);
        foreach (var batch in lines.Chunk(TestBatch))
        {
            cancel.ThrowIfCancellationRequested();
            Progress.Report(new JobProgress("testing", predictions.Count, lines.Count, null, null));
            predictions.AddRange(
                model.Predict(
                    [.. batch.AsParallel().AsOrdered().WithDegreeOfParallelism(Threads).Select(line => model.Prepare(Bytes(line), ImageLimits.Default))]));
        }

        return predictions;
    }

    private sealed class Forward(IProgress<JobProgress> progress) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => progress.Report(JobProgress.Of(value));
    }
}

/// <summary>How a model did on the test images.</summary>
/// <param name="Report">Metrics, with the thresholds.</param>
/// <param name="Snapshot">Lines of the test snapshot, given the end of the evaluation.</param>
internal sealed record TestedModel(EvaluationReport Report, Func<DateTimeOffset, IEnumerable<string>> Snapshot)
{
    /// <summary>Of a classifier: image × label.</summary>
    public float[,]? Scores { get; init; }

    /// <summary>Of a detector: what it found in each image, at any score.</summary>
    public IReadOnlyList<IReadOnlyList<Prediction>>? Boxes { get; init; }
}

/// <summary>A trained and tested model.</summary>
/// <param name="Model">Content of model.onnx.</param>
/// <param name="Description">Content of model.json, without thresholds.</param>
/// <param name="Tested">How it did.</param>
/// <param name="Seconds">Seconds of learning.</param>
/// <param name="TestedLines">Test lines that were used.</param>
/// <param name="TrainingSnapshot">Lines of the training snapshot.</param>
/// <param name="Test">Tests another model of the same labels on the same images.</param>
internal sealed record JobResult(
    byte[] Model, ModelDescription Description, TestedModel Tested, double Seconds, int TestedLines, IEnumerable<string> TrainingSnapshot,
    Func<TrainedModel, TestedModel> Test)
{
    /// <summary>Steps of learning, and how many there would have been if time were not short.</summary>
    public (int Taken, int Planned) Steps { get; init; }

    /// <summary>A note of the recipe for the user; null if there is none.</summary>
    public string? Remark { get; init; }
}
