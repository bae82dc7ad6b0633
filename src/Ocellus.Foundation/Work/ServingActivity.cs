namespace Ocellus.Work;

/// <summary>Whether images are being asked about: trainings take fewer threads meanwhile.</summary>
internal sealed class ServingActivity(TimeProvider clock)
{
    /// <summary>A pause this long between two requests is still serving: the callers of a running model come in bursts.</summary>
    public static readonly TimeSpan Lasting = TimeSpan.FromSeconds(5);

    // 0: never. A timestamp and not a date, so that no clock that is set back makes a server busy for hours.
    private long _last;

    /// <summary>Whether a request came within the last seconds.</summary>
    public bool IsServing => Volatile.Read(ref _last) is not 0 and var last && clock.GetElapsedTime(last) < Lasting;

    /// <summary>A request came or was answered.</summary>
    public void Touch() => Volatile.Write(ref _last, Math.Max(1, clock.GetTimestamp()));
}
