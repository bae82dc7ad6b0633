namespace Ocellus.Work;

/// <summary>How handling a piece of work ended, which decides when its key is polled again.</summary>
internal enum WorkEnd
{
    /// <summary>Done. The loop polls again at once: the key may be due for its next step, and its place is free.</summary>
    PollAgain,

    /// <summary>Not done. The next poll, by timer or wake-up, may start it again.</summary>
    NextPoll,

    /// <summary>Not done. The loop polls again at once for other keys; this one is held back for <see cref="KeyedWorkLoop{T}.HoldBackFor"/>.</summary>
    HoldBack,
}

/// <summary>The work of a <see cref="KeyedWorkLoop{T}"/>. Except for <see cref="HandleAsync"/>, the loop calls the members one at a time.</summary>
/// <typeparam name="T">A piece of work.</typeparam>
internal interface IKeyedWork<T>
{
    /// <summary>What is due now, in starting order. It may include work that is already running.</summary>
    Task<IEnumerable<T>> DueAsync(CancellationToken cancel);

    /// <summary>The key of a piece of work. Only one with the same key is handled at a time.</summary>
    string KeyOf(T work);

    /// <summary>Whether the work may start alongside what is running. If not, it does not block what is due after it.</summary>
    bool CanStart(T work, IReadOnlyList<T> running) => true;

    /// <summary>Claims the work just before it starts; false if another process has claimed it.</summary>
    Task<bool> ClaimAsync(T work, CancellationToken cancel) => Task.FromResult(true);

    /// <summary>Does the work, in a task of its own. Must not throw, not even when cancelled.</summary>
    Task<WorkEnd> HandleAsync(T work, CancellationToken cancel);

    /// <summary>Called after each poll, when everything that can start has been started.</summary>
    Task PolledAsync(int running, CancellationToken cancel) => Task.CompletedTask;

    /// <summary>
    /// Called when a poll failed, for example because the database could not be read. The loop polls again after a wake-up or the poll interval.
    /// </summary>
    void PollFailed(Exception failure);
}

/// <summary>
/// Polls for due work, starts a task for each key that has none, and polls again after a wake-up or the poll interval. So a wake-up may be lost, but never the
/// work.
/// </summary>
/// <param name="clock">The clock of the waits.</param>
/// <param name="pollInterval">Maximum time between two polls.</param>
internal sealed class KeyedWorkLoop<T>(TimeProvider clock, TimeSpan pollInterval)
{
    private readonly WakeSignal _wakes = new(clock);
    // Used by the loop only. Held back since: a timestamp, so that setting the clock back has no effect.
    private readonly Dictionary<string, Run> _running = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _heldBack = new(StringComparer.Ordinal);

    /// <summary>How long a key waits after <see cref="WorkEnd.HoldBack"/>.</summary>
    public TimeSpan HoldBackFor { get; init; }

    /// <summary>Makes the loop poll: something may be due.</summary>
    public void Wake() => _wakes.Wake();

    /// <summary>Runs until cancelled, then awaits the running work.</summary>
    public async Task RunAsync(IKeyedWork<T> work, CancellationToken cancel)
    {
        try
        {
            while (!cancel.IsCancellationRequested)
            {
                try
                {
                    await PollAsync(work, cancel);
                }
                catch (Exception failure) when (failure is not OperationCanceledException || !cancel.IsCancellationRequested)
                {
                    work.PollFailed(failure);
                }

                await _wakes.WaitAsync(pollInterval, cancel);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The server is stopping; remaining work is done after its next start.
        }
        finally
        {
            await Task.WhenAll(_running.Values.Select(r => r.Task));
        }
    }

    private async Task PollAsync(IKeyedWork<T> work, CancellationToken cancel)
    {
        // Before the due work is read: otherwise work that ends during the read might be started again from a stale list.
        Forget();
        foreach (var due in await work.DueAsync(cancel))
        {
            var key = work.KeyOf(due);
            if (!_running.ContainsKey(key) && !_heldBack.ContainsKey(key) && work.CanStart(due, [.. Running()]) && await work.ClaimAsync(due, cancel))
            {
                Start(work, due, key, cancel);
            }
        }

        await work.PolledAsync(Running().Count(), cancel);
    }

    private void Start(IKeyedWork<T> work, T due, string key, CancellationToken cancel)
    {
        var run = new Run(due);
        _running[key] = run;
        // On another thread from the start, because database calls do not yield. Without the token: claimed work must be handled, if only to be released.
        run.Task = Task.Run(() => HandleAsync(work, run, cancel), CancellationToken.None);
    }

    private async Task HandleAsync(IKeyedWork<T> work, Run run, CancellationToken cancel)
    {
        var end = WorkEnd.NextPoll;
        try
        {
            end = await work.HandleAsync(run.Work, cancel);
        }
        finally
        {
            // Before the wake-up: otherwise the loop might still see the key as running, and wait for the timer.
            run.Finish(end, clock.GetTimestamp());
            if (end != WorkEnd.NextPoll)
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
