namespace Ocellus.Vision.Recipes;

/// <summary>Seeds for the random views of images.</summary>
internal static class ViewSeed
{
    /// <summary>
    /// A seed unrelated to its neighbours'. <see cref="Random"/> gives nearly the same first values for similar seeds; as images are
    /// ordered by label, views would then give labels away.
    /// </summary>
    public static int Of(int seed, int pass, int index)
    {
        ulong x = unchecked((ulong)seed * 0x9E3779B97F4A7C15 + (ulong)pass * 0xC2B2AE3D27D4EB4F + (ulong)index * 0x165667B19E3779F9 + 1);
        // The finalizer of SplitMix64 (Steele, Lea and Flood 2014).
        x = unchecked((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9);
        x = unchecked((x ^ (x >> 27)) * 0x94D049BB133111EB);
        return (int)((x ^ (x >> 31)) & int.MaxValue);
    }
}
