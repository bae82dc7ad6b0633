using Ocellus.Storage;

namespace Ocellus.Tests.Storage;

public sealed class WriteBarrierTests : IDisposable
{
    private readonly string _folder = Path.Combine(Path.GetTempPath(), "ocellus-barrier-" + Guid.NewGuid().ToString("N"));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Many_enter_at_once_and_who_closes_waits_for_them_and_keeps_others_out()
    {
        // Two of them, as two processes have.
        WriteBarrier server = new(_folder), backup = new(_folder);
        var (one, two) = (server.Enter(), await server.EnterAsync(Cancel));

        var closing = backup.CloseAsync(TimeSpan.FromSeconds(30), Cancel);
        one.Dispose();
        await Task.Delay(50, Cancel);
        Assert.False(closing.IsCompleted);
        // Who comes while it is being closed waits too, or it would never close under load.
        var late = server.EnterAsync(Cancel).AsTask();
        await Task.Delay(50, Cancel);
        Assert.False(late.IsCompleted);

        two.Dispose();
        var closed = await closing;
        await Task.Delay(50, Cancel);
        Assert.False(late.IsCompleted);
        closed.Dispose();
        (await late).Dispose();
    }

    [Fact]
    public async Task It_closes_under_a_load_that_never_ends()
    {
        var barrier = new WriteBarrier(_folder);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        var inside = 0;
        var load = Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            while (!end.IsCancellationRequested)
            {
                using var entered = await barrier.EnterAsync(Cancel);
                Interlocked.Increment(ref inside);
                await Task.Delay(3, Cancel);
                Interlocked.Decrement(ref inside);
            }
        }, Cancel)).ToList();
        for (var i = 0; i < 5; i++)
        {
            using var closed = await barrier.CloseAsync(TimeSpan.FromSeconds(30), Cancel);
            Assert.Equal(0, Volatile.Read(ref inside));
            await Task.Delay(20, Cancel);
            Assert.Equal(0, Volatile.Read(ref inside));
        }

        await end.CancelAsync();
        await Task.WhenAll(load);
    }

    [Fact]
    public async Task Who_stays_inside_for_too_long_is_not_waited_for()
    {
        var barrier = new WriteBarrier(_folder);
        using var entered = barrier.Enter();
        await Assert.ThrowsAsync<TimeoutException>(() => barrier.CloseAsync(TimeSpan.FromMilliseconds(50), Cancel));
        barrier.Enter().Dispose();
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
