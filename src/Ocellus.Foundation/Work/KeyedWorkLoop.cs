namespace Ocellus.Work;

/// <summary>How the handling of a piece of work ended, and so when its key's turn comes again.</summary>
internal enum WorkEnd
{
    /// <summary>Done: the loop looks again at once, for the key may already be due for its next step, and its place is free.</summary>
    LookAgain,

    /// <summary>Not done: nobody looks for its sake; the next look, of the timer or a wake-up, may start it again.</summary>
    NextLook,

    /// <summary>Not done: the loop looks again at once for others, but the key itself is held back for <see cref="KeyedWorkLoop{T}.HoldBackFor"/>.</summary>
    HoldBack,
}

/// <summary>What a <see cref="KeyedWorkLoop{T}"/> is to do. All but <see cref="HandleAsync"/> is called by the loop alone, one call after the other.</summary>
/// <typeparam name="T">A piece of work.</typeparam>
internal interface IKeyedWork<T>
{
    /// <summary>What is due now, in the order in which it is to be started. What runs already may be among it.</summary>
    Task<IEnumerable<T>> DueAsync(CancellationToken cancel);

    /// <summary>Of all that has the same key one is handled at a time.</summary>
    string KeyOf(T work);

    /// <summary>Whether the work may start beside what runs. One without a place holds nothing up that comes after it.</summary>
    bool HasPlace(T work, IReadOnlyList<T> running) => true;

    /// <summary>Takes the work, just before it starts; false if it is another's by now.</summary>
    Task<bool> ClaimAsync(T work, CancellationToken cancel) => Task.FromResult(true);

    /// <summary>Does the work, on a task of its own. It must not throw, not even when it is cancelled.</summary>
    Task<WorkEnd> HandleAsync(T work, CancellationToken cancel);

    /// <summary>Everything due that has a place is started.</summary>
    Task LookedAsync(int running, CancellationToken cancel) => Task.CompletedTask;

    /// <summary>A look failed: the database could not be read, say. It is tried again after a wake-up or the longest wait.</summary>
    void LookFailed(Exception failure);
}

/// <summary>
/// Looks at what is due, starts a task for each key that has none, and looks again after a wake-up, at most so long later. A wake-up may be lost,
/// the work may not.
/// </summary>
/// <param name="clock">Of the waits.</param>
/// <param name="lookEvery">Longest time between two looks.</param>
internal sealed class KeyedWorkLoop<T>(TimeProvider clock, TimeSpan lookEvery)
{
    private readonly WakeSignal _wakes = new(clock);
    // Both are touched by the loop only. Timestamps, which no clock that is set back moves.
    private readonly Dictionary<string, Run> _running = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _heldBack = new(StringComparer.Ordinal);

    /// <summary>How long a key waits after <see cref="WorkEnd.HoldBack"/>.</summary>
    public TimeSpan HoldBackFor { get; init; }

    /// <summary>Tells the loop that something is due.</summary>
    public void Wake() => _wakes.Wake();

    /// <summary>Works until it is cancelled, and then awaits what still runs.</summary>
    public async Task RunAsync(IKeyedWork<T> work, CancellationToken cancel)
    {
        try
        {
            while (!cancel.IsCancellationRequested)
            {
                try
                {
                    await LookAsync(work, cancel);
                }
                catch (Exception failure) when (failure is not OperationCanceledException || !cancel.IsCancellationRequested)
                {
                    work.LookFailed(failure);
                }

                await _wakes.WaitAsync(lookEvery, cancel);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The server stops; what is left is done after its next start.
        }
        finally
        {
            await Task.WhenAll(_running.Values.Select(r => r.Task));
        }
    }

    private async Task LookAsync(IKeyedWork<T> work, CancellationToken cancel)
    {
        // Before what is due is read: what ends after that is not started again by what was due before its end.
        Forget();
        foreach (var due in await work.DueAsync(cancel))
        {
            var key = work.KeyOf(due);
            if (!_running.ContainsKey(key) && !_heldBack.ContainsKey(key) && work.HasPlace(due, [.. Running()]) && await work.ClaimAsync(due, cancel))
            {
                Start(work, due, key, cancel);
            }
        }

        await work.LookedAsync(Running().Count(), cancel);
    }

    private void Start(IKeyedWork<T> work, T due, string key, CancellationToken cancel)
    {
        var run = new Run(due);
        _running[key] = run;
        // On a thread of its own from the first step on: the database's calls do not yield. Not with the token: what was claimed is handled, if only
        // to be given back.
        run.Task = Task.Run(() => HandleAsync(work, run, cancel), CancellationToken.None);
    }

    private async Task HandleAsync(IKeyedWork<T> work, Run run, CancellationToken cancel)
    {
        var end = WorkEnd.NextLook;
        try
        {
            end = await work.HandleAsync(run.Work, cancel);
        }
        finally
        {
            // Before the wake-up: woken earlier, the loop would find the place still taken, and the next would wait for the timer.
            run.Finish(end, clock.GetTimestamp());
            if (end != WorkEnd.NextLook)
            {
                Wake();
            }
        }
    }

    private IEnumerable<T> Running() => _running.Values.Where(r => !r.IsDone).Select(r => r.Work);

    private void Forget()
    {
        foreach (var (key, run) in _running.Where(r => r.Value.IsDone).ToList())
        {
            _running.Remove(key);
            if (run.End == WorkEnd.HoldBack)
            {
                _heldBack[key] = run.EndedAt;
            }
        }

        foreach (var (key, _) in _heldBack.Where(h => clock.GetElapsedTime(h.Value) >= HoldBackFor).ToList())
        {
            _heldBack.Remove(key);
        }
    }

    private sealed class Run(T work)
    {
        private volatile bool _isDone;

        public T Work { get; } = work;

        public Task Task { get; set; } = Task.CompletedTask;

        public bool IsDone => _isDone;

        /// <summary>How and when it ended, once it is done.</summary>
        public WorkEnd End { get; private set; }

        public long EndedAt { get; private set; }

        public void Finish(WorkEnd end, long timestamp)
        {
            (End, EndedAt) = (end, timestamp);
            _isDone = true;
        }
    }
}
