namespace Ocellus.Console.Sessions;

/// <summary>Counts failed sign-ins of each client address, so that keys cannot be tried out.</summary>
internal sealed class SignInTries(TimeProvider clock)
{
    /// <summary>Failed tries of one address within <see cref="Window"/>.</summary>
    public const int TriesMax = 5;

    public static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    /// <summary>Addresses that are remembered. Beyond that all are refused until the oldest are forgotten.</summary>
    private const int AddressesMax = 10_000;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Queue<long>> _failed = new(StringComparer.Ordinal);

    /// <summary>Counts a try before it is checked, so that tries at the same time count as well.</summary>
    /// <returns>False if the address has had its tries.</returns>
    public bool TryBegin(string address)
    {
        var now = clock.GetTimestamp();
        lock (_gate)
        {
            if (_failed.Count >= AddressesMax)
            {
                foreach (var old in _failed.Where(f => f.Value.All(t => IsOver(t, now))).Select(f => f.Key).ToList())
                {
                    _failed.Remove(old);
                }
            }

            if (!_failed.TryGetValue(address, out var tries))
            {
                if (_failed.Count >= AddressesMax)
                {
                    return false;
                }

                _failed.Add(address, tries = new());
            }

            while (tries.TryPeek(out var first) && IsOver(first, now))
            {
                tries.Dequeue();
            }

            if (tries.Count >= TriesMax)
            {
                return false;
            }

            tries.Enqueue(now);
            return true;
        }
    }

    /// <summary>A try was right: the address starts anew.</summary>
    public void Succeeded(string address)
    {
        lock (_gate)
        {
            _failed.Remove(address);
        }
    }

    private bool IsOver(long at, long now) => clock.GetElapsedTime(at, now) >= Window;
}
