namespace Ocellus.Training.Job;

/// <summary>
/// How many threads a training takes: all that it may, and half of them, at least one, while its server answers requests. The server tells
/// its training process over standard input, one word a line.
/// </summary>
internal sealed class TrainingPace(int threads)
{
    /// <summary>The server is being asked.</summary>
    public const string Yield = "yield";

    /// <summary>It no longer is.</summary>
    public const string Resume = "resume";

    private volatile bool _yields;

    /// <summary>Threads to learn with from the next step on.</summary>
    public int Threads => _yields ? Math.Max(1, threads / 2) : threads;

    /// <summary>Takes a line of standard input; what it does not know is of a later version and ignored.</summary>
    public void Take(string line) => _yields = line switch { Yield => true, Resume => false, _ => _yields };

    /// <summary>Tells a training process whenever the answer changes, until cancelled.</summary>
    /// <param name="input">Its standard input.</param>
    /// <param name="yields">Whether it is to yield now.</param>
    /// <param name="clock">Of the looks.</param>
    /// <param name="cancel">Ends it, without an exception.</param>
    public static async Task TellAsync(TextWriter input, Func<bool> yields, TimeProvider clock, CancellationToken cancel)
    {
        var told = false;
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(500), clock);
        try
        {
            do
            {
                if (yields() != told)
                {
                    told = !told;
                    await input.WriteLineAsync((told ? Yield : Resume).AsMemory(), cancel);
                    await input.FlushAsync(cancel);
                }
            }
            while (await timer.WaitForNextTickAsync(cancel));
        }
        catch (Exception failure) when (failure is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The process has ended, or is told to by closing its input.
        }
    }
}
