using System.Runtime.InteropServices;

namespace Ocellus.Hosting;

/// <summary>
/// Gives memory that is no longer used back to the operating system. Freed is not returned: the garbage collector and the C library both
/// keep what they once had, and a stopped model would go on costing its size.
/// </summary>
internal sealed class FreedMemory(TimeProvider clock)
{
    /// <summary>Wait before returning: the last request's buffers are let go, and several models stopped together cost one collection.</summary>
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Blocks of at least this many bytes are mapped one by one and so returned when freed. Left alone, glibc raises its bound (128 KB) up
    /// to 32 MB by itself and cuts the network's blocks from the arenas of whichever threads asked; measured: up to 28 MB stayed behind with each
    /// start and stop, and nothing with 128 KB or 1 MB. The larger leaves the buffers of decoding alone, which come and go with each request.
    /// </summary>
    private const int MappedBytesMin = 1024 * 1024;

    /// <summary>M_MMAP_THRESHOLD of malloc.h.</summary>
    private const int MappedBytesMinParameter = -3;

    /// <summary>
    /// Free memory at the end of a thread's arena that is not returned by each <c>free</c>. glibc's 128 KB mean that a picture's buffers are
    /// returned and asked for again with every request, and each of their pages is cleared again; <see cref="Return"/> takes it all back.
    /// </summary>
    private const int KeptBytesMax = 32 * 1024 * 1024;

    /// <summary>M_TRIM_THRESHOLD of malloc.h.</summary>
    private const int KeptBytesMaxParameter = -1;

    private int _pending;

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
        if (Interlocked.Exchange(ref _pending, 1) == 0)
        {
            _ = Task.Run(ReturnAsync);
        }
    }

    private async Task ReturnAsync()
    {
        await Task.Delay(Settle, clock);
        Volatile.Write(ref _pending, 0);
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
    }

    [DllImport("libc", EntryPoint = "malloc_trim"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Trim(nuint keepBytes);

    [DllImport("libc", EntryPoint = "mallopt"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetOption(int parameter, int value);
}
