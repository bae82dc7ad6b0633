using System.Runtime;

namespace Ocellus.Vision.Recipes;

/// <summary>Keeps the garbage collector from running while libtorch computes: <c>using (CollectionPause.Begin())</c>.</summary>
/// <remarks>
/// TorchSharp 0.107 makes an object with a finalizer for every number that takes part in an operation, also for the factor 1 in a + b,
/// hands its address to libtorch and does not keep the object alive until libtorch has read it. A collection just then lets the finalizer
/// free it: the operation fails, or takes whatever number lies there. On a busy machine that ended one training of seventeen. So collections are
/// put off to the time between two steps.
/// </remarks>
internal sealed class CollectionPause : IDisposable
{
    // More than a step and the views of the next one allocate, with files of 10 MB each that are read for them. It is set aside, and touched only as
    // far as it is used.
    private const long Bytes = 256L << 20, LargeBytes = 192L << 20;

    // Where memory is limited to less, so much less is asked for.
    private const int Less = 4;

    // A pause that finds room collects nothing; what has piled up is collected before it.
    private const long PiledUpMax = 64L << 20;

    private static readonly Lock _gate = new();
    private static int _open;
    private static long _after;

    private bool _ended;

    private CollectionPause()
    {
    }

    /// <summary>Begins a pause, or joins the one that there is. Where the runtime grants none, nothing changes.</summary>
    public static CollectionPause Begin()
    {
        lock (_gate)
        {
            if (_open++ == 0)
            {
                if (GC.GetTotalMemory(forceFullCollection: false) - _after > PiledUpMax)
                {
                    GC.Collect();
                    _after = GC.GetTotalMemory(forceFullCollection: false);
                }

                Try(() => _ = GC.TryStartNoGCRegion(Bytes, LargeBytes) || GC.TryStartNoGCRegion(Bytes / Less, LargeBytes / Less));
            }
        }

        return new CollectionPause();
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_ended)
            {
                return;
            }

            _ended = true;
            // A collection all the same, after more was allocated than was asked for, has ended it already.
            if (--_open == 0 && GCSettings.LatencyMode == GCLatencyMode.NoGCRegion)
            {
                Try(GC.EndNoGCRegion);
            }
        }
    }

    private static void Try(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentOutOfRangeException)
        {
            // Someone else's pause, or a collection since the look at the mode.
        }
    }
}
