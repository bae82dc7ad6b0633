namespace Ocellus.Hosting;

/// <summary>
/// The line of a model's requests before the serving threads. A request holds one place from its arrival until a thread takes it
/// or it gives up; so the bound also bounds the memory of pictures that wait to be decoded.
/// </summary>
internal sealed class ServingLine(ServingThreads threads, int units)
{
    private readonly LinkedList<Action> _ready = [];
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _length;
    private int _running;
    private int _units = units;
    private double _lastSeconds;
    private bool _closed;

    /// <summary>Requests that no thread has taken yet.</summary>
    public int Length => Volatile.Read(ref _length);

    /// <summary>The line's weight against other lines.</summary>
    public int Units
    {
        get => Volatile.Read(ref _units);
        set => Volatile.Write(ref _units, value);
    }

    /// <summary>Seconds of threads used so far, for each unit. Only inside the threads' gate.</summary>
    internal double Used { get; set; }

    /// <summary>Puts the work of a request into the line, unless that many wait there. It must not throw.</summary>
    /// <returns>Its place; null if there is none.</returns>
    public LinkedListNode<Action>? TryAdd(Action request, int most)
    {
        lock (threads.Gate)
        {
            if (_ready.Count >= most)
            {
                return null;
            }

            var node = _ready.AddLast(request);
            Changed();
            if (_ready.Count == 1)
            {
                threads.Join(this);
            }

            Monitor.Pulse(threads.Gate);
            return node;
        }
    }

    /// <summary>Takes a request out of the line, unless a thread has taken it.</summary>
    public void Remove(LinkedListNode<Action> node)
    {
        lock (threads.Gate)
        {
            if (node.List is not null)
            {
                _ready.Remove(node);
                Changed();
            }
        }
    }

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

    /// <summary>Gives the first request to a thread, and reckons with the time that the last one took until its own is known. Only inside the threads' gate.</summary>
    internal Action Take(out double expected)
    {
        var first = _ready.First!;
        _ready.RemoveFirst();
        Changed();
        _running++;
        expected = _lastSeconds;
        Used += expected / _units;
        return first.Value;
    }

    /// <summary>Called by the thread when the request is done.</summary>
    internal void Ended(double expected, double seconds)
    {
        lock (threads.Gate)
        {
            _lastSeconds = seconds;
            Used += (seconds - expected) / _units;
            _running--;
            EndIfIdle();
        }
    }

    private void Changed()
    {
        Volatile.Write(ref _length, _ready.Count);
        if (_ready.Count == 0)
        {
            threads.Leave(this);
        }
    }

    private void EndIfIdle()
    {
        if (_closed && _running == 0 && _ready.Count == 0)
        {
            _idle.TrySetResult();
        }
    }
}
