namespace Ocellus.Vision.Recipes;

/// <summary>Measures how long steps take and fits their number to the time that is left.</summary>
/// <param name="span">Steps that the pace is measured over.</param>
/// <param name="clock">Where time comes from; null for the system's.</param>
internal sealed class StepPacer(int span, TimeProvider? clock = null)
{
    /// <summary>A plan that turns out this much too long or too short for the time is changed.</summary>
    public const double Overdue = 1.05;

    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly Queue<long> _ends = new();

    /// <summary>Mean of the latest steps; null until two moments are known.</summary>
    public double? SecondsPerStep =>
        _ends.Count > 1 ? _clock.GetElapsedTime(_ends.Peek(), _last).TotalSeconds / (_ends.Count - 1) : null;

    /// <summary>Enough steps have been measured to change the plan.</summary>
    public bool IsSettled => _ends.Count == span;

    private long _last;

    /// <summary>Forgets what was measured: the next step begins now.</summary>
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
    /// When the machine has become slower than planned, the schedule is run through in the steps that the time is left for; when it has
    /// become faster, in more, up to those that are wanted.
    /// </summary>
    /// <param name="step">Steps taken.</param>
    /// <param name="steps">Steps planned, more than taken.</param>
    /// <param name="wanted">Steps when time is plenty.</param>
    /// <param name="secondsLeft">Of the time budget.</param>
    /// <param name="secondsPerStep">Measured.</param>
    /// <returns>Steps to plan from now on, at least one more than taken.</returns>
    public static int Fit(int step, int steps, int wanted, double secondsLeft, double secondsPerStep)
    {
        double fits = step + Math.Max(0, secondsLeft) / secondsPerStep;
        return fits * Overdue < steps || (steps < wanted && fits > steps * Overdue)
            ? (int)Math.Clamp(fits, step + 1, Math.Max(step + 1, wanted))
            : steps;
    }
}
