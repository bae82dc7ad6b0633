namespace Ocellus.Vision.Images;

/// <summary>Images by index, as the bytes of their files.</summary>
/// <param name="Count">How many.</param>
/// <param name="Read">Reads one, from 0.</param>
public sealed record ImageSource(int Count, Func<int, byte[]> Read);
