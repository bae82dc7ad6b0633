namespace Ocellus.Work;

/// <summary>Whether models are being queried. Trainings use fewer threads meanwhile.</summary>
internal sealed class ServingActivity(TimeProvider clock)
{
    /// <summary>How long serving lasts after a request: requests come in bursts.</summary>
    public static readonly TimeSpan Duration = TimeSpan.FromSeconds(5);

    // 0: never. A timestamp, not a date: setting the clock back must not make a server seem busy for hours.
    private long _last;

    /// <summary>Whether a request arrived or was answered within <see cref="Duration"/>.</summary>
    public bool IsServing => Volatile.Read(ref _last) is not 0 and var last && clock.GetElapsedTime(last) < Duration;

    /// <summary>Records that a request arrived or was answered.</summary>
    public void Touch() => Volatile.Write(ref _last, Math.Max(1, clock.GetTimestamp()));
}
