using Ocellus.Vision.Boxes;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Kernels;

namespace Ocellus.Vision.Recipes;

/// <summary>What is to be learnt.</summary>
/// <param name="Images">The training images.</param>
/// <param name="Boxes">
/// For each image its boxes as ratios of the image as shown (EXIF orientation applied); none where the image only shows what
/// is not to be found. What reaches over the edge is cut off, a box without area is left out.
/// </param>
/// <param name="Labels">Names of the labels.</param>
public sealed record DetectorTask(ImageSource Images, IReadOnlyList<IReadOnlyList<LabelledBox>> Boxes, IReadOnlyList<string> Labels);

/// <summary>Every hyper-parameter of localization, with its unit and reason.</summary>
public sealed record DetectorPlan
{
    public string BackbonePath { get; init; } = FeatureExtractor.DefaultBackbone;

    /// <summary>Start of neck and heads. It is worth more than anything else here: see the notes on the start file in NOTICE.</summary>
    public string StartPath { get; init; } = Path.Combine(AppContext.BaseDirectory, "backbone", "detector-start.onnx");

    /// <summary>Longer side of the network input in pixels, a multiple of 32; null to choose it from the boxes.</summary>
    public int? LongSide { get; init; }

    /// <summary>Images a step. Fewer where the memory or the time budget asks for it.</summary>
    public int Batch { get; init; } = 8;

    /// <summary>Rate of neck and heads at <see cref="RateBatch"/> images a step; with fewer it falls with the root of their number.</summary>
    /// <remarks>On blood cells, 330 steps of 5 images: 2e-3 mAP@0.5 0.882, 3e-3 0.893, 5e-3 0.899.</remarks>
    public double Rate { get; init; } = 5e-3;

    /// <summary>A tenth of the neck's: the backbone already knows most of it.</summary>
    public double BackboneRate { get; init; } = 5e-4;

    /// <summary>
    /// Blocks of the backbone, after the stem, that keep their weights; 0 to train all. Keeping the stem and two blocks makes a step
    /// a fifth shorter, but on blood cells 457 such steps reach mAP@0.5 0.890 and 438 of everything 0.905.
    /// </summary>
    public int FrozenBlocks { get; init; }

    /// <summary>Images a step that the rates were found for.</summary>
    public int RateBatch { get; init; } = 8;

    public double WeightDecay { get; init; } = .05;

    /// <summary>Steps until the full rate is reached.</summary>
    public int WarmUpSteps { get; init; } = 60;

    /// <summary>Share of the running average that stays at each step; the averaged weights are the model.</summary>
    public double Average { get; init; } = .998;

    /// <summary>Longest gradient; a longer one is shortened.</summary>
    public double GradientNormMax { get; init; } = 10;

    /// <summary>Passes over the images that are worth their time.</summary>
    public double Epochs { get; init; } = 14;

    /// <summary>Least steps, whatever the number of images: a small set needs as many as a large one.</summary>
    public int StepsMin { get; init; } = 480;

    /// <summary>
    /// Steps below which images a step are given up for more steps. The same time on blood cells: 273 steps of 8 images mAP@0.5 0.905, F1 0.864;
    /// 397 of 5 images 0.907, 0.869.
    /// </summary>
    public int StepsFew { get; init; } = 400;

    /// <summary>
    /// Smallest scale of a view, as share of the scale at which the image just fits. The time holds ten to twenty passes, in which little
    /// is learnt by heart: sizes far from those that the model will be asked about cost more than they bring (0.7 to 1.28: mAP@0.5 0.882, 0.85 to 1.15: 0.891).
    /// </summary>
    public double ScaleMin { get; init; } = .85;

    /// <summary>Largest scale of a view, as share of the scale at which the image just fits.</summary>
    public double ScaleMax { get; init; } = 1.15;

    /// <summary>Share of views that are put together from four images; none in the last quarter of the steps.</summary>
    public double Mosaic { get; init; }

    /// <summary>
    /// Time for everything; the number of steps follows from a measured step. Null for 272 s up to 300 images and 0.8 s more for
    /// each further one, which leaves a job of 300 s time for its evaluation.
    /// </summary>
    public TimeSpan? TimeBudget { get; init; }

    public int Seed { get; init; }

    /// <summary>Whose operations convolve.</summary>
    public KernelChoice Kernels { get; init; }

    /// <summary>Threads of libtorch.</summary>
    public int Threads { get; init; } = Math.Max(1, Environment.ProcessorCount);

    /// <summary>Threads for the next step, at most <see cref="Threads"/>; asked before each. Null: always as many as planned.</summary>
    public Func<int>? ThreadsNow { get; init; }

    /// <summary>Decoded images kept in memory, in bytes; beyond it they are decoded again each time. 600 images at 416 px.</summary>
    public long ImageCacheBytes { get; init; } = 512L << 20;

    /// <summary>Memory there is for the training, in bytes; null to ask the system.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>The time budget for a number of images.</summary>
    public TimeSpan BudgetFor(int images) => TimeBudget ?? TimeSpan.FromSeconds(272 + .8 * Math.Max(0, images - 300));
}

/// <summary>A trained detector and how it was trained.</summary>
/// <param name="Model">Content of model.onnx.</param>
/// <param name="Description">Content of model.json.</param>
/// <param name="Steps">Steps run.</param>
/// <param name="Batch">Images a step.</param>
/// <param name="Loss">Mean loss of the last epoch.</param>
/// <param name="Seconds">Time of the training, interruptions left out.</param>
public sealed record DetectorResult(byte[] Model, ModelDescription Description, int Steps, int Batch, double Loss, double Seconds)
{
    /// <summary>Writes model.onnx and model.json; each appears whole or not at all.</summary>
    public void Save(string folder) => ModelFiles.Save(folder, Model, Description);
}
