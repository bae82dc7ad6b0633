namespace Ocellus.Vision.Recipes;

/// <summary>Forwards progress, but not more often than anyone could read it, and with no more seconds left than the time budget has.</summary>
/// <param name="progress">Receives the progress; null for none.</param>
/// <param name="budget">What no estimate may exceed.</param>
/// <param name="clock">Null for the system's.</param>
internal sealed class PacedProgress(IProgress<TrainingProgress>? progress, TimeBudget budget, TimeProvider? clock = null)
{
    /// <summary>Time between two reports within a phase, unless a single step takes longer.</summary>
    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private long? _last;

    /// <summary>Reports at once: a phase begins or ends.</summary>
    public void Report(TrainingProgress value)
    {
        _last = _clock.GetTimestamp();
        progress?.Report(value with { SecondsLeft = budget.Cap(value.SecondsLeft) });
    }

    /// <summary>Reports if the last report is long enough ago.</summary>
    public void ReportIfDue(Func<TrainingProgress> value)
    {
        if (progress is not null && (_last is not { } last || _clock.GetElapsedTime(last) >= _interval))
        {
            Report(value());
        }
    }
}
