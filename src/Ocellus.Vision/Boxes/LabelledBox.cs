namespace Ocellus.Vision.Boxes;

/// <summary>A box of the ground truth.</summary>
/// <param name="Label">Index of its label.</param>
/// <param name="Box">Ratios of the picture as shown, that is, with its EXIF orientation applied.</param>
public readonly record struct LabelledBox(int Label, BoxRatio Box);
