namespace Ocellus.Hosting.Serving;

/// <summary>
/// Counts requests inside a running model and lets it be closed: after <see cref="Close"/> none enters, and <see cref="Drained"/> completes with the last to
/// leave.
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

    /// <summary>Whether the caller is inside; if so, it has to <see cref="Leave"/>.</summary>
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
