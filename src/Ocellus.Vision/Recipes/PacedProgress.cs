using System.Diagnostics;

namespace Ocellus.Vision.Recipes;

/// <summary>Forwards progress, but not more often than anyone could read it.</summary>
internal sealed class PacedProgress(IProgress<TrainingProgress>? progress)
{
    /// <summary>Time between two reports within a phase, unless a single step takes longer.</summary>
    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(1);

    private long _last;

    /// <summary>Reports at once: a phase begins or ends.</summary>
    public void Report(TrainingProgress value)
    {
        _last = Stopwatch.GetTimestamp();
        progress?.Report(value);
    }

    /// <summary>Reports if the last report is long enough ago.</summary>
    public void ReportIfDue(Func<TrainingProgress> value)
    {
        if (progress is not null && Stopwatch.GetElapsedTime(_last) >= _interval)
        {
            Report(value());
        }
    }
}
