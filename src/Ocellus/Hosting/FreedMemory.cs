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

    private int _pending;

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
}
