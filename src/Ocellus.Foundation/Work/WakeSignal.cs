using System.Data.Common;
using System.Threading.Channels;

namespace Ocellus.Work;

/// <summary>Tells a worker that the database may have something due. A wake-up may be lost, the work may not: so every wait also ends by itself.</summary>
internal sealed class WakeSignal(TimeProvider clock)
{
    private readonly Channel<bool> _wakes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Ends the present wait, or the next one.</summary>
    public void Wake() => _wakes.Writer.TryWrite(true);

    /// <summary>Works, waits for a wake-up, at most so long, and works again, until it is cancelled.</summary>
    /// <param name="longest">Longest wait.</param>
    /// <param name="work">What is to be done each time.</param>
    /// <param name="failed">Told when the database or the disk did not let it: a full disk, say. The server goes on serving, and the work is tried again after
    /// the wait.</param>
    /// <param name="cancel">Ends it, with its exception.</param>
    public async Task LoopAsync(TimeSpan longest, Func<Task> work, Action<Exception> failed, CancellationToken cancel)
    {
        while (true)
        {
            try
            {
                await work();
            }
            catch (Exception failure) when (failure is DbException or IOException or UnauthorizedAccessException)
            {
                failed(failure);
            }

            await WaitAsync(longest, cancel);
        }
    }

    /// <summary>Waits for a wake-up, at most so long.</summary>
    public async Task WaitAsync(TimeSpan longest, CancellationToken cancel)
    {
        using var period = new CancellationTokenSource(longest, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, period.Token);
        try
        {
            await _wakes.Reader.ReadAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            // Nobody woke the worker; it looks all the same.
        }
    }
}
