using Ocellus.Vision.Boxes;
using Ocellus.Vision.Images;
using Ocellus.Vision.Onnx;
using static TorchSharp.torch;

namespace Ocellus.Vision.Recipes;

/// <summary>
/// The localization recipe: neck and heads start from class-agnostic weights, and everything is trained end to end for as many steps
/// as fit the time budget. The same seed and number of steps give the same model.
/// </summary>
public static class DetectorTrainer
{
    /// <summary>Name of the checkpoint in its directory.</summary>
    public const string CheckpointFile = "detector.checkpoint";

    /// <summary>Phase of the single report before the training, which gives its length.</summary>
    public const string Planning = "planning";

    /// <summary>Phase of all other reports.</summary>
    public const string Training = "training";

    // They allow 3.5 GB for 8 images of 416 × 320 pixels, of which libraries, weights, moments and averages take half a gigabyte. Measured after three
    // steps: 1.78 GB with libtorch's convolutions, 1.64 GB with our own (bench/results/epyc-2-cores/own-code.md).
    private const long BytesPerPixel = 2_800, FixedBytes = 500L << 20;

    // Batch norm over fewer images is noise.
    private const int BatchMin = 2;

    /// <summary>Trains a detector.</summary>
    /// <param name="task">What is to be learnt.</param>
    /// <param name="plan">How.</param>
    /// <param name="progress">Receives the plan, then the progress.</param>
    /// <param name="checkpointDirectory">Where a checkpoint is written after each epoch and on cancellation, to resume from; null for none.</param>
    /// <param name="cancel">Ends the training between two steps.</param>
    /// <exception cref="ArgumentException">There is nothing to learn, or a label or size is impossible.</exception>
    /// <exception cref="TrainingDivergedException">The loss is not finite.</exception>
    /// <exception cref="InsufficientMemoryException">There is too little memory for even the smallest steps.</exception>
    /// <exception cref="TrainingLibraryException">libtorch cannot be loaded.</exception>
    /// <exception cref="ImageRefusedException">An image cannot be decoded.</exception>
    public static DetectorResult Train(
        DetectorTask task, DetectorPlan plan, IProgress<TrainingProgress>? progress = null, string? checkpointDirectory = null,
        CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(plan);
        Check(task, plan);
        TrainingLibrary.Check();
        set_num_threads(plan.Threads);
        OnnxFile backbone = OnnxFile.Load(plan.BackbonePath);
        using var scope = NewDisposeScope();
        string? path = checkpointDirectory is null ? null : Path.Combine(checkpointDirectory, CheckpointFile);
        DetectorInput suited = plan.Repeat is { } repeated ? new DetectorInput(repeated.Width, repeated.Height) : Choose(task, plan);
        DetectorInput input = Bounded(task, plan, backbone, suited, checkpointDirectory);
        using var run = new DetectorRun(task, plan, backbone, input, path);
        var paced = new PacedProgress(progress, run.Budget);
        run.Start(paced, cancel);
        run.Learn(paced, cancel);
        DetectorResult result = run.Finish();
        if (plan.Repeat is not null)
        {
            return result;
        }

        // What is chosen by the clock and the data is told, with what it costs.
        TimeSpan answer = AnswerTime.Of(result.Model, result.Description, task.Images.Read(0));
        return result with { Remark = $"{result.Remark} {DetectorAnswer.Text(input, suited, plan.AnswerTimeMax, answer)}".TrimStart() };
    }

    /// <summary>The input within the time of an answer. A resumed training goes on with the one that it began with.</summary>
    private static DetectorInput Bounded(DetectorTask task, DetectorPlan plan, OnnxFile backbone, DetectorInput suited, string? folder)
    {
        if (plan.AnswerTimeMax is not { } most || plan.Repeat is not null)
        {
            return suited;
        }

        string key = $"{DetectorRun.Fingerprint(task, plan, suited)}|{most}";
        if (SavedDetectorInput.Read(folder, key) is { } saved)
        {
            return saved;
        }

        DetectorInput chosen = DetectorAnswer.Within(
            suited, side => Choose(task, plan with { LongSide = side }), most, input => DetectorAnswer.Of(task, plan, backbone, input));
        new SavedDetectorInput(key, chosen.Width, chosen.Height).Write(folder);
        return chosen;
    }

