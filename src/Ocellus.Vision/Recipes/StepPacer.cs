namespace Ocellus.Vision.Recipes;

/// <summary>Measures how long steps take and fits their number to the remaining time.</summary>
/// <param name="span">Ends of steps over which the pace is measured.</param>
/// <param name="clock">Null for the system's.</param>
internal sealed class StepPacer(int span, TimeProvider? clock = null)
{
    /// <summary>A plan that is too long or too short for the time by this factor is changed.</summary>
    public const double Tolerance = 1.05;

    // So many steps tell the pace, or fewer that took a twentieth of the time.
    private const int TellingSteps = 9, TellingStepsMin = 2;
    private const double TellingShare = .05;

    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly Queue<long> _ends = new();
    private long _last;

    /// <summary>Mean of the latest steps; null until a step has been measured.</summary>
    public double? SecondsPerStep =>
        _ends.Count > 1 ? _clock.GetElapsedTime(_ends.Peek(), _last).TotalSeconds / (_ends.Count - 1) : null;

    private int Steps => Math.Max(0, _ends.Count - 1);

    /// <summary>Enough has been measured to change the plan: some steps, or fewer that took a good part of the time.</summary>
    /// <param name="limitSeconds">The time that the training may take.</param>
    public bool IsTelling(double limitSeconds) =>
        Steps >= Math.Min(TellingSteps, span - 1) || (Steps >= TellingStepsMin && Steps * SecondsPerStep >= TellingShare * limitSeconds);

    /// <summary>Discards the measurements; the next step begins now.</summary>
    public void Restart()
    {
        _ends.Clear();
        StepEnded();
    }

    /// <summary>A step has ended, and the next one begins.</summary>
    public void StepEnded()
    {
        if (_ends.Count == span)
        {
            _ends.Dequeue();
        }

        _ends.Enqueue(_last = _clock.GetTimestamp());
    }

    /// <summary>
    /// Fits the number of steps to the remaining time: fewer if the machine has become slower than planned, more if it has become faster,
    /// up to those wanted.
    /// </summary>
    /// <param name="step">Steps taken.</param>
    /// <param name="steps">Steps planned, more than taken.</param>
    /// <param name="wanted">Steps if time is not short.</param>
    /// <param name="secondsLeft">What is left of the time budget.</param>
    /// <param name="secondsPerStep">Measured.</param>
    /// <returns>Steps to plan from now on, at least one more than taken.</returns>
    public static int Fit(int step, int steps, int wanted, double secondsLeft, double secondsPerStep)
    {
        double fits = step + Math.Max(0, secondsLeft) / secondsPerStep;
        return fits * Tolerance < steps || (steps < wanted && fits > steps * Tolerance)
            ? (int)Math.Clamp(fits, step + 1, Math.Max(step + 1, wanted))
            : steps;
    }
}
