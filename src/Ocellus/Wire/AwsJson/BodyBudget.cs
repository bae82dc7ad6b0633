using System.Globalization;
using Microsoft.Extensions.Options;
using Ocellus.Refusals;

namespace Ocellus.Wire.AwsJson;

/// <summary>Why the reading of a body was ended from outside.</summary>
internal enum BodyStop
{
    No,

    /// <summary>It was not whole in time.</summary>
    Late,

    /// <summary>Others had no room.</summary>
    ForOthers,
}

/// <summary>
/// Counts the memory of all bodies whose signatures are not verified yet, and keeps it below a bound: who has shown nothing but the id of a key must not take
/// memory from the others. What is counted is the buffers, not what senders announce. Where there is no room, the largest body that is long in coming
/// makes it, so that senders who stall do not keep out those who send.
/// </summary>
/// <param name="options">The bound.</param>
/// <param name="clock">Tells how long a body has been coming.</param>
/// <param name="freed">Called when much has been let go of, for the collector keeps what it once had.</param>
[Assumed(
    "Request bodies: more at once than the server has memory for",
    "`ThrottlingException` with status 500, as beyond a rate; the bound is `Ocellus:Bodies:UnverifiedBytesMax`.")]
internal sealed class BodyBudget(IOptions<BodyOptions> options, TimeProvider clock, Action freed)
{
    /// <summary>Until then a body is not yet long in coming: the largest needs a second of a line of 100 Mbit/s.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(2);

    /// <summary>Longest wait for the memory of a body that was told to end: it ends as soon as a thread is free.</summary>
    private static readonly TimeSpan _endMax = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Bytes in use at once from which on memory is given back to the system afterwards. Usual load stays below: a collection holds every request up.
    /// </summary>
    private const long MuchBytes = 64L * 1024 * 1024;

    /// <summary>Bytes in use from which down that is done: with more, the load goes on.</summary>
    private const long LittleBytes = 8L * 1024 * 1024;

    private readonly Lock _lock = new();
    private readonly HashSet<Share> _arriving = [];
    private long _taken;
    private long _mostTaken;

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

    /// <summary>Begins to count a body that arrives.</summary>
    /// <param name="stop">Ends the read that waits, or the next; called once at most, and never after <see cref="Share.Arrived"/>.</param>
    public Share Open(Action stop)
    {
        var share = new Share(this, stop, clock.GetTimestamp());
        lock (_lock)
        {
            _arriving.Add(share);
        }

        return share;
    }

    /// <summary>What one body has of the budget.</summary>
    internal sealed class Share(BodyBudget budget, Action stop, long begun) : IDisposable
    {
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private long _bytes;

        /// <summary>Why its reading was stopped.</summary>
        public BodyStop Stopped { get; private set; }

        /// <summary>How long the body has been coming.</summary>
        public TimeSpan Age => budget.Age(begun);

        internal long Bytes => _bytes;

        internal Task Ended => _ended.Task;

        /// <summary>Takes bytes.</summary>
        /// <exception cref="RefusedException">Throttled: there is no room, and no other body can make it.</exception>
        public ValueTask TakeAsync(int bytes, CancellationToken cancel) =>
            budget.TryTake(this, bytes) ? ValueTask.CompletedTask : new(budget.TakeOrStopAsync(this, bytes, cancel));

        /// <summary>Gives bytes back.</summary>
        public void Give(int bytes) => budget.Give(this, bytes);

        /// <summary>Says that the body is there: its reading cannot be stopped any more.</summary>
        public void Arrived() => budget.Arrived(this);

        /// <summary>Ends its reading, unless it has ended.</summary>
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
            _mostTaken = Math.Max(_mostTaken, _taken);
            share.Add(bytes);
            return true;
        }
    }

    private async Task TakeOrStopAsync(Share share, int bytes, CancellationToken cancel)
    {
        do
        {
            var other = share.Stopped == BodyStop.No ? StopOther(share) : null;
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
            var other = _arriving.Where(s => s != share && s.Stopped == BodyStop.No && s.Age >= _patience).MaxBy(s => s.Bytes);
            other?.StopNow(BodyStop.ForOthers);
            return other;
        }
    }

    private void Stop(Share share, BodyStop why)
    {
        // Under the lock, so that it does not end meanwhile: to stop a reading that has ended would stop that of the connection's next request.
        lock (_lock)
        {
            if (share.Stopped == BodyStop.No && _arriving.Contains(share))
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
        bool much;
        lock (_lock)
        {
            _taken -= bytes;
            share.Add(-bytes);
            much = _mostTaken >= MuchBytes && _taken <= LittleBytes;
            if (much)
            {
                _mostTaken = _taken;
            }
        }

        if (much)
        {
            freed();
        }
    }

    private RefusedException NoRoom(Share share) => new(RefusalKind.Throttled, string.Create(CultureInfo.InvariantCulture,
        $"Service Unavailable: the request bodies that are arriving fill the {options.Value.UnverifiedBytesMax} bytes that they may take together "
        + $"(setting {BodyOptions.Section}:{nameof(BodyOptions.UnverifiedBytesMax)}), and this one was not whole after {share.Age.TotalSeconds:F1} s; send "
        + $"it again later."));
}
