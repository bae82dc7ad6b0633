namespace Ocellus.Vision.Networks;

/// <summary>What makes the logit of a calibrated score from that of a network: a factor, the inverse of the temperature, and a shift after it.</summary>
internal readonly record struct LogitScale(float Factor, float Shift)
{
    /// <summary>Scores as the network gives them.</summary>
    public static LogitScale None { get; } = new(1, 0);

    /// <summary>The calibrated score of a raw one, both 0 to 1.</summary>
    public double Apply(double score) => 1 / (1 + Math.Exp(-(Factor * Math.Log(score / (1 - score)) + Shift)));
}
