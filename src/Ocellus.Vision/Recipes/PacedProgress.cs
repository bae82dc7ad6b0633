using System.Diagnostics;

namespace Ocellus.Vision.Recipes;

/// <summary>Passes progress on, but not more often than somebody could read it.</summary>
internal sealed class PacedProgress(IProgress<TrainingProgress>? progress)
{
    /// <summary>Whoever watches sees something move at least this often, as long as a single step is not longer.</summary>
    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(1);

    private long _last;

    /// <summary>Reports at once: a phase begins or ends.</summary>
    public void Now(TrainingProgress value)
    {
        _last = Stopwatch.GetTimestamp();
        progress?.Report(value);
    }

    /// <summary>Reports if the last report is long enough ago.</summary>
    public void Perhaps(Func<TrainingProgress> value)
    {
        if (progress is not null && Stopwatch.GetElapsedTime(_last) >= _interval)
        {
            Now(value());
        }
    }
}
