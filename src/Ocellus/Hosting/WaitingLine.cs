using Ocellus.Vision.Inference;

namespace Ocellus.Hosting;

/// <summary>A request whose picture is ready for the network.</summary>
internal sealed class Waiting(PreparedPicture picture)
{
    /// <summary>The picture at network size.</summary>
    public PreparedPicture Picture { get; } = picture;

    /// <summary>The answer; set once, by a unit or by whoever gives the request up.</summary>
    public TaskCompletionSource<IReadOnlyList<Prediction>> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}

/// <summary>
/// The bounded line in front of a model's units. A request holds one place from its arrival, through decoding, until a unit takes it
/// or it gives up; so the bound also bounds the memory of pictures that wait to be decoded.
/// </summary>
internal sealed class WaitingLine
{
    // An object and not a Lock: units sleep on it.
    private readonly object _gate = new();
    private readonly LinkedList<Waiting> _ready = [];
    private int _held;
    private int _units;
    private bool _closed;

    /// <summary>Places held now: requests that wait for a decoder, are decoded or wait for a unit.</summary>
    public int Held => Volatile.Read(ref _held);

    /// <summary>Units wanted. One whose index is not below it ends when it next looks for work.</summary>
    public int Units
    {
        get => Volatile.Read(ref _units);
        set
        {
            lock (_gate)
            {
                _units = value;
                Monitor.PulseAll(_gate);
            }
        }
    }

    /// <summary>Takes a place, unless that many are taken.</summary>
    public bool TryHold(int most)
    {
        lock (_gate)
        {
            if (_held >= most)
            {
                return false;
            }

            _held++;
            return true;
        }
    }

    /// <summary>Gives back a place for which nothing stands in the line.</summary>
    public void GiveUp()
    {
        lock (_gate)
        {
            _held--;
        }
    }

    /// <summary>Puts a request that holds a place into the line.</summary>
    public LinkedListNode<Waiting> Add(Waiting waiting)
    {
        lock (_gate)
        {
            var node = _ready.AddLast(waiting);
            Monitor.Pulse(_gate);
            return node;
        }
    }

    /// <summary>Takes a request out of the line and gives its place back, unless a unit has taken it.</summary>
    public void Remove(LinkedListNode<Waiting> node)
    {
        lock (_gate)
        {
            if (node.List is not null)
            {
                _ready.Remove(node);
                _held--;
            }
        }
    }

    /// <summary>Waits for work and takes up to <paramref name="most"/> requests. False when this unit is to end.</summary>
    public bool Take(int unit, List<Waiting> batch, int most)
    {
        lock (_gate)
        {
            while (true)
            {
                if (unit >= _units || (_closed && _ready.Count == 0))
                {
                    // The wake-up may have been meant for a unit that stays.
                    Monitor.Pulse(_gate);
                    return false;
                }

                if (_ready.Count > 0)
                {
                    break;
                }

                Monitor.Wait(_gate);
            }

            while (batch.Count < most && _ready.First is { } first)
            {
                _ready.RemoveFirst();
                _held--;
                batch.Add(first.Value);
            }

            return true;
        }
    }

    /// <summary>Lets every unit end once nothing waits any more.</summary>
    public void Close()
    {
        lock (_gate)
        {
            _closed = true;
            Monitor.PulseAll(_gate);
        }
    }
}
