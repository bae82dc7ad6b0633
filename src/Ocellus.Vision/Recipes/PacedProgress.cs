namespace Ocellus.Vision.Recipes;

/// <summary>
/// Forwards progress, but not more often than anyone could read it, with no more seconds left than the time budget has, and with a total that does not
/// rise and fall while one looks.
/// </summary>
/// <param name="progress">Receives the progress; null for none.</param>
/// <param name="budget">What no estimate may exceed.</param>
/// <param name="clock">Null for the system's.</param>
internal sealed class PacedProgress(IProgress<TrainingProgress>? progress, TimeBudget budget, TimeProvider? clock = null)
{
    /// <summary>
    /// A total that is lower or higher than the told one by no more than this share of it is not told: the pace of a machine always varies. A higher one
    /// may soon be lower again.
    /// </summary>
    private const double LowerTolerance = .1, HigherTolerance = .25;

    /// <summary>Time between two reports within a phase, unless a single step takes longer.</summary>
    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private long? _last;
    private TrainingProgress? _told;

    /// <summary>Reports at once: a phase begins or ends.</summary>
    public void Report(TrainingProgress value)
    {
        _last = _clock.GetTimestamp();
        value = WithSteadyTotal(value);
        _told = value;
        progress?.Report(value with { SecondsLeft = budget.Cap(value.SecondsLeft) });
    }

    private TrainingProgress WithSteadyTotal(TrainingProgress value) =>
        _told is { } told && told.Phase == value.Phase && value.Step < Math.Min(value.Steps, told.Steps)
            && value.Steps >= (1 - LowerTolerance) * told.Steps && value.Steps <= (1 + HigherTolerance) * told.Steps
            ? value with { Steps = told.Steps }
            : value;

    /// <summary>Reports if the last report is long enough ago.</summary>
    public void ReportIfDue(Func<TrainingProgress> value)
    {
        if (progress is not null && (_last is not { } last || _clock.GetElapsedTime(last) >= _interval))
        {
            Report(value());
        }
    }
}
