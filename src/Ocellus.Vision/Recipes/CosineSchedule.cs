namespace Ocellus.Vision.Recipes;

/// <summary>Share of the full learning rate at each step: a linear warm-up, then half a cosine.</summary>
/// <param name="WarmUpSteps">Steps until the full rate is reached, at most a quarter of all.</param>
internal readonly record struct CosineSchedule(int WarmUpSteps)
{
    /// <summary>Added to every share, so that the last steps still learn.</summary>
    public const double Floor = .01;

    private const int WarmUpDivisor = 4;

    /// <summary>The share if the position on the cosine follows from the step alone.</summary>
    /// <param name="step">Steps taken before, from 0.</param>
    /// <param name="steps">Steps in all.</param>
    public double Share(int step, int steps) => Warm(step, steps) * Cosine(Math.PI * step / steps) + Floor;

    /// <summary>The share if the number of steps has changed during training, so that the position on the cosine is kept separately.</summary>
    /// <param name="step">Steps taken before, from 0.</param>
    /// <param name="steps">Steps in all.</param>
    /// <param name="position">How far along the cosine, 0 to 1.</param>
    public double Share(int step, int steps, double position) => Warm(step, steps) * Cosine(Math.PI * position) + Floor;

    private double Warm(int step, int steps) => Math.Min(1, (step + 1.0) / Math.Min(WarmUpSteps, Math.Max(1, steps / WarmUpDivisor)));

    private static double Cosine(double angle) => .5 + .5 * Math.Cos(angle);
}
