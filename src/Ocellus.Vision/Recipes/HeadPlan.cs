namespace Ocellus.Vision.Recipes;

/// <summary>How a classifier's head is fitted on frozen features, and what changes with inputs and heads other than the default.</summary>
public sealed record HeadPlan
{
    /// <summary>Weight of the squared weights of a head that is fitted by gradient descent: those of the embedding.</summary>
    public double AverageRidge { get; init; } = 1e-4;

    /// <summary>The same for the weights of the locations. With a thirtieth of it, they follow chance where images are few.</summary>
    public double EvidenceRidge { get; init; } = .03;

    /// <summary>Views a step of such a fit.</summary>
    public int Batch { get; init; } = 24;

    /// <summary>Steps of such a fit: where the network is fine-tuned afterwards, a start is enough.</summary>
    public int Steps { get; init; } = 400;

    /// <summary>Steps of such a fit if nothing follows.</summary>
    public int FrozenSteps { get; init; } = 1_500;

    /// <summary>Memory of the maps of all views, in bytes.</summary>
    public long MapBytesMax { get; init; } = 1L << 30;

    /// <summary>The same as a share of the available memory.</summary>
    public double MapMemoryShare { get; init; } = .3;

    /// <summary>
    /// Factor of the logits to expect of a fine-tuned network for one label an image: label smoothing keeps its scores low. On flowers, the log loss of
    /// other images is least with this one.
    /// </summary>
    public double ExpectedFactor { get; init; } = 1.8;

    /// <summary>Parts of the cross-validation that scores are calibrated with, where nothing is held back.</summary>
    public int CalibrationFolds { get; init; } = 5;

    /// <summary>
    /// Share of the squared error that is left after fine-tuning, where the average decides: measured 0.8 on flowers and 0.6 on panels of flowers. Where
    /// places decide, fine-tuning gains next to nothing.
    /// </summary>
    public double ErrorAfterTuning { get; init; } = .75;

    /// <summary>
    /// How far the weights of the finished model are from the pretrained network with its fitted head to the fine-tuned one, where a label has at most
    /// <see cref="FewImages"/>: the two make different mistakes there, and half-way is better than either (arXiv:2109.01903).
    /// </summary>
    public double FewShare { get; init; } = .5;

    /// <summary>Images a label from which some are held back to compare; with fewer, chance alone would decide, and every image is needed.</summary>
    public int ComparedFrom { get; init; } = 8;

    /// <summary>Images a label.</summary>
    public int FewImages { get; init; } = 10;

    /// <summary>Images a label from which the fine-tuned weights are taken as they are.</summary>
    public int ManyImages { get; init; } = 40;

    /// <summary>The share of the fine-tuned weights, 0 to 1.</summary>
    internal double TunedShare(int images, int labels) => FewShare
        + (1 - FewShare) * Math.Clamp(((double)images / labels - FewImages) / (ManyImages - FewImages), 0, 1);

    /// <summary>
    /// Maximum cost of the input, relative to 224×224, up to which the whole network is fine-tuned. Beyond it a CPU would not finish enough steps in
    /// minutes.
    /// </summary>
    public double FineTuneCostMax { get; init; } = 4;

    /// <summary>
    /// <see cref="ClassifierPlan.ViewAreaMin"/> where the aspect ratio is kept or locations decide: what the label is about may be small or at the edge, and
    /// must not be cut off.
    /// </summary>
    public double WholeViewAreaMin { get; init; } = .9;
}
