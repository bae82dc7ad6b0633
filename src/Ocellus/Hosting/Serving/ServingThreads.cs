using System.Diagnostics;

namespace Ocellus.Hosting.Serving;

/// <summary>
/// The threads that answer for all models, one a core: each takes a request (or several, see <see cref="HostingOptions.BatchMax"/>), decodes its picture and puts it through the network. More would not be
/// faster, but would hold more pixels in memory; and as they are not of the thread pool, requests that only ask or stop find a thread there. The
/// line that has used the least time for each of its units is served next, so models share the cores by their units, whatever a request costs.
/// </summary>
internal sealed class ServingThreads : IDisposable
{
    // An object and not a Lock: threads sleep on it.
    private readonly object _gate = new();
    private readonly List<ServingLine> _lines = [];
    // Time used for a unit of the line that was served last: one that has been empty for long joins there and does not catch up.
    private double _reached;
    private int _busy;
    private bool _ended;

    public ServingThreads()
    {
        for (var i = 0; i < Count; i++)
        {
            new Thread(Work) { Name = $"serving {i + 1}", IsBackground = true }.Start();
        }
    }

    /// <summary>How many there are.</summary>
    public static int Count => Environment.ProcessorCount;

    /// <summary>
    /// Threads that work on one pass through a network while cores are idle. Where all are busy, a pass has one: helpers would come too late to find
    /// anything to do, and forty calls to wake them cost a request 2 ms of a core. The layers are too small for more than a few.
    /// </summary>
    public static int ForOnePass => Math.Min(Count, 4);

    /// <summary>Whether at least half of the cores answer nothing now.</summary>
    public bool CanHelp => 2 * Volatile.Read(ref _busy) <= Count;

    /// <summary>Guards the lines.</summary>
    internal object Gate => _gate;

    public void Dispose()
    {
        lock (_gate)
        {
            _ended = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Takes up a line that was empty. Only inside the gate.</summary>
    internal void Join(ServingLine line)
    {
        line.Used = Math.Max(line.Used, _reached);
        _lines.Add(line);
    }

    /// <summary>Forgets a line that is empty again. Only inside the gate.</summary>
    internal void Leave(ServingLine line) => _lines.Remove(line);

    private void Work()
    {
        while (Take() is { } turn)
        {
            var started = Stopwatch.GetTimestamp();
            turn.Work();
            Interlocked.Decrement(ref _busy);
            turn.Line.Ended(turn, Stopwatch.GetElapsedTime(started).TotalSeconds);
        }
    }

    private ServingTurn? Take()
    {
        lock (_gate)
        {
            while (_lines.Count == 0 && !_ended)
            {
                Monitor.Wait(_gate);
            }

            if (_lines.MinBy(l => l.Used) is not { } line)
            {
                return null;
            }

            _reached = line.Used;
            var free = Count - Interlocked.Increment(ref _busy) + 1;
            return line.Take(free);
        }
    }
}
