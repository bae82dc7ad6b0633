namespace Ocellus.Storage;

/// <summary>
/// Detects in a few microseconds whether anything was committed to the database, by this process or another. Values needed by every request can thus be
/// cached. A query for one row costs ten times as much.
/// </summary>
internal abstract class CommitWatch : IDisposable
{
    /// <summary>A number that changes with every commit. A value read after the number was taken is current as long as the number is the same.</summary>
    /// <exception cref="ObjectDisposedException">Disposed. A new watch would start counting from the beginning.</exception>
    public abstract long Now();

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}
