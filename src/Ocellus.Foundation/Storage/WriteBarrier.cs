using Microsoft.Win32.SafeHandles;

namespace Ocellus.Storage;

/// <summary>
/// Lets a backup, which is another process, hold back for a moment every change of the files that belong to the database: while nothing changes, files and
/// database are of one moment. Whoever changes them enters, many at once; the backup closes it. A process that ends, however it ends, holds nothing.
/// </summary>
/// <remarks>
/// Two files that the system locks. Those who enter pass through the first and stay in the second; who closes takes the first, so that nobody else enters, and
/// then the second, when the last has left. Entered twice by one flow it would wait for itself.
/// </remarks>
/// <param name="folder">Where the two files are; made if it is not there.</param>
internal sealed class WriteBarrier(string folder)
{
    /// <summary>EAGAIN of Linux, of macOS and the BSDs, and ERROR_SHARING_VIOLATION: someone else holds the lock.</summary>
    private static readonly int[] _taken = [11, 35, unchecked((int)0x80070020)];

    /// <summary>Time between two tries. A backup closes for some ten milliseconds.</summary>
    private static readonly TimeSpan _again = TimeSpan.FromMilliseconds(2);

    private readonly string _door = Path.Combine(folder, ".door"), _inside = Path.Combine(folder, ".inside");

    /// <summary>Whether a server of this version or a later one uses the folder: an earlier one knows no barrier.</summary>
    public bool IsThere => File.Exists(_door) && File.Exists(_inside);

    /// <summary>Makes the two files.</summary>
    public void Prepare()
    {
        if (!IsThere)
        {
            FileSystem.CreateFolder(folder);
            TryOpen(_door, FileShare.Read)?.Dispose();
            TryOpen(_inside, FileShare.Read)?.Dispose();
        }
    }

    /// <summary>Waits while a backup takes its moment. What is given is to be disposed when the change is done.</summary>
    public async ValueTask<IDisposable> EnterAsync(CancellationToken cancel)
    {
        while (true)
        {
            if (TryEnter() is { } entered)
            {
                return entered;
            }

            await Task.Delay(_again, cancel).ConfigureAwait(false);
        }
    }

    /// <summary>As <see cref="EnterAsync"/>, for changes that nobody awaits.</summary>
    public IDisposable Enter()
    {
        using var never = new ManualResetEventSlim();
        while (true)
        {
            if (TryEnter() is { } entered)
            {
                return entered;
            }

            never.Wait(_again);
        }
    }

    /// <summary>Keeps everyone out, when those inside have left. Disposing opens it again.</summary>
    /// <exception cref="TimeoutException">Someone stayed inside for longer than <paramref name="longest"/>.</exception>
    public async Task<IDisposable> CloseAsync(TimeSpan longest, CancellationToken cancel)
    {
        Prepare();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(longest);
        try
        {
            var door = await TakeAsync(_door, limit.Token).ConfigureAwait(false);
            try
            {
                return new Closed(door, await TakeAsync(_inside, limit.Token).ConfigureAwait(false));
            }
            catch
            {
                door.Dispose();
                throw;
            }
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            throw new TimeoutException();
        }
    }

    private SafeFileHandle? TryEnter()
    {
        Prepare();
        using var door = TryOpen(_door, FileShare.Read);
        return door is null ? null : TryOpen(_inside, FileShare.Read);
    }

    private static async Task<IDisposable> TakeAsync(string file, CancellationToken cancel)
    {
        while (true)
        {
            if (TryOpen(file, FileShare.None) is { } held)
            {
                return held;
            }

            await Task.Delay(_again, cancel).ConfigureAwait(false);
        }
    }

    private static Microsoft.Win32.SafeHandles.SafeFileHandle? TryOpen(string file, FileShare share)
    {
        try
        {
            return File.OpenHandle(file, FileMode.OpenOrCreate, share == FileShare.None ? FileAccess.ReadWrite : FileAccess.Read, share);
        }
        catch (IOException failure) when (_taken.Contains(failure.HResult))
        {
            return null;
        }
    }

    private sealed class Closed(IDisposable door, IDisposable inside) : IDisposable
    {
        public void Dispose()
        {
            inside.Dispose();
            door.Dispose();
        }
    }
}
