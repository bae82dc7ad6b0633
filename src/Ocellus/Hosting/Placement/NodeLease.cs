namespace Ocellus.Hosting.Placement;

/// <summary>
/// Whether this node may answer for its places, by its own monotonic clock. Asked at each request and again before its answer, so it also holds for a process
/// that was stopped for a while and goes on without noticing.
/// </summary>
/// <param name="clock">The clock.</param>
/// <param name="isAlone">A server that is alone needs no lease.</param>
internal sealed class NodeLease(TimeProvider clock, bool isAlone)
{
    /// <summary>0: not held.</summary>
    private long _until;
    private long _since;

    /// <summary>Whether the lease holds now.</summary>
    public bool Holds => isAlone || clock.GetTimestamp() < Volatile.Read(ref _until);

    /// <summary>When it began to hold without a gap. A node that has lost its lease and holds one again has another term.</summary>
    public long Term => Volatile.Read(ref _since);

    /// <summary>How long it has held without a gap.</summary>
    public TimeSpan HeldFor => Holds ? clock.GetElapsedTime(Volatile.Read(ref _since)) : TimeSpan.Zero;

    /// <summary>Records a renewal.</summary>
    /// <param name="sent">Timestamp from before it was sent. By then nobody counts the lease from later.</param>
    /// <param name="duration">How long the node may count on it: less than what was written.</param>
    public void Renewed(long sent, TimeSpan duration)
    {
        if (!Holds)
        {
            Volatile.Write(ref _since, clock.GetTimestamp());
        }

        Volatile.Write(ref _until, sent + (long)(duration.TotalSeconds * clock.TimestampFrequency));
    }

    /// <summary>Records that the node has lost its places, or has given them up.</summary>
    public void Lost() => Volatile.Write(ref _until, 0);
}
