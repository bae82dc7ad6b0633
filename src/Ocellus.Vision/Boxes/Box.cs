namespace Ocellus.Vision.Boxes;

/// <summary>
/// A box in ratios of the upright image (EXIF orientation applied): 0 to 1 where it lies inside. Pixels occur only at the boundaries: in
/// manifests and snapshots, and in the network's input (<see cref="TrueBox"/>).
/// </summary>
public readonly record struct Box(float Left, float Top, float Width, float Height);
