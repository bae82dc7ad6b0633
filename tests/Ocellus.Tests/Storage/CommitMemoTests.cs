using Dapper;
using Ocellus.Storage;

namespace Ocellus.Tests.Storage;

public sealed class CommitMemoTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), "ocellus-memo-" + Guid.NewGuid().ToString("N"));
    private readonly DataDirectory _data;
    private readonly CommitMemo<string> _memo;

    public CommitMemoTests()
    {
        _data = TestDatabase.Open(_path);
        _memo = new(_data.Commits);
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _data.Dispose();
        TestDatabase.Drop(_path);
        Directory.Delete(_path, recursive: true);
    }

    [Fact]
    public async Task A_value_is_read_once_and_again_after_a_commit()
    {
        var reads = 0;
        Assert.Null(_memo.Last);
        Assert.Equal("1", await GetAsync());
        Assert.Equal("1", await GetAsync());
        await CommitAsync();
        Assert.Equal("2", await GetAsync());
        Assert.Equal("2", _memo.Last);

        ValueTask<string?> GetAsync() => _memo.GetAsync(0, (_, _, _) => Task.FromResult<string?>($"{++reads}"), Cancel);
    }

    [Fact]
    public async Task What_is_remembered_is_given_without_a_task()
    {
        await _memo.GetAsync("a", static (value, _, _) => Task.FromResult<string?>(value), Cancel);

        var before = GC.GetAllocatedBytesForCurrentThread();
        var mark = _data.Commits.Now();
        var ofWatch = GC.GetAllocatedBytesForCurrentThread() - before;
        before = GC.GetAllocatedBytesForCurrentThread();
        // What is there already is awaited without leaving the thread.
        var hit = await _memo.GetAsync("b", static (value, _, _) => Task.FromResult<string?>(value), Cancel);
        var ofMemo = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(mark, _data.Commits.Now());
        Assert.Equal("a", hit);
        // The delegate is made once, at the first call from here.
        Assert.InRange(ofMemo - ofWatch, long.MinValue, 128);
    }

    [Fact]
    public async Task A_commit_during_a_read_makes_the_next_caller_read_again()
    {
        await _memo.GetAsync(0, async (_, _, _) => { await CommitAsync(); return "old"; }, Cancel);

        Assert.Equal("new", await _memo.GetAsync(0, (_, _, _) => Task.FromResult<string?>("new"), Cancel));
    }

    [Fact]
    public async Task Of_two_that_read_side_by_side_the_older_does_not_win_by_ending_last()
    {
        var end = new TaskCompletionSource<string?>(TaskCreationOptions.RunContinuationsAsynchronously);
        var slow = _memo.GetAsync(0, (_, _, _) => end.Task, Cancel).AsTask();
        await CommitAsync();
        Assert.Equal("new", await _memo.GetAsync(0, (_, _, _) => Task.FromResult<string?>("new"), Cancel));

        end.SetResult("old");

        Assert.Equal("old", await slow);
        Assert.Equal("new", _memo.Last);
        Assert.Equal("new", await _memo.GetAsync(0, (_, _, _) => Task.FromResult<string?>("never read"), Cancel));
    }

    [Fact]
    public async Task A_read_is_given_the_last_value_and_one_that_fails_leaves_it()
    {
        await _memo.GetAsync(0, (_, last, _) => Task.FromResult<string?>(last ?? "first"), Cancel);
        await CommitAsync();
        await Assert.ThrowsAsync<IOException>(async () => await _memo.GetAsync(0, (_, _, _) => throw new IOException("no"), Cancel));

        Assert.Equal("first", await _memo.GetAsync(0, (_, last, _) => Task.FromResult(last), Cancel));
    }

    [Fact]
    public async Task That_there_is_nothing_is_remembered_too()
    {
        Assert.Null(await _memo.GetAsync(0, (_, _, _) => Task.FromResult<string?>(null), Cancel));
        Assert.Null(await _memo.GetAsync(0, (_, _, _) => Task.FromResult<string?>("never read"), Cancel));
    }

    private async Task CommitAsync()
    {
        await using var connection = await _data.ConnectAsync(Cancel);
        await connection.ExecuteAsync("UPDATE access_revision SET revision = revision + 1");
    }
}
