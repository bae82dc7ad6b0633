using System.Diagnostics;

namespace Ocellus.Hosting.Serving;

/// <summary>
/// The threads that answer for all models, one a core: each takes a request (or several, see <see cref="HostingOptions.BatchMax"/>) from the
/// <see cref="FairQueue"/>, decodes its image and puts it through the network. More would not be faster, but would hold more pixels in memory; and as they
/// are not of the thread pool, requests that only describe or stop find a thread there. Models share the cores by their units, the weights of their flows.
/// </summary>
internal sealed class ServingThreads : IDisposable
{
    public ServingThreads()
    {
        for (var i = 0; i < Count; i++)
        {
            new Thread(Work) { Name = $"serving {i + 1}", IsBackground = true }.Start();
        }
    }

    /// <summary>How many there are.</summary>
    public static int Count => Environment.ProcessorCount;

    /// <summary>
    /// Threads that work on one pass through a network while cores are idle. Where all are busy, a pass has one: helpers would come too late to find
    /// anything to do, and forty calls to wake them cost a request 2 ms of a core. The layers are too small for more than a few.
    /// </summary>
    public static int IntraOpThreads => Math.Min(Count, 4);

    /// <summary>What they take from.</summary>
    public FairQueue Queue { get; } = new(Count);

    /// <summary>Whether at least half of the cores answer nothing now.</summary>
    public bool CanHelp => 2 * Queue.Busy <= Count;

    /// <summary>Ends the threads when they have answered what is in the queue.</summary>
    public void Dispose() => Queue.Dispose();

    private void Work()
    {
        while (Queue.Take() is { } turn)
        {
            var started = Stopwatch.GetTimestamp();
            turn.Work();
            Queue.Complete(turn, Stopwatch.GetElapsedTime(started).TotalSeconds);
        }
    }
}
