namespace Ocellus.Vision.Boxes;

/// <summary>A true box in pixels of the network input.</summary>
internal readonly record struct TrueBox(float X1, float Y1, float X2, float Y2, int Label);
