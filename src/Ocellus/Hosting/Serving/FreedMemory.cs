using System.Runtime.InteropServices;

namespace Ocellus.Hosting.Serving;

/// <summary>
/// Gives memory that is no longer used back to the operating system. Freed is not returned: the garbage collector and the C library both
/// keep what they once had, and a stopped model would go on costing its size.
/// </summary>
internal sealed class FreedMemory(TimeProvider clock)
{
    /// <summary>Quiet before returning: the last request's buffers are let go, and several models stopped together cost one collection.</summary>
    private static readonly TimeSpan _settle = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Longest wait for that quiet. A collection holds every request up for some ten milliseconds, so under starts and stops without a break they are to be
    /// rare.
    /// </summary>
    private static readonly TimeSpan _settleMax = TimeSpan.FromSeconds(2.5);

    /// <summary>
    /// Blocks of at least this many bytes are mapped one by one and so returned when freed. Left alone, glibc raises its bound (128 KB) up
    /// to 32 MB by itself and cuts the network's blocks from the arenas of whichever threads asked; measured: up to 28 MB stayed behind with each
    /// start and stop, and nothing with 128 KB or 1 MB. The larger leaves the buffers of decoding alone, which come and go with each request.
    /// </summary>
    private const int MappedBytesMin = 1024 * 1024;

    /// <summary>M_MMAP_THRESHOLD of malloc.h.</summary>
    private const int MappedBytesMinParameter = -3;

    /// <summary>
    /// Free memory at the end of a thread's arena that is not returned by each <c>free</c>. glibc's 128 KB mean that an image's buffers are
    /// returned and asked for again with every request, and each of their pages is cleared again; <see cref="Return"/> takes it all back.
    /// </summary>
    private const int KeptBytesMax = 32 * 1024 * 1024;

    /// <summary>M_TRIM_THRESHOLD of malloc.h.</summary>
    private const int KeptBytesMaxParameter = -1;

    private int _pending;
    private long _asked;

    /// <summary>Tells the C library to keep less. To be called before the first model is loaded.</summary>
    public static void Prepare()
    {
        if (OperatingSystem.IsLinux())
        {
            try
            {
                _ = SetOption(MappedBytesMinParameter, MappedBytesMin);
                _ = SetOption(KeptBytesMaxParameter, KeptBytesMax);
            }
            catch (EntryPointNotFoundException)
            {
                // Not glibc.
            }
        }
    }

    /// <summary>Asks for it; returns at once.</summary>
    public void Return()
    {
        Volatile.Write(ref _asked, clock.GetTimestamp());
        if (Interlocked.Exchange(ref _pending, 1) == 0)
        {
            _ = Task.Run(ReturnAsync);
        }
    }

    private async Task ReturnAsync()
    {
        var begun = clock.GetTimestamp();
        for (var wait = _settle;
            wait > TimeSpan.Zero;
            wait = Sooner(_settle - clock.GetElapsedTime(Volatile.Read(ref _asked)), _settleMax - clock.GetElapsedTime(begun)))
        {
            await Task.Delay(wait, clock);
        }

        // Whoever asks from here on is not answered by this collection.
        Volatile.Write(ref _pending, 0);
        var quiet = clock.GetElapsedTime(Volatile.Read(ref _asked)) >= _settle;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        if (OperatingSystem.IsLinux())
        {
            try
            {
                _ = Trim(0);
            }
            catch (EntryPointNotFoundException)
            {
                // Not glibc: musl returns freed memory by itself.
            }
        }

        // Whoever asked in the last moment may not have let go of everything yet.
        if (!quiet)
        {
            Return();
        }
    }

    private static TimeSpan Sooner(TimeSpan a, TimeSpan b) => a < b ? a : b;

    [DllImport("libc", EntryPoint = "malloc_trim"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Trim(nuint keepBytes);

    [DllImport("libc", EntryPoint = "mallopt"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetOption(int parameter, int value);
}
