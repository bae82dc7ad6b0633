namespace Ocellus.Vision.Recipes;

/// <summary>
/// Reused arrays for the images of a step. Two are enough: while one is learnt from, <see cref="Prefetch{T}"/> fills the next.
/// </summary>
internal sealed class StepBuffers
{
    private readonly float[]?[] _arrays = new float[2][];

    /// <summary>The array of a step; it still holds the values of two steps before.</summary>
    public float[] For(int step, int length)
    {
        ref float[]? array = ref _arrays[step % _arrays.Length];
        if (array?.Length != length)
        {
            array = new float[length];
        }

        return array;
    }
}
