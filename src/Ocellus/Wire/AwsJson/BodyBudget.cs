using System.Globalization;
using Microsoft.Extensions.Options;
using Ocellus.Refusals;

namespace Ocellus.Wire.AwsJson;

/// <summary>Why reading a body was stopped from outside.</summary>
internal enum BodyStop
{
    None,

    /// <summary>It took too long.</summary>
    Late,

    /// <summary>Others needed its memory.</summary>
    ForOthers,
}

/// <summary>
/// Limits the memory of all bodies whose signatures are not verified yet: a sender who has shown only the id of a key must not take memory from others. It
/// counts buffers, not announced lengths. When memory runs out, the largest slow body is stopped, so that stalled senders do not keep out active ones.
/// </summary>
/// <param name="options">The limit.</param>
/// <param name="clock">Measures how long a body has been arriving.</param>
/// <param name="freed">Called when much memory was released, which the garbage collector would keep.</param>
[Assumed(
    "Request bodies: more at once than the server has memory for",
    "`ThrottlingException` with status 500, as for a rate; the limit is `Ocellus:Bodies:UnverifiedBytesMax`.")]
internal sealed class BodyBudget(IOptions<BodyOptions> options, TimeProvider clock, Action freed)
{
    /// <summary>A younger body does not count as slow: the largest takes a second at 100 Mbit/s.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(2);

    /// <summary>Longest wait for the memory of a stopped body: it ends as soon as a thread is free.</summary>
    private static readonly TimeSpan _endMax = TimeSpan.FromSeconds(2);

    /// <summary>Peak bytes in use after which memory is returned to the system. Usual load stays below: a collection holds up every request.</summary>
    private const long PeakBytesMin = 64L * 1024 * 1024;

    /// <summary>Bytes in use at which that is done: with more, the load goes on.</summary>
    private const long CalmBytesMax = 8L * 1024 * 1024;

    private readonly Lock _lock = new();
    private readonly HashSet<Share> _arriving = [];
    private long _taken;
    private long _peak;

    /// <summary>Bytes in use now.</summary>
    public long Taken
    {
        get
        {
            lock (_lock)
            {
                return _taken;
            }
        }
    }

    /// <summary>Starts counting an arriving body.</summary>
    /// <param name="stop">Ends the pending read, or the next; called at most once, and never after <see cref="Share.Arrived"/>.</param>
    public Share Open(Action stop)
    {
        var share = new Share(this, stop, clock.GetTimestamp());
        lock (_lock)
        {
            _arriving.Add(share);
        }

        return share;
    }

    /// <summary>One body's share of the budget.</summary>
    internal sealed class Share(BodyBudget budget, Action stop, long begun) : IDisposable
    {
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private long _bytes;

        /// <summary>Why its reading was stopped.</summary>
        public BodyStop Stopped { get; private set; }

        /// <summary>How long the body has been arriving.</summary>
        public TimeSpan Age => budget.Age(begun);

        internal long Bytes => _bytes;

        internal Task Ended => _ended.Task;

        /// <summary>Takes bytes.</summary>
        /// <exception cref="RefusedException">Throttled: no memory is left, and no other body can free any.</exception>
        public ValueTask TakeAsync(int bytes, CancellationToken cancel) =>
            budget.TryTake(this, bytes) ? ValueTask.CompletedTask : new(budget.TakeOrStopAsync(this, bytes, cancel));

        /// <summary>Gives bytes back.</summary>
        public void Give(int bytes) => budget.Give(this, bytes);

        /// <summary>Ends the arrival: reading can no longer be stopped.</summary>
        public void Arrived() => budget.Arrived(this);

        /// <summary>Stops reading it, unless that has ended.</summary>
        public void Stop(BodyStop why) => budget.Stop(this, why);

        /// <summary>The refusal of a body for which there is no room.</summary>
        public RefusedException NoRoom() => budget.NoRoom(this);

        /// <summary>Gives everything back. A second call does nothing.</summary>
        public void Dispose()
        {
            budget.Arrived(this);
            budget.Give(this, _bytes);
            _ended.TrySetResult();
        }

        internal void Add(long bytes) => _bytes += bytes;

        internal void StopNow(BodyStop why)
        {
            Stopped = why;
            stop();
        }
    }

    private TimeSpan Age(long begun) => clock.GetElapsedTime(begun);

    private bool TryTake(Share share, long bytes)
    {
        lock (_lock)
        {
            if (_taken + bytes > options.Value.UnverifiedBytesMax)
            {
                return false;
            }

            _taken += bytes;
            _peak = Math.Max(_peak, _taken);
            share.Add(bytes);
            return true;
        }
    }

    private async Task TakeOrStopAsync(Share share, int bytes, CancellationToken cancel)
    {
        do
        {
            var other = share.Stopped == BodyStop.None ? StopOther(share) : null;
            if (other is null)
            {
                throw NoRoom(share);
            }

            await other.Ended.WaitAsync(_endMax, clock, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancel.ThrowIfCancellationRequested();
        }
        while (!TryTake(share, bytes));
    }

    private Share? StopOther(Share share)
    {
        lock (_lock)
        {
            var other = _arriving.Where(s => s != share && s.Stopped == BodyStop.None && s.Age >= _patience).MaxBy(s => s.Bytes);
            other?.StopNow(BodyStop.ForOthers);
            return other;
        }
    }

    private void Stop(Share share, BodyStop why)
    {
        // Under the lock, so that reading does not end meanwhile: a late stop would hit the connection's next request.
        lock (_lock)
        {
            if (share.Stopped == BodyStop.None && _arriving.Contains(share))
            {
                share.StopNow(why);
            }
        }
    }

    private void Arrived(Share share)
    {
        lock (_lock)
        {
            _arriving.Remove(share);
        }
    }

    private void Give(Share share, long bytes)
    {
        bool isCalm;
        lock (_lock)
        {
            _taken -= bytes;
            share.Add(-bytes);
            isCalm = _peak >= PeakBytesMin && _taken <= CalmBytesMax;
            if (isCalm)
            {
                _peak = _taken;
            }
        }

        if (isCalm)
        {
            freed();
        }
    }

    private RefusedException NoRoom(Share share) => new(RefusalKind.Throttled, string.Create(CultureInfo.InvariantCulture,
        $"Service Unavailable: arriving request bodies fill the {options.Value.UnverifiedBytesMax} bytes that they share "
        + $"(setting {BodyOptions.Section}:{nameof(BodyOptions.UnverifiedBytesMax)}), and this one was incomplete after {share.Age.TotalSeconds:F1} s; send "
        + $"it again later."));
}
