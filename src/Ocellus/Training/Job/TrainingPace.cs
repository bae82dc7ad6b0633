namespace Ocellus.Training.Job;

/// <summary>
/// How many threads a training uses: all that it may, but half of them, at least one, while its server answers requests. The server signals
/// this over the process's standard input, one word a line.
/// </summary>
internal sealed class TrainingPace(int threads)
{
    /// <summary>The server is answering requests.</summary>
    public const string Yield = "yield";

    /// <summary>It no longer is.</summary>
    public const string Resume = "resume";

    private volatile bool _yields;

    /// <summary>Threads to learn with from the next step on.</summary>
    public int Threads => _yields ? Math.Max(1, threads / 2) : threads;

    /// <summary>Receives a line of standard input; unknown ones are from a later version and ignored.</summary>
    public void Receive(string line) => _yields = line switch { Yield => true, Resume => false, _ => _yields };

    /// <summary>Signals a training process on every change, until cancelled.</summary>
    /// <param name="input">Its standard input.</param>
    /// <param name="yields">Whether it should yield now.</param>
    /// <param name="clock">The clock of the polls.</param>
    /// <param name="cancel">Ends the signalling, without an exception.</param>
    public static async Task SignalAsync(TextWriter input, Func<bool> yields, TimeProvider clock, CancellationToken cancel)
    {
        var sent = false;
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(500), clock);
        try
        {
            do
            {
                if (yields() != sent)
                {
                    sent = !sent;
                    await input.WriteLineAsync((sent ? Yield : Resume).AsMemory(), cancel);
                    await input.FlushAsync(cancel);
                }
            }
            while (await timer.WaitForNextTickAsync(cancel));
        }
        catch (Exception failure) when (failure is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The process has ended, or its input was closed to stop it.
        }
    }
}
