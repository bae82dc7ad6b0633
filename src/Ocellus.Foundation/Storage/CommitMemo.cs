namespace Ocellus.Storage;

/// <summary>
/// A value read from the database and remembered until the next commit by any process. As long as nothing was committed, it costs one look at
/// <see cref="CommitWatch"/>: no query, no lock of its own, no allocation.
/// </summary>
/// <remarks>
/// Why no stale value is ever taken for a current one: the mark is taken before the read, so a commit in between leaves a mark that is already old, and the
/// next caller reads again. Of two that read side by side the one that read first may end last: each takes a number after its mark and before its read, and a
/// result never replaces one with a higher number. The higher number was taken later, so what it read is as new or newer.
/// </remarks>
internal sealed class CommitMemo<T>(CommitWatch commits)
    where T : class
{
    private readonly Lock _gate = new();
    private volatile Entry? _entry;
    private long _reads;

    /// <summary>What was read last, and may no longer be true; null before the first read.</summary>
    public T? Last => _entry?.Value;

    /// <summary>The value as it is now: the remembered one, or what <paramref name="read"/> reads.</summary>
    /// <param name="state">Passed to <paramref name="read"/>, so that it can be static.</param>
    /// <param name="read">Reads the value. It is given the last one, which it may return if that is still true; when it throws, the last one stays.</param>
    /// <param name="cancel">Passed to <paramref name="read"/>.</param>
    /// <exception cref="ObjectDisposedException">The database was closed.</exception>
    public ValueTask<T?> GetAsync<TState>(TState state, Func<TState, T?, CancellationToken, Task<T?>> read, CancellationToken cancel)
    {
        var mark = commits.Now();
        return _entry is { } known && known.Mark == mark ? new(known.Value) : new(ReadAsync(mark, state, read, cancel));
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

    /// <param name="Mark">Of the database, before the read.</param>
    /// <param name="Number">Of the read, in the order in which reads began.</param>
    /// <param name="Value">What was read.</param>
    private sealed record Entry(long Mark, long Number, T? Value);
}
