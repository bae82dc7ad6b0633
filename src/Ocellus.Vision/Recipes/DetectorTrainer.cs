using Ocellus.Vision.Boxes;
using Ocellus.Vision.Images;
using Ocellus.Vision.Onnx;
using static TorchSharp.torch;

namespace Ocellus.Vision.Recipes;

/// <summary>
/// The localization recipe: from class-agnostic start weights of neck and heads everything is trained end to end for a number of
/// steps that fits the time budget. The same seed and number of steps give the same model.
/// </summary>
public static class DetectorTrainer
{
    /// <summary>Name of the checkpoint in its directory.</summary>
    public const string CheckpointFile = "detector.checkpoint";

    /// <summary>Phase of the one report before the training, which tells its length.</summary>
    public const string Planning = "planning";

    /// <summary>Phase of all other reports.</summary>
    public const string Training = "training";

    // Measured: 3.5 GB at 8 images of 416 × 320 pixels (2.4 where a processor has the vectors for ExpandedDepthwise), of which libraries, weights,
    // moments and averages take half a gigabyte.
    private const long BytesPerPixel = 2_800, FixedBytes = 500L << 20;

    // Batch norm of fewer images is noise.
    private const int BatchMin = 2;

    /// <summary>Trains a detector.</summary>
    /// <param name="task">What is to be learnt.</param>
    /// <param name="plan">How.</param>
    /// <param name="progress">Told the plan, then how far it is.</param>
    /// <param name="checkpointDirectory">Where a checkpoint is written after each epoch and when cancelled, and looked for at the start; null for none.</param>
    /// <param name="cancel">Ends the training between two steps.</param>
    /// <exception cref="ArgumentException">There is nothing to learn, or a label or size is impossible.</exception>
    /// <exception cref="TrainingDivergedException">The loss is no number any more.</exception>
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
        using var run = new DetectorRun(task, plan, backbone, Choose(task, plan), path);
        var paced = new PacedProgress(progress);
        run.Start(paced, cancel);
        run.Learn(paced, cancel);
        return run.Finish();
    }

    /// <summary>The network input that the images and boxes ask for, smaller where the memory asks for it.</summary>
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
    /// <exception cref="InsufficientMemoryException">Not even the fewest fit.</exception>
    internal static int BatchFor(DetectorPlan plan, DetectorInput input) => Math.Min(plan.Batch, TrainingMemory.Batch(
        plan.Batch, FixedBytes + plan.ImageCacheBytes, (long)BytesPerPixel * input.Width * input.Height, plan.MemoryBytes ?? TrainingMemory.Available()));

    /// <summary>
    /// Steps that fit the time, steps that are wanted, and images a step. Passes count for large sets, steps for small ones; where
    /// the time holds too few steps, they become smaller.
    /// </summary>
    /// <param name="plan">How many passes and steps are wanted.</param>
    /// <param name="images">Training images.</param>
    /// <param name="batch">Most images a step.</param>
    /// <param name="secondsPerImage">Measured, of a step divided by its images.</param>
    /// <param name="secondsLeft">Of the time budget.</param>
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
            throw new ArgumentException($"The long side has to be a multiple of {DetectorInput.Multiple}; received {side}.", nameof(plan));
        }

        if (plan.Batch < 1)
        {
            throw new ArgumentException($"A step needs at least one image; received {plan.Batch}.", nameof(plan));
        }
    }
}
