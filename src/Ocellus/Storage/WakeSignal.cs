using System.Threading.Channels;

namespace Ocellus.Storage;

/// <summary>Tells a worker that the database may have something due. A wake-up may be lost, the work may not: so every wait also ends by itself.</summary>
internal sealed class WakeSignal(TimeProvider clock)
{
    private readonly Channel<bool> _wakes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Ends the present wait, or the next one.</summary>
    public void Wake() => _wakes.Writer.TryWrite(true);

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
