namespace Ocellus.Vision.Recipes;

/// <summary>How a detector's scores are calibrated.</summary>
public sealed record BoxCalibrationPlan
{
    /// <summary>Share of the images of each label that is held back from learning until the scores are calibrated on them.</summary>
    public double HeldBack { get; init; } = .12;

    /// <summary>Maximum images held back: more would take time and tell little more.</summary>
    public int HeldBackMax { get; init; } = 40;

    /// <summary>Where fewer could be held back, none is, and the scores are calibrated as is to be expected of a detector.</summary>
    public int HeldBackMin { get; init; } = 5;

    /// <summary>Share of the steps after which the scores are calibrated, and the images that were held back are learnt from as the others are.</summary>
    public double JoinAt { get; init; } = .7;

    /// <summary>Factor of the logits to expect.</summary>
    public double ExpectedFactor { get; init; } = 1.2;

    /// <summary>
    /// Shift of the logits to expect. A detector learns how well its box overlaps, so a box that is right is scored at its overlap, 0.8 for example, and not
    /// at 1.
    /// </summary>
    public double ExpectedShift { get; init; } = .5;
}
