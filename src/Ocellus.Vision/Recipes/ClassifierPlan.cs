using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Kernels;

namespace Ocellus.Vision.Recipes;

/// <summary>What is to be learnt.</summary>
/// <param name="Images">The training images.</param>
/// <param name="Targets">For each image the indexes of its labels; exactly one unless <paramref name="MultiLabel"/>.</param>
/// <param name="Labels">Names of the labels.</param>
/// <param name="MultiLabel">True when every label is a question of its own.</param>
public sealed record ClassifierTask(ImageSource Images, IReadOnlyList<IReadOnlyList<int>> Targets, IReadOnlyList<string> Labels, bool MultiLabel);

/// <summary>Every hyper-parameter of classification, with its unit and reason.</summary>
public sealed record ClassifierPlan
{
    public string BackbonePath { get; init; } = FeatureExtractor.DefaultBackbone;

    /// <summary>Network side in pixels, a multiple of 32. 288 brings half a point of accuracy for 1.7 times the time.</summary>
    public int Size { get; init; } = 224;

    /// <summary>Random views of each image, beside the plain one, for the linear head; fewer for large sets, see <see cref="FeatureRowsMax"/>.</summary>
    public int Views { get; init; } = 5;

    /// <summary>Most views in all, so that their embeddings (5 KiB each) and the fit of the head stay small: 40,000 are 200 MiB.</summary>
    public int FeatureRowsMax { get; init; } = 40_000;

    /// <summary>Weight of the loss's sum against half the squared weights of the linear head, as in scikit-learn's C.</summary>
    public double Regularisation { get; init; } = .01;

    /// <summary>
    /// Smallest share of an image's area that a random view shows. Smaller ones show things larger than the finished model sees them in whole
    /// images, and now and then not the thing at all: .35 and .8 learn flowers less well.
    /// </summary>
    public double ViewAreaMin { get; init; } = .6;

    public bool FineTune { get; init; } = true;

    /// <summary>Passes over the images while fine-tuning; fewer when the time budget is short.</summary>
    public int Epochs { get; init; } = 11;

    /// <summary>Fewest steps of fine-tuning, for sets so small that their passes have only a few: steps count, not passes.</summary>
    public int StepsMin { get; init; } = 100;

    /// <summary>Images a step when memory is plenty; 16 at 224 px need about 1.9 GB. Rates are for this number.</summary>
    public int Batch { get; init; } = 16;

    public double HeadRate { get; init; } = 1e-3;

    /// <summary>A fifth of the head's: the backbone already knows most of it. A tenth learns flowers less well, a half forgets too much.</summary>
    public double BackboneRate { get; init; } = 2e-4;

    public double WeightDecay { get; init; } = .05;

    public double LabelSmoothing { get; init; } = .1;

    public double Dropout { get; init; } = .2;

    /// <summary>Steps until the full rate is reached.</summary>
    public int WarmUpSteps { get; init; } = 20;

    /// <summary>The running average's share of the past at each step: it spans about the last 50 steps.</summary>
    public double AverageDecay { get; init; } = .98;

    /// <summary>
    /// Side of the network, as a share of <see cref="Size"/>, until <see cref="ChooseAt"/>: steps at 6/7 (192 px) cost a quarter
    /// less, and the last ones are at full size.
    /// </summary>
    public double StartScale { get; init; } = 6.0 / 7;

    /// <summary>Share of the steps after which linear head and fine-tuned network are compared; then the held-back images are learnt too.</summary>
    public double ChooseAt { get; init; } = .7;

    /// <summary>Share of each label's images that at first only decides between the linear head and the fine-tuned network.</summary>
    public double HeldBack { get; init; } = .1;

    /// <summary>A label with so many images has at least one held back; with fewer it cannot spare any.</summary>
    public int HeldBackLabelMin { get; init; } = 3;

    public int Seed { get; init; }

    /// <summary>Whose operations convolve.</summary>
    public KernelChoice Kernels { get; init; }

    /// <summary>Threads of libtorch and of ONNX Runtime, which never run at the same time.</summary>
    public int Threads { get; init; } = Math.Max(1, Environment.ProcessorCount);

    /// <summary>Threads for the next step, at most <see cref="Threads"/>; asked before each. Null: always as many as planned.</summary>
    public Func<int>? ThreadsNow { get; init; }

    /// <summary>
    /// How long the training may take. Embedding the plain images once and fitting the head on them is always done; everything
    /// else is left out or shortened when there is no time for it.
    /// </summary>
    public TimeSpan TimeBudget { get; init; } = TimeSpan.FromHours(1);

    /// <summary>
    /// What the recipe takes on two cores: 300 images in less than two minutes with their evaluation, and 0.4 s more for each further one. On a machine
    /// that is slower than it was planned for, passes are left out rather than the user made to wait; with one thread it is twice as long.
    /// </summary>
    public static TimeSpan RecipeTime(int images, int threads) => TimeSpan.FromSeconds(112 + .4 * Math.Max(0, images - 300)) * (threads == 1 ? 2 : 1);

    /// <summary>Decoded images kept in memory, in bytes; beyond it they are decoded again each time.</summary>
    public long ImageCacheBytes { get; init; } = 512L << 20;

    /// <summary>Memory that may be used, in bytes; null for what the system says is available.</summary>
    public long? MemoryBytes { get; init; }
}

/// <summary>A trained classifier and how the two candidates did on the held-back images (null where they were not compared).</summary>
/// <param name="Model">Content of model.onnx.</param>
/// <param name="Description">Content of model.json.</param>
/// <param name="LinearScore">Accuracy (one label an image) or micro F1 (several) of the linear head, 0 to 1.</param>
/// <param name="FineTunedScore">The same of the fine-tuned network when it was compared.</param>
/// <param name="EpochsRun">Passes of fine-tuning, 0 when there was none.</param>
public sealed record ClassifierResult(byte[] Model, ModelDescription Description, double? LinearScore, double? FineTunedScore, int EpochsRun)
{
    /// <summary>What a person should know about the way it was trained, for example that time was short; null when nothing.</summary>
    public string? Remark { get; init; }

    /// <summary>Writes model.onnx and model.json; each appears whole or not at all.</summary>
    public void Save(string folder) => ModelFiles.Save(folder, Model, Description);
}
