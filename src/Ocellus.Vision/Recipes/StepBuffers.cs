namespace Ocellus.Vision.Recipes;

/// <summary>
/// Arrays for the images of a step, used again and again. Two are enough: while one is learnt from, <see cref="Prefetch{T}"/> fills the next.
/// </summary>
internal sealed class StepBuffers
{
    private readonly float[]?[] _two = new float[2][];

    /// <summary>The array of a step; it holds what the step before the last one has left.</summary>
    public float[] For(int step, int length)
    {
        ref float[]? kept = ref _two[step % _two.Length];
        if (kept?.Length != length)
        {
            kept = new float[length];
        }

        return kept;
    }
}
