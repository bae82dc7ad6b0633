using System.Runtime.InteropServices;

namespace Ocellus.Hosting.Serving;

/// <summary>
/// Returns unused memory to the operating system. The garbage collector and the C library both keep what is freed, so a stopped model would
/// otherwise still occupy its memory.
/// </summary>
internal sealed class FreedMemory(TimeProvider clock)
{
    /// <summary>Quiet time before returning: the last request's buffers are released, and several models stopped together cause one collection.</summary>
    private static readonly TimeSpan _settle = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Maximum wait for that quiet. A collection delays every request by some ten milliseconds, so under constant starts and stops it must be rare.
    /// </summary>
    private static readonly TimeSpan _settleMax = TimeSpan.FromSeconds(2.5);

    /// <summary>
    /// Blocks of at least this many bytes are mapped separately, and so returned when freed. By default glibc raises its threshold (128 KB) to as much
    /// as 32 MB, and takes the network's blocks from the arenas of the calling threads. Measured: up to 28 MB were left with each start and stop, and
    /// nothing with 128 KB or 1 MB. 1 MB does not affect the buffers of decoding, which come and go with each request.
    /// </summary>
    private const int MappedBytesMin = 1024 * 1024;

    /// <summary>M_MMAP_THRESHOLD of malloc.h.</summary>
    private const int MappedBytesMinParameter = -3;

    /// <summary>
    /// Free memory at the end of a thread's arena that <c>free</c> does not return. With glibc's 128 KB, an image's buffers would be returned and
    /// allocated again with every request, and their pages cleared each time; <see cref="Return"/> returns it all.
    /// </summary>
    private const int KeptBytesMax = 32 * 1024 * 1024;

    /// <summary>M_TRIM_THRESHOLD of malloc.h.</summary>
    private const int KeptBytesMaxParameter = -1;

    private int _pending;
    private long _requestedAt;

    /// <summary>Sets the C library's thresholds. To be called before the first model is loaded.</summary>
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

    /// <summary>Requests the return, without waiting for it.</summary>
    public void Return()
    {
        Volatile.Write(ref _requestedAt, clock.GetTimestamp());
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
            wait = Sooner(_settle - clock.GetElapsedTime(Volatile.Read(ref _requestedAt)), _settleMax - clock.GetElapsedTime(begun)))
        {
            await Task.Delay(wait, clock);
        }

        // Requests from here on are not served by this collection.
        Volatile.Write(ref _pending, 0);
        var quiet = clock.GetElapsedTime(Volatile.Read(ref _requestedAt)) >= _settle;
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

        // The latest requester may not have released everything yet.
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
