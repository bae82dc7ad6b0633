using System.Diagnostics;

namespace Ocellus.Hosting.Serving;

/// <summary>
/// The threads that serve all models, one for each core. Each takes a request (or several, see <see cref="HostingOptions.BatchMax"/>) from the
/// <see cref="FairQueue"/>, decodes its image and puts it through the network. More threads would not be faster but would hold more pixels in memory. They
/// are not from the thread pool, which stays free for other requests. Models share the cores by their units, the weights of their flows.
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

    /// <summary>Number of threads.</summary>
    public static int Count => Environment.ProcessorCount;

    /// <summary>
    /// Threads for one pass through a network while cores are idle. When all are busy, a pass has one: helper threads would start too late to be of
    /// use, and the forty calls that wake them cost a request 2 ms of a core. The layers are too small for more than a few threads.
    /// </summary>
    public static int IntraOpThreads => Math.Min(Count, 4);

    /// <summary>The queue that they serve.</summary>
    public FairQueue Queue { get; } = new(Count);

    /// <summary>Whether at least half of the cores are idle.</summary>
    public bool HasIdleCores => 2 * Queue.Busy <= Count;

    /// <summary>Ends the threads when they have emptied the queue.</summary>
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
