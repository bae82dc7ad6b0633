using System.Text.Json.Serialization;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Kernels;

namespace Ocellus.Vision.Recipes;

/// <summary>What is to be learnt.</summary>
/// <param name="Images">The training images.</param>
/// <param name="Boxes">
/// For each image its boxes as ratios of the image as shown (EXIF orientation applied); none for an image without
/// objects. Boxes are clipped to the image; those without area are left out.
/// </param>
/// <param name="Labels">Names of the labels.</param>
public sealed record DetectorTask(ImageSource Images, IReadOnlyList<IReadOnlyList<LabelledBox>> Boxes, IReadOnlyList<string> Labels);

/// <summary>Every hyper-parameter of localization, with its unit and reason.</summary>
public sealed record DetectorPlan
{
    [JsonIgnore]
    public string BackbonePath { get; init; } = FeatureExtractor.DefaultBackbone;

    /// <summary>Start weights of neck and heads. They gain more than anything else here; see the notes on the start file in NOTICE.</summary>
    [JsonIgnore]
    public string StartPath { get; init; } = Path.Combine(AppContext.BaseDirectory, "backbone", "detector-start.onnx");

    /// <summary>Longer side of the network input in pixels, a multiple of 32; null to choose it from the boxes.</summary>
    public int? LongSide { get; init; }

    /// <summary>Images a step; fewer where memory or the time budget requires it.</summary>
    public int Batch { get; init; } = 8;

    /// <summary>Rate of neck and heads at <see cref="RateBatch"/> images a step; it scales with the square root of their number.</summary>
    /// <remarks>On blood cells, 330 steps of 5 images: 2e-3 mAP@0.5 0.882, 3e-3 0.893, 5e-3 0.899.</remarks>
    public double Rate { get; init; } = 5e-3;

    /// <summary>A tenth of the neck's, because the backbone already knows most features.</summary>
    public double BackboneRate { get; init; } = 5e-4;

    /// <summary>
    /// Frozen blocks of the backbone, after the stem; 0 to train everything. Freezing the stem and two blocks makes a step a fifth
    /// shorter, but on blood cells 457 such steps reach mAP@0.5 0.890, and 438 full ones 0.905.
    /// </summary>
    public int FrozenBlocks { get; init; }

    /// <summary>Images a step for which the rates were tuned.</summary>
    public int RateBatch { get; init; } = 8;

    public double WeightDecay { get; init; } = .05;

    /// <summary>Steps until the full rate is reached.</summary>
    public int WarmUpSteps { get; init; } = 60;

    /// <summary>Share of the running average that is kept at each step; the averaged weights are the model.</summary>
    public double Average { get; init; } = .998;

    /// <summary>Maximum norm of the gradient; a longer one is scaled down to it.</summary>
    public double GradientNormMax { get; init; } = 10;

    /// <summary>Passes over the images; more are not worth their time.</summary>
    public double Epochs { get; init; } = 14;

    /// <summary>Minimum steps, however few the images: a small set needs as many as a large one.</summary>
    public int StepsMin { get; init; } = 480;

    /// <summary>
    /// If fewer steps than this fit the time, each has fewer images. In the same time on blood cells, 273 steps of 8 images reach mAP@0.5 0.905 and
    /// F1 0.864, and 397 of 5 images 0.907 and 0.869.
    /// </summary>
    public int StepsFew { get; init; } = 400;

    /// <summary>
    /// Minimum scale of a view, relative to the scale at which the image just fits. In the ten to twenty passes that fit the time, little is
    /// memorised, so sizes far from those that the model will see cost more than they gain (0.7 to 1.28: mAP@0.5 0.882, 0.85 to 1.15: 0.891).
    /// </summary>
    public double ScaleMin { get; init; } = .85;

    /// <summary>Maximum scale of a view, relative to the scale at which the image just fits.</summary>
    public double ScaleMax { get; init; } = 1.15;

    /// <summary>Share of views that are mosaics of four images; none in the last quarter of the steps.</summary>
    public double Mosaic { get; init; }

    /// <summary>How scores are calibrated.</summary>
    public BoxCalibrationPlan Calibration { get; init; } = new();

    /// <summary>
    /// Time for the whole training; the number of steps follows from a timed step. Null for 272 s, plus 0.8 s for each image beyond
    /// 300, which leaves a job of 300 s time for its evaluation.
    /// </summary>
    [JsonIgnore]
    public TimeSpan? TimeBudget { get; init; }

    /// <summary>Maximum time of an answer on one core, which bounds the input; null for no maximum.</summary>
    [JsonIgnore]
    public TimeSpan? AnswerTimeMax { get; init; }

    public int Seed { get; init; }

    /// <summary>Which convolution kernels to use.</summary>
    public KernelChoice Kernels { get; init; }

    /// <summary>Threads of libtorch.</summary>
    public int Threads { get; init; } = Math.Max(1, Environment.ProcessorCount);

    /// <summary>Threads for the next step, at most <see cref="Threads"/>; called before each step. Null: always <see cref="Threads"/>.</summary>
    [JsonIgnore]
    public Func<int>? ThreadsNow { get; init; }

    /// <summary>Bytes of decoded images kept in memory: 600 at 416 px. The others are decoded again each time.</summary>
    [JsonIgnore]
    public long ImageCacheBytes { get; init; } = 512L << 20;

    /// <summary>Memory that may be used, in bytes; null for what the system reports as available.</summary>
    [JsonIgnore]
    public long? MemoryBytes { get; init; }

    /// <summary>What an earlier training chose, to do the same whatever the clock; the time budget has no effect then. Null to choose.</summary>
    [JsonIgnore]
    public PlanRun? Repeat { get; init; }

    /// <summary>The time budget for a number of images.</summary>
    public TimeSpan BudgetFor(int images) => TimeBudget ?? TimeSpan.FromSeconds(272 + .8 * Math.Max(0, images - 300));
}

/// <summary>A trained detector and how it was trained.</summary>
/// <param name="Model">Content of model.onnx.</param>
/// <param name="Description">Content of model.json.</param>
/// <param name="Steps">Steps run.</param>
/// <param name="Batch">Images a step.</param>
/// <param name="Loss">Mean loss of the last epoch.</param>
/// <param name="Seconds">Time of the training, without interruptions.</param>
public sealed record DetectorResult(byte[] Model, ModelDescription Description, int Steps, int Batch, double Loss, double Seconds)
{
    /// <summary>The plan that was carried out; also in the description.</summary>
    public required CarriedPlan Plan { get; init; }

    /// <summary>Steps if time were not short.</summary>
    public int StepsPlanned { get; init; }

    /// <summary>A note for the user on how it was trained, for example that time was short; null if there is none.</summary>
    public string? Remark { get; init; }

    /// <summary>Writes model.onnx and model.json, each atomically.</summary>
    public void Save(string folder) => ModelFiles.Save(folder, Model, Description);
}
