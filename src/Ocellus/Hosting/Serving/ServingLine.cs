namespace Ocellus.Hosting.Serving;

/// <summary>What a thread has taken from a line: one request, or several that are answered together.</summary>
/// <param name="Line">Where it was taken from.</param>
/// <param name="Work">Answers; must not throw.</param>
/// <param name="Count">Requests in it.</param>
/// <param name="Expected">Seconds that the line was charged in advance.</param>
internal readonly record struct ServingTurn(ServingLine Line, Action Work, int Count, double Expected);

/// <summary>
/// The line of a model's requests before the serving threads. A request holds one place from its arrival until a thread takes it
/// or it gives up; so the bound also bounds the memory of pictures that wait to be decoded.
/// </summary>
internal abstract class ServingLine(ServingThreads threads, int units)
{
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _units = units;
    private int _running;
    private double _lastSeconds;
    private bool _closed;

    /// <summary>Requests that no thread has taken yet.</summary>
    public abstract int Length { get; }

    /// <summary>The line's weight against other lines.</summary>
    public int Units
    {
        get => Volatile.Read(ref _units);
        set => Volatile.Write(ref _units, value);
    }

    /// <summary>Seconds of threads used so far, for each unit. Only inside the threads' gate.</summary>
    internal double Used { get; set; }

    /// <summary>Ends when no thread works for the line any more. To be called once nobody waits for an answer.</summary>
    public Task CloseAsync()
    {
        lock (threads.Gate)
        {
            _closed = true;
            EndIfIdle();
            return _idle.Task;
        }
    }

    /// <summary>Gives the first requests to a thread, and reckons with the time that the last one took until their own is known. Only inside the threads' gate.</summary>
    /// <param name="free">Threads that have nothing to do, the one that takes among them.</param>
    internal ServingTurn Take(int free)
    {
        var (work, count) = TakeFirst(free);
        _running++;
        var expected = count * _lastSeconds;
        Used += expected / _units;
        return new(this, work, count, expected);
    }

    /// <summary>Called by the thread when the requests are answered.</summary>
    internal void Ended(ServingTurn turn, double seconds)
    {
        lock (threads.Gate)
        {
            _lastSeconds = seconds / turn.Count;
            Used += (seconds - turn.Expected) / _units;
            _running--;
            EndIfIdle();
        }
    }

    /// <summary>Takes the first request or several out of the line.</summary>
    protected abstract (Action Work, int Count) TakeFirst(int free);

    private void EndIfIdle()
    {
        if (_closed && _running == 0 && Length == 0)
        {
            _idle.TrySetResult();
        }
    }
}

/// <summary>A line of requests of one kind.</summary>
/// <param name="threads">Who serves it.</param>
/// <param name="units">Its weight at first.</param>
/// <param name="together">Most requests that a thread takes at once; more than one only while more wait than threads are free.</param>
/// <param name="serve">Answers requests, on the thread that took them. It must not throw.</param>
internal sealed class ServingLine<T>(ServingThreads threads, int units, int together, Action<IReadOnlyList<T>> serve) : ServingLine(threads, units)
{
    private readonly ServingThreads _threads = threads;
    private readonly LinkedList<T> _ready = [];
    private int _length;

    public override int Length => Volatile.Read(ref _length);

    /// <summary>Puts a request into the line, unless that many wait there.</summary>
    /// <returns>Its place; null if there is none.</returns>
    public LinkedListNode<T>? TryAdd(T request, int most)
    {
        lock (_threads.Gate)
        {
            if (_ready.Count >= most)
            {
                return null;
            }

            var node = _ready.AddLast(request);
            Changed();
            if (_ready.Count == 1)
            {
                _threads.Join(this);
            }

            Monitor.Pulse(_threads.Gate);
            return node;
        }
    }

    /// <summary>Takes a request out of the line, unless a thread has taken it.</summary>
    public void Remove(LinkedListNode<T> node)
    {
        lock (_threads.Gate)
        {
            if (node.List is not null)
            {
                _ready.Remove(node);
                Changed();
            }
        }
    }

    protected override (Action Work, int Count) TakeFirst(int free)
    {
        // What waits is shared among the threads that are free: a batch must not leave another thread without work.
        var taken = new T[Math.Clamp((_ready.Count + free - 1) / free, 1, together)];
        for (var i = 0; i < taken.Length; i++)
        {
            taken[i] = _ready.First!.Value;
            _ready.RemoveFirst();
        }

        Changed();
        return (() => serve(taken), taken.Length);
    }

    private void Changed()
    {
        Volatile.Write(ref _length, _ready.Count);
        if (_ready.Count == 0)
        {
            _threads.Leave(this);
        }
    }
}
