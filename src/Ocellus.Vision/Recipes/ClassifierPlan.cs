using System.Text.Json.Serialization;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Kernels;

namespace Ocellus.Vision.Recipes;

/// <summary>What is to be learnt.</summary>
/// <param name="Images">The training images.</param>
/// <param name="Targets">For each image the indexes of its labels; exactly one unless <paramref name="MultiLabel"/>.</param>
/// <param name="Labels">Names of the labels.</param>
/// <param name="MultiLabel">True if labels are independent of one another.</param>
public sealed record ClassifierTask(ImageSource Images, IReadOnlyList<IReadOnlyList<int>> Targets, IReadOnlyList<string> Labels, bool MultiLabel);

/// <summary>Every hyper-parameter of classification, with its unit and reason.</summary>
public sealed record ClassifierPlan
{
    [JsonIgnore]
    public string BackbonePath { get; init; } = FeatureExtractor.DefaultBackbone;

    /// <summary>Network side in pixels, a multiple of 32. 288 gains half a point of accuracy but takes 1.7 times as long.</summary>
    public int Size { get; init; } = 224;

    /// <summary>Random views of each image for the linear head, besides the plain one; fewer for large sets, see <see cref="FeatureRowsMax"/>.</summary>
    public int Views { get; init; } = 5;

    /// <summary>Maximum views in all. It bounds the memory of their embeddings (5 KiB each: 200 MiB) and the time to fit the head.</summary>
    public int FeatureRowsMax { get; init; } = 40_000;

    /// <summary>Weight of the summed loss relative to half the squared weights of the linear head, as in scikit-learn's C.</summary>
    public double Regularisation { get; init; } = .01;

    /// <summary>
    /// Minimum share of an image's area that a random view shows. Smaller views show objects larger than the finished model sees them in whole
    /// images, and sometimes miss them. On flowers, .35 and .8 do worse.
    /// </summary>
    public double ViewAreaMin { get; init; } = .6;

    public bool FineTune { get; init; } = true;

    /// <summary>Passes over the images while fine-tuning; fewer when the time budget is short.</summary>
    public int Epochs { get; init; } = 11;

    /// <summary>Minimum steps of fine-tuning: it is steps that count, and the passes of a small set have only a few.</summary>
    public int StepsMin { get; init; } = 100;

    /// <summary>Images a step if memory allows; 16 at 224 px need about 1.9 GB. The rates are for this number.</summary>
    public int Batch { get; init; } = 16;

    public double HeadRate { get; init; } = 1e-3;

    /// <summary>A fifth of the head's, because the backbone already knows most features. On flowers, a tenth does worse and a half forgets too much.</summary>
    public double BackboneRate { get; init; } = 2e-4;

    public double WeightDecay { get; init; } = .05;

    /// <summary>
    /// The finished model that the training goes on from; null to begin from the pretrained network. Its input and kind of head are kept.
    /// </summary>
    [JsonIgnore]
    public StartModel? From { get; init; }

    /// <summary>Input and head if they are given; not with <see cref="Search"/>.</summary>
    [JsonIgnore]
    public ClassifierDesign? Design { get; init; }

    /// <summary>How input and head are chosen; null for a square of <see cref="Size"/> and the average. A plan that is repeated has what was chosen.</summary>
    [JsonIgnore]
    public DesignSearch? Search { get; init; }

    /// <summary>How heads are fitted, and what changes with inputs and heads other than the default.</summary>
    public HeadPlan Head { get; init; } = new();

    /// <summary>Maximum time whatever the input; null for <see cref="TimeBudget"/>. With it, a larger input takes more time than the default one.</summary>
    [JsonIgnore]
    public TimeSpan? TimeLimit { get; init; }

    public double LabelSmoothing { get; init; } = .1;

    public double Dropout { get; init; } = .2;

    /// <summary>Steps until the full rate is reached.</summary>
    public int WarmUpSteps { get; init; } = 20;

    /// <summary>Share of the running average that is kept at each step; it spans about the last 50 steps.</summary>
    public double AverageDecay { get; init; } = .98;

    /// <summary>
    /// Side of the network until <see cref="ChooseAt"/>, as a share of <see cref="Size"/>. Steps at 6/7 (192 px) take a quarter less
    /// time; the last ones are at full size.
    /// </summary>
    public double StartScale { get; init; } = 6.0 / 7;

    /// <summary>Share of the steps after which linear head and fine-tuned network are compared; then the held-back images are learnt from too.</summary>
    public double ChooseAt { get; init; } = .7;

