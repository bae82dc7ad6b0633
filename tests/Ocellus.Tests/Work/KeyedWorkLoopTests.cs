using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;
using Ocellus.Work;

namespace Ocellus.Tests.Work;

public sealed class KeyedWorkLoopTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly FakeTimeProvider _clock = new();
    private readonly CancellationTokenSource _end = new();
    private readonly Works _works = new();
    private KeyedWorkLoop<string> _loop = null!;
    private Task _run = Task.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _works.EndAll();
        await _run.WaitAsync(Patience, CancellationToken.None);
        _end.Dispose();
        _works.Dispose();
    }

    [Fact]
    public async Task A_key_has_one_task_and_is_due_again_at_once_when_it_ended()
    {
        _works.Due = ["a:1", "b:1"];
        await StartAsync();
        Assert.Equal(["a:1", "b:1"], _works.Started());

        _works.Due = ["a:2", "b:1"];
        await PollAsync();
        Assert.Equal(["a:1", "b:1"], _works.Started());

        _works.End("a:1", WorkEnd.PollAgain);
        await _works.PolledAsync();
        Assert.Equal(["a:1", "a:2", "b:1"], _works.Started());
    }

    [Fact]
    public async Task What_is_left_for_the_next_look_wakes_nobody()
    {
        _works.Due = ["a"];
        await StartAsync();
        _works.End("a", WorkEnd.NextPoll);
        Assert.False(await _works.HasPolledAsync(TimeSpan.FromMilliseconds(200)));
        Assert.Equal(["a"], _works.Started());

        await PollAsync();
        Assert.Equal(["a", "a"], _works.Started());
    }

    [Fact]
    public async Task A_key_that_is_held_back_waits_by_timestamps_and_the_others_go_on()
    {
        _works.Due = ["a", "b"];
        _works.PlacesMax = 1;
        await StartAsync(TimeSpan.FromHours(1), TimeSpan.FromSeconds(30));
        Assert.Equal(["a"], _works.Started());

        _works.End("a", WorkEnd.HoldBack);
        await _works.PolledAsync();
        Assert.Equal(["a", "b"], _works.Started());

        _works.End("b", WorkEnd.HoldBack);
        await _works.PolledAsync();
        _clock.Advance(TimeSpan.FromSeconds(29));
        await PollAsync();
        Assert.Equal(["a", "b"], _works.Started());

        _clock.Advance(TimeSpan.FromSeconds(1));
        await PollAsync();
        Assert.Equal(["a", "a", "b"], _works.Started());
    }

    [Fact]
    public async Task Work_without_a_place_or_of_another_owner_holds_nothing_up()
    {
        _works.Due = ["a", "no place", "not mine", "b"];
        await StartAsync();

        Assert.Equal(["a", "b"], _works.Started());
        Assert.Equal(2, _works.Running);
    }

    [Fact]
    public async Task What_ends_after_the_due_work_was_read_is_not_started_by_that_reading()
    {
        _works.Due = ["a"];
        await StartAsync();
        _works.WhileReading = () => _works.End("a", WorkEnd.NextPoll);
        await PollAsync();
        Assert.Equal(["a"], _works.Started());

        _works.WhileReading = () => { };
        await PollAsync();
        Assert.Equal(["a", "a"], _works.Started());
    }

    [Fact]
    public async Task A_look_that_fails_is_told_and_tried_again_after_the_longest_wait()
    {
        _works.Due = ["a"];
        _works.WhileReading = () => throw new InvalidOperationException("no database");
        _loop = new(_clock, TimeSpan.FromSeconds(5));
        _run = Task.Run(() => _loop.RunAsync(_works, _end.Token), CancellationToken.None);
        Assert.True(SpinWait.SpinUntil(() => _works.Failures == 1, Patience));
        _works.WhileReading = () => { };

        // The wait may not have begun yet when the clock moves.
        for (var i = 0; i < 1000 && !await _works.HasPolledAsync(TimeSpan.FromMilliseconds(20)); i++)
        {
            _clock.Advance(TimeSpan.FromSeconds(5));
        }

        Assert.Equal(["a"], _works.Started());
        Assert.Equal(1, _works.Failures);
    }

    [Fact]
    public async Task The_end_awaits_what_runs()
    {
        _works.Due = ["a"];
        await StartAsync();
        await _end.CancelAsync();
        Assert.False(_run.IsCompleted);

        _works.End("a", WorkEnd.HoldBack);
        await _run.WaitAsync(Patience, TestContext.Current.CancellationToken);
    }

    private async Task StartAsync(TimeSpan? pollInterval = null, TimeSpan? holdBackFor = null)
    {
        _loop = new(_clock, pollInterval ?? TimeSpan.FromHours(1)) { HoldBackFor = holdBackFor ?? TimeSpan.Zero };
        _run = Task.Run(() => _loop.RunAsync(_works, _end.Token), CancellationToken.None);
        await _works.PolledAsync();
    }

    private Task PollAsync()
    {
        _loop.Wake();
        return _works.PolledAsync();
    }

    /// <summary>Work named by its key, or <c>key:step</c>, that ends when a test says so.</summary>
    private sealed class Works : IKeyedWork<string>, IDisposable
    {
        private readonly ConcurrentDictionary<string, TaskCompletionSource<WorkEnd>> _open = new();
        private readonly ConcurrentQueue<string> _started = new();
        private readonly SemaphoreSlim _polls = new(0);

        public string[] Due { get; set; } = [];

        public int PlacesMax { get; set; } = int.MaxValue;

        public Action WhileReading { get; set; } = () => { };

        public int Failures { get; private set; }

        public int Running { get; private set; }

        /// <summary>All that was ever started, sorted.</summary>
        public string[] Started() => [.. _started.Order(StringComparer.Ordinal)];

        public async Task PolledAsync() => Assert.True(await _polls.WaitAsync(Patience));

        public Task<bool> HasPolledAsync(TimeSpan within) => _polls.WaitAsync(within);

        public void End(string work, WorkEnd end) => _open[work].SetResult(end);

        public void Dispose() => _polls.Dispose();

        public void EndAll()
        {
            foreach (var source in _open.Values)
            {
                source.TrySetResult(WorkEnd.NextPoll);
            }
        }

        public async Task<IEnumerable<string>> DueAsync(CancellationToken cancel)
        {
            await Task.Yield();
            var due = Due;
            WhileReading();
            // What has just been told to end has time to.
            await Task.Delay(50, cancel);
            return due;
        }

        public string KeyOf(string work) => work.Split(':')[0];

        public bool CanStart(string work, IReadOnlyList<string> running) => running.Count < PlacesMax && work != "no place";

        public Task<bool> ClaimAsync(string work, CancellationToken cancel)
        {
            if (work == "not mine")
            {
                return Task.FromResult(false);
            }

            // Here and not in HandleAsync, whose task may not have begun when the poll is over.
            _open[work] = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _started.Enqueue(work);
            return Task.FromResult(true);
        }

        public Task<WorkEnd> HandleAsync(string work, CancellationToken cancel) => _open[work].Task;

        public Task PolledAsync(int running, CancellationToken cancel)
        {
            Running = running;
            _polls.Release();
            return Task.CompletedTask;
        }

        public void PollFailed(Exception failure) => Failures++;
    }
}
