using Microsoft.Win32.SafeHandles;

namespace Ocellus.Storage;

/// <summary>
/// Lets a backup, which is another process, briefly block all changes to files that belong to the database, so that files and database are consistent. Writers
/// enter the barrier, any number at a time; the backup closes it. A process that ends, even by a crash, releases its locks.
/// </summary>
/// <remarks>
/// Uses two lock files. A writer takes the first only while it enters, and holds the second until it leaves. The backup takes the first, so that no other
/// writer enters, and then the second, once the last writer has left. Not reentrant: entering twice can deadlock.
/// </remarks>
/// <param name="folder">The folder of the two files. Created if it does not exist.</param>
internal sealed class WriteBarrier(string folder)
{
    /// <summary>Another process holds the lock: EAGAIN of Linux, EAGAIN of macOS and the BSDs, ERROR_SHARING_VIOLATION.</summary>
    private static readonly int[] _lockedErrors = [11, 35, unchecked((int)0x80070020)];

    /// <summary>Time between two attempts. A backup closes the barrier for some ten milliseconds.</summary>
    private static readonly TimeSpan _retryDelay = TimeSpan.FromMilliseconds(2);

    private readonly string _door = Path.Combine(folder, ".door"), _inside = Path.Combine(folder, ".inside");

    /// <summary>Whether the folder is used by a server with a barrier: early versions have none.</summary>
    public bool Exists => File.Exists(_door) && File.Exists(_inside);

    /// <summary>Creates the two files.</summary>
    public void Prepare()
    {
        if (!Exists)
        {
            FileSystem.CreateFolder(folder);
            TryOpen(_door, FileShare.Read)?.Dispose();
            TryOpen(_inside, FileShare.Read)?.Dispose();
        }
    }

    /// <summary>Enters, after waiting for a backup that has closed the barrier. Dispose the result when the change is done.</summary>
    public async ValueTask<IDisposable> EnterAsync(CancellationToken cancel)
    {
        while (true)
        {
            if (TryEnter() is { } entered)
            {
                return entered;
            }

            await Task.Delay(_retryDelay, cancel).ConfigureAwait(false);
        }
    }

    /// <summary>Like <see cref="EnterAsync"/>, for synchronous code.</summary>
    public IDisposable Enter()
    {
        using var never = new ManualResetEventSlim();
        while (true)
        {
            if (TryEnter() is { } entered)
            {
                return entered;
            }

            never.Wait(_retryDelay);
        }
    }

    /// <summary>Waits until all writers have left, and keeps others out until the result is disposed.</summary>
    /// <exception cref="TimeoutException">A writer stayed inside for longer than <paramref name="timeout"/>.</exception>
    public async Task<IDisposable> CloseAsync(TimeSpan timeout, CancellationToken cancel)
    {
        Prepare();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(timeout);
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
            if (TryOpen(file, FileShare.None) is { } taken)
            {
                return taken;
            }

            await Task.Delay(_retryDelay, cancel).ConfigureAwait(false);
        }
    }

    private static Microsoft.Win32.SafeHandles.SafeFileHandle? TryOpen(string file, FileShare share)
    {
        try
        {
            return File.OpenHandle(file, FileMode.OpenOrCreate, share == FileShare.None ? FileAccess.ReadWrite : FileAccess.Read, share);
        }
        catch (IOException failure) when (_lockedErrors.Contains(failure.HResult))
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