    /// <summary>Share of each label's images that is held back to compare the linear head with the fine-tuned network.</summary>
    public double HeldBack { get; init; } = .1;

    /// <summary>A label with at least this many images has one or more held back; with fewer, none can be spared.</summary>
    public int HeldBackLabelMin { get; init; } = 3;

    public int Seed { get; init; }

    /// <summary>Which convolution kernels to use.</summary>
    public KernelChoice Kernels { get; init; }

    /// <summary>Threads of libtorch and of ONNX Runtime, which never run at the same time.</summary>
    public int Threads { get; init; } = Math.Max(1, Environment.ProcessorCount);

    /// <summary>Threads for the next step, at most <see cref="Threads"/>; called before each step. Null: always <see cref="Threads"/>.</summary>
    [JsonIgnore]
    public Func<int>? ThreadsNow { get; init; }

    /// <summary>Threads to use now.</summary>
    internal int CurrentThreads => Math.Clamp(ThreadsNow?.Invoke() ?? Threads, 1, Threads);

    /// <summary>
    /// How long the training may take. The plain images are always embedded once and the head fitted on them; everything else is
    /// shortened or skipped if time is short.
    /// </summary>
    [JsonIgnore]
    public TimeSpan TimeBudget { get; init; } = TimeSpan.FromHours(1);

    /// <summary>
    /// Time of the recipe on two cores: less than two minutes for 300 images with their evaluation, 0.4 s for each further image, and twice as much with
    /// one thread. A slower machine skips passes rather than make the user wait.
    /// </summary>
    public static TimeSpan RecipeTime(int images, int threads) => TimeSpan.FromSeconds(112 + .4 * Math.Max(0, images - 300)) * (threads == 1 ? 2 : 1);

    /// <summary>
    /// The time for an input: a quarter more for each time that it is as large as the default one, at most 2.4 times as much, which for 300 images is
    /// four and a half minutes on two cores.
    /// </summary>
    /// <param name="input">Null for the most that any input takes.</param>
    internal TimeSpan TimeFor(ClassifierInput? input)
    {
        const double Most = 2.4;
        TimeSpan scaled = TimeBudget * (input is { } known ? Math.Clamp(.75 + .25 * known.Cost, 1, Most) : Most);
        return TimeLimit is { } limit ? (scaled < limit ? scaled : limit) : TimeBudget;
    }

    /// <summary>Bytes of decoded images kept in memory; the others are decoded again each time.</summary>
    [JsonIgnore]
    public long ImageCacheBytes { get; init; } = 512L << 20;

    /// <summary>Memory that may be used, in bytes; null for what the system reports as available.</summary>
    [JsonIgnore]
    public long? MemoryBytes { get; init; }

    /// <summary>What an earlier training chose, to do the same whatever the clock; the time budget has no effect then. Null to choose.</summary>
    [JsonIgnore]
    public PlanRun? Repeat { get; init; }
}

/// <summary>A trained classifier and the scores of both candidates on the held-back images (null if they were not compared).</summary>
/// <param name="Model">Content of model.onnx.</param>
/// <param name="Description">Content of model.json.</param>
/// <param name="LinearScore">Accuracy (one label an image) or micro F1 (several) of the linear head, 0 to 1.</param>
/// <param name="FineTunedScore">The same for the fine-tuned network.</param>
/// <param name="EpochsRun">Passes of fine-tuning; 0 if there was none.</param>
public sealed record ClassifierResult(byte[] Model, ModelDescription Description, double? LinearScore, double? FineTunedScore, int EpochsRun)
{
    /// <summary>Input and head.</summary>
    public ClassifierDesign Design { get; init; }

    /// <summary>What was tried to choose them; empty if they were given.</summary>
    public IReadOnlyList<DesignTrial> Trials { get; init; } = [];

    /// <summary>Time of an answer on one core, from the bytes of an image on; null if input and head were given.</summary>
    public TimeSpan? AnswerTime { get; init; }

    /// <summary>A note for the user on how it was trained, for example that time was short; null if there is none.</summary>
    public string? Remark { get; init; }

    /// <summary>What was chosen on the way.</summary>
    public required CarriedPlan Plan { get; init; }

    /// <summary>Steps of fine-tuning, and how many it would have had if time were not short.</summary>
    public (int Taken, int Planned) Steps { get; init; }

    /// <summary>Writes model.onnx and model.json, each atomically.</summary>
    public void Save(string folder) => ModelFiles.Save(folder, Model, Description);
}
