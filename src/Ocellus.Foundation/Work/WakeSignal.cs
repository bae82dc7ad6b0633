using System.Data.Common;
using System.Threading.Channels;

namespace Ocellus.Work;

/// <summary>Wakes a worker when the database may have due work. Wake-ups may be lost, but work must not be: so every wait also ends by itself.</summary>
internal sealed class WakeSignal(TimeProvider clock)
{
    private readonly Channel<bool> _wakes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Ends the current wait, or the next one.</summary>
    public void Wake() => _wakes.Writer.TryWrite(true);

    /// <summary>Does the work after every wake-up or interval, until cancelled.</summary>
    /// <param name="interval">Maximum wait.</param>
    /// <param name="work">The work.</param>
    /// <param name="failed">Called when the database or the disk prevented the work; for example when the disk is full. The work is tried again after the
    /// wait.</param>
    /// <param name="cancel">Ends the loop with an <see cref="OperationCanceledException"/>.</param>
    public async Task LoopAsync(TimeSpan interval, Func<Task> work, Action<Exception> failed, CancellationToken cancel)
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

            await WaitAsync(interval, cancel);
        }
    }

    /// <summary>Waits for a wake-up, but no longer than the interval.</summary>
    public async Task WaitAsync(TimeSpan interval, CancellationToken cancel)
    {
        using var period = new CancellationTokenSource(interval, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, period.Token);
        try
        {
            await _wakes.Reader.ReadAsync(either.Token);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            // The interval has passed.
        }
    }
}
