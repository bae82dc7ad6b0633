using Ocellus.Vision.Evaluation;
using Ocellus.Vision.Images;
using Ocellus.Vision.Onnx;
using TorchSharp;
using static TorchSharp.torch;

namespace Ocellus.Vision.Training;

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

    /// <summary>Phase of the reports after each epoch.</summary>
    public const string Training = "training";

    // Measured: 3 GB at 8 pictures of 416 × 416 pixels.
    private const double BytesPerPixel = 2_200;

    // Share of the memory there is; the rest is for pictures, the runtime and other processes.
    private const double MemoryShare = .7;

    // Batch norm of fewer pictures is noise.
    private const int BatchMin = 2;

    /// <summary>Trains a detector.</summary>
    /// <param name="task">What is to be learnt.</param>
    /// <param name="plan">How.</param>
    /// <param name="progress">Told the plan, then after each epoch.</param>
    /// <param name="checkpointDirectory">Where a checkpoint is written after each epoch and looked for at the start; null for none.</param>
    /// <param name="cancel">Ends the training between two steps.</param>
    /// <exception cref="ArgumentException">There is nothing to learn, or a label or size is impossible.</exception>
    /// <exception cref="DetectorDivergedException">The loss is no number any more.</exception>
    /// <exception cref="PictureRefusedException">A picture cannot be decoded.</exception>
    public static DetectorResult Train(
        DetectorTask task, DetectorPlan plan, IProgress<TrainingProgress>? progress = null, string? checkpointDirectory = null, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(plan);
        Check(task, plan);
        set_num_threads(plan.Threads);
        OnnxFile backbone = OnnxFile.Load(plan.BackbonePath);
        using var scope = NewDisposeScope();
        using var run = new DetectorRun(task, plan, backbone, Choose(task, plan));
        run.Start(checkpointDirectory is null ? null : Path.Combine(checkpointDirectory, CheckpointFile), cancel);
        progress?.Report(new TrainingProgress(Planning, 0, run.Epochs, null, run.SecondsLeft));
        while (!run.Finished)
        {
            run.Epoch(cancel);
            progress?.Report(new TrainingProgress(Training, run.EpochsDone, run.Epochs, run.Loss, run.SecondsLeft));
        }

        return run.Finish();
    }

    /// <summary>The network input that the pictures and boxes ask for.</summary>
    internal static DetectorInput Choose(DetectorTask task, DetectorPlan plan)
    {
        var sizes = new (int, int)[task.Pictures.Count];
        for (int i = 0; i < sizes.Length; i++)
        {
            PictureHeader header = Pictures.ReadHeader(task.Pictures.Read(i));
            sizes[i] = (header.UprightWidth, header.UprightHeight);
        }

        return DetectorInput.Choose(sizes, task.Boxes, plan.LongSide);
    }

    /// <summary>Pictures a step that the memory allows.</summary>
    internal static int BatchFor(DetectorPlan plan, DetectorInput input)
    {
        GCMemoryInfo memory = GC.GetGCMemoryInfo();
        double bytes = plan.MemoryBytes ?? Math.Max(0, memory.TotalAvailableMemoryBytes - memory.MemoryLoadBytes) * MemoryShare;
        return (int)Math.Clamp(bytes / (BytesPerPixel * input.Width * input.Height), Math.Min(BatchMin, plan.Batch), plan.Batch);
    }

    /// <summary>
    /// Steps and pictures a step. Passes count for large sets, steps for small ones; where the time holds fewer steps than a small
    /// set needs, they become smaller.
    /// </summary>
    /// <param name="plan">How many passes and steps are wanted.</param>
    /// <param name="pictures">Training pictures.</param>
    /// <param name="batch">Most pictures a step.</param>
    /// <param name="secondsPerPicture">Measured, of a step divided by its pictures.</param>
    /// <param name="secondsLeft">Of the time budget.</param>
    internal static (int Steps, int Batch) Schedule(DetectorPlan plan, int pictures, int batch, double secondsPerPicture, double secondsLeft)
    {
        double views = Math.Max(0, secondsLeft) / secondsPerPicture;
        if (views < (double)plan.StepsMin * batch)
        {
            batch = (int)Math.Clamp(Math.Ceiling(views / plan.StepsMin), Math.Min(BatchMin, batch), batch);
        }

        double wanted = Math.Max(plan.StepsMin, Math.Ceiling(plan.Epochs * pictures / batch));
        return ((int)Math.Max(1, Math.Min(wanted, views / batch)), batch);
    }

    private static void Check(DetectorTask task, DetectorPlan plan)
    {
        if (task.Boxes.Count != task.Pictures.Count)
        {
            throw new ArgumentException($"Each picture needs its list of boxes: there are {task.Pictures.Count} pictures and {task.Boxes.Count} lists.", nameof(task));
        }

        if (task.Labels.Count == 0 || task.Boxes.All(b => b.Count == 0))
        {
            throw new ArgumentException("There is nothing to learn: no picture has a box.", nameof(task));
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
            throw new ArgumentException($"A step needs at least one picture; received {plan.Batch}.", nameof(plan));
        }
    }
}
