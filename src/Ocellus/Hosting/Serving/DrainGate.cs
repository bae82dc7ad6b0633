namespace Ocellus.Hosting.Serving;

/// <summary>
/// Counts the requests inside a running model and can be closed: after <see cref="Close"/> none enters, and <see cref="Drained"/> completes when the last
/// one leaves.
/// </summary>
internal sealed class DrainGate
{
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _inside;
    private bool _closed;

    public Task Drained => _drained.Task;

    /// <summary>Requests inside now.</summary>
    public int Inside => Volatile.Read(ref _inside);

    /// <summary>Whether the caller is inside; if so, it must call <see cref="Leave"/>.</summary>
    public bool TryEnter()
    {
        lock (_lock)
        {
            if (_closed)
            {
                return false;
            }

            _inside++;
            return true;
        }
    }

    public void Leave()
    {
        lock (_lock)
        {
            if (--_inside == 0 && _closed)
            {
                _drained.TrySetResult();
            }
        }
    }

    public void Close()
    {
        lock (_lock)
        {
            _closed = true;
            if (_inside == 0)
            {
                _drained.TrySetResult();
            }
        }
    }
}
