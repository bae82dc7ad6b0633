namespace Ocellus.Vision.Boxes;

/// <summary>A box as ratios of the picture as shown (EXIF orientation applied), 0 to 1.</summary>
public readonly record struct BoxRatio(float Left, float Top, float Width, float Height);
