namespace Ocellus.Vision.Boxes;

/// <summary>A box of the ground truth.</summary>
/// <param name="Label">Index of its label.</param>
/// <param name="Box">Where it is.</param>
public readonly record struct LabelledBox(int Label, Box Box);
