using Ocellus.Vision.Data;
using Ocellus.Vision.Inference;

namespace Ocellus.Vision.Training;

/// <summary>What is to be learnt.</summary>
/// <param name="Pictures">The training pictures.</param>
/// <param name="Targets">For each picture the indexes of its labels; exactly one unless <paramref name="MultiLabel"/>.</param>
/// <param name="Labels">Names of the labels.</param>
/// <param name="MultiLabel">True when every label is a question of its own.</param>
public sealed record ClassifierTask(IPictureSource Pictures, IReadOnlyList<IReadOnlyList<int>> Targets, IReadOnlyList<string> Labels, bool MultiLabel);

/// <summary>Every hyper-parameter of classification, with its unit and reason.</summary>
public sealed record ClassifierPlan
{
    public string BackbonePath { get; init; } = FeatureExtractor.DefaultBackbone;

    /// <summary>Network side in pixels, a multiple of 32. 288 brings half a point of accuracy for 1.7 times the time.</summary>
    public int Size { get; init; } = 224;

    /// <summary>Random views of each picture, beside the plain one, for the linear head.</summary>
    public int Views { get; init; } = 5;

    /// <summary>Weight of the loss's sum against half the squared weights of the linear head, as in scikit-learn's C.</summary>
    public double Regularisation { get; init; } = .01;

    public bool FineTune { get; init; } = true;

    /// <summary>Most passes over the pictures while fine-tuning; fewer when the time budget is short.</summary>
    public int Epochs { get; init; } = 10;

    /// <summary>Pictures a step; 16 at 224 px need about 1.9 GB.</summary>
    public int Batch { get; init; } = 16;

    public double HeadRate { get; init; } = 1e-3;

    /// <summary>A tenth of the head's: the backbone already knows most of it.</summary>
    public double BackboneRate { get; init; } = 1e-4;

    public double WeightDecay { get; init; } = .05;

    public double LabelSmoothing { get; init; } = .1;

    public double Dropout { get; init; } = .2;

    /// <summary>Steps until the full rate is reached.</summary>
    public int WarmUpSteps { get; init; } = 20;

    /// <summary>Share of each label's pictures that only decides between the linear head and the fine-tuned network.</summary>
    public double HeldBack { get; init; } = .15;

    public int Seed { get; init; }

    /// <summary>Threads of libtorch and of ONNX Runtime, which never run at the same time.</summary>
    public int Threads { get; init; } = Math.Max(1, Environment.ProcessorCount);

    public TimeSpan TimeBudget { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Decoded pictures kept in memory, in bytes; beyond it they are decoded again each time.</summary>
    public long PictureCacheBytes { get; init; } = 512L << 20;
}

/// <summary>How far a training is. <paramref name="SecondsLeft"/> is an estimate, null where there is none yet.</summary>
public sealed record TrainingProgress(string Phase, int Epoch, int Epochs, double? Loss, double? SecondsLeft);

/// <summary>A trained classifier and how the two candidates did on the held-back pictures (null where none were held back).</summary>
public sealed record ClassifierResult(byte[] Model, ModelDescription Description, double? LinearScore, double? FineTunedScore, int EpochsRun)
{
    /// <summary>Writes model.onnx and model.json; each appears whole or not at all.</summary>
    public void Save(string folder) => ModelFiles.Save(folder, Model, Description);
}
