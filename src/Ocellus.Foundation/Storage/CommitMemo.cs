namespace Ocellus.Storage;

/// <summary>
/// A value read from the database and cached until the next commit by any process. Until then it costs one check of <see cref="CommitWatch"/>: no query, no
/// lock of its own, no allocation.
/// </summary>
/// <remarks>
/// A stale value is never taken for a current one. The mark is taken before the read, so after a commit in between the stored mark is already old, and the
/// next caller reads again. Of two concurrent reads, the one that began first may end last: each takes a number after its mark and before its read, and a
/// result never replaces one with a higher number, which was read later and is as new or newer.
/// </remarks>
internal sealed class CommitMemo<T>(CommitWatch commits)
    where T : class
{
    private readonly Lock _gate = new();
    private volatile Entry? _entry;
    private long _reads;

    /// <summary>The value read last, which may be stale; null before the first read.</summary>
    public T? Last => _entry?.Value;

    /// <summary>The current value: the cached one, or what <paramref name="read"/> returns.</summary>
    /// <param name="state">Passed to <paramref name="read"/>, so that it can be static.</param>
    /// <param name="read">Reads the value. It receives the last one and may return it if it is still current. If it throws, the last one stays.</param>
    /// <param name="cancel">Passed to <paramref name="read"/>.</param>
    /// <exception cref="ObjectDisposedException">The database is closed.</exception>
    public ValueTask<T?> GetAsync<TState>(TState state, Func<TState, T?, CancellationToken, Task<T?>> read, CancellationToken cancel)
    {
        var mark = commits.Now();
        return _entry is { } cached && cached.Mark == mark ? new(cached.Value) : new(ReadAsync(mark, state, read, cancel));
    }

    private async Task<T?> ReadAsync<TState>(long mark, TState state, Func<TState, T?, CancellationToken, Task<T?>> read, CancellationToken cancel)
    {
        var number = Interlocked.Increment(ref _reads);
        var value = await read(state, Last, cancel);
        lock (_gate)
        {
            if (_entry is not { } other || other.Number < number)
            {
                _entry = new(mark, number, value);
            }
        }

        return value;
    }

    /// <param name="Mark">The database's mark before the read.</param>
    /// <param name="Number">Number of the read, in the order in which reads began.</param>
    /// <param name="Value">The value that was read.</param>
    private sealed record Entry(long Mark, long Number, T? Value);
}
