using System.Runtime;

namespace Ocellus.Vision.Recipes;

/// <summary>Keeps the garbage collector from running while libtorch computes: <c>using (CollectionPause.Begin())</c>.</summary>
/// <remarks>
/// TorchSharp 0.107 creates an object with a finalizer for every scalar of an operation, even for the factor 1 in a + b. It passes the address
/// to libtorch but does not keep the object alive until libtorch has read it. If a collection runs at that point, the finalizer frees the scalar,
/// and the operation fails or reads garbage. On a busy machine that ended one training in seventeen. So collections are postponed until between
/// two steps.
/// </remarks>
internal sealed class CollectionPause : IDisposable
{
    // More than a step and the views of the next one allocate, even from files of 10 MB each. The memory is only reserved; it is touched as it is
    // used.
    private const long Bytes = 256L << 20, LargeBytes = 192L << 20;

    // Divides the sizes where memory is limited to less.
    private const int FallbackDivisor = 4;

    // A pause that finds enough room collects nothing, so more garbage than this is collected before it begins.
    private const long GarbageMax = 64L << 20;

    private static readonly Lock _gate = new();
    private static int _open;
    private static long _bytesAfterCollection;

    private bool _ended;

    private CollectionPause()
    {
    }

    /// <summary>Begins a pause, or joins the current one. Does nothing if the runtime grants none.</summary>
    public static CollectionPause Begin()
    {
        lock (_gate)
        {
            if (_open++ == 0)
            {
                if (GC.GetTotalMemory(forceFullCollection: false) - _bytesAfterCollection > GarbageMax)
                {
                    GC.Collect();
                    _bytesAfterCollection = GC.GetTotalMemory(forceFullCollection: false);
                }

                Try(() => _ = GC.TryStartNoGCRegion(Bytes, LargeBytes) || GC.TryStartNoGCRegion(Bytes / FallbackDivisor, LargeBytes / FallbackDivisor));
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
            // If more was allocated than requested, the runtime has collected after all and ended the pause.
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
            // Another pause is active, or a collection ended this one after the mode was read.
        }
    }
}