    /// <summary>The network input that suits the images and boxes, smaller if memory requires it.</summary>
    internal static DetectorInput Choose(DetectorTask task, DetectorPlan plan)
    {
        var sizes = new (int, int)[task.Images.Count];
        for (int i = 0; i < sizes.Length; i++)
        {
            ImageHeader header = ImageDecoder.ReadHeader(task.Images.Read(i));
            sizes[i] = (header.UprightWidth, header.UprightHeight);
        }

        DetectorInput input = DetectorInput.Choose(sizes, task.Boxes, plan.LongSide);
        while (plan.LongSide is null && input.LongSide > DetectorInput.LongSideDefault && !Fits(input))
        {
            input = DetectorInput.Choose(sizes, task.Boxes, input.LongSide - DetectorInput.Multiple);
        }

        return input;

        bool Fits(DetectorInput candidate)
        {
            try
            {
                return BatchFor(plan, candidate) > 0;
            }
            catch (InsufficientMemoryException)
            {
                return false;
            }
        }
    }

    /// <summary>Images a step that the memory allows.</summary>
    /// <exception cref="InsufficientMemoryException">Not even the minimum fits.</exception>
    internal static int BatchFor(DetectorPlan plan, DetectorInput input) => plan.Repeat is { Batch: < TrainingMemory.BatchMin } repeated
        ? repeated.Batch
        : Math.Min(plan.Batch, TrainingMemory.Batch(
            plan.Batch, plan.Repeat?.Batch, FixedBytes + plan.ImageCacheBytes, (long)BytesPerPixel * input.Width * input.Height, plan.MemoryBytes));

    /// <summary>
    /// Steps that fit the time, steps wanted, and images a step. Large sets are planned in passes, small ones in steps; if too few
    /// steps fit the time, each has fewer images.
    /// </summary>
    /// <param name="plan">How many passes and steps are wanted.</param>
    /// <param name="images">Training images.</param>
    /// <param name="batch">Maximum images a step.</param>
    /// <param name="secondsPerImage">Measured time of a step divided by its images.</param>
    /// <param name="secondsLeft">What is left of the time budget.</param>
    internal static (int Steps, int Wanted, int Batch) Schedule(DetectorPlan plan, int images, int batch, double secondsPerImage, double secondsLeft)
    {
        double views = Math.Max(0, secondsLeft) / secondsPerImage;
        if (views < (double)plan.StepsFew * batch)
        {
            batch = (int)Math.Clamp(views / plan.StepsFew, Math.Min(BatchMin, batch), batch);
        }

        int wanted = (int)Math.Max(plan.StepsMin, Math.Ceiling(plan.Epochs * images / batch));
        return ((int)Math.Clamp(views / batch, 1, wanted), wanted, batch);
    }

    private static void Check(DetectorTask task, DetectorPlan plan)
    {
        if (task.Boxes.Count != task.Images.Count)
        {
            throw new ArgumentException(
                $"Each image needs its list of boxes: there are {task.Images.Count} images and {task.Boxes.Count} lists.", nameof(task));
        }

        if (task.Labels.Count == 0 || task.Boxes.All(b => b.Count == 0))
        {
            throw new ArgumentException("There is nothing to learn: no image has a box.", nameof(task));
        }

        foreach (LabelledBox box in task.Boxes.SelectMany(b => b))
        {
            if (box.Label < 0 || box.Label >= task.Labels.Count)
            {
                throw new ArgumentException($"A box has label {box.Label}; there are {task.Labels.Count} labels.", nameof(task));
            }
        }

        if (plan.LongSide is { } side && (side <= 0 || side % DetectorInput.Multiple != 0))
        {
            throw new ArgumentException($"The long side must be a multiple of {DetectorInput.Multiple}; received {side}.", nameof(plan));
        }

        if (plan.Batch < 1)
        {
            throw new ArgumentException($"A step needs at least one image; received {plan.Batch}.", nameof(plan));
        }
    }
}
