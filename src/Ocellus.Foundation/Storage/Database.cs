using System.Data.Common;
using Dapper;

namespace Ocellus.Storage;

/// <summary>
/// The database that holds the truth: a SQLite file in the data directory, or PostgreSQL, which several servers may share. Both have the same tables, made by
/// the same migrations, and run the same statements; what differs is behind this class.
/// </summary>
/// <remarks>
/// A transaction begun without an isolation level is a write transaction: it is the only one at a time, waits up to 30 s for its turn, and sees what the one
/// before it wrote. So what it reads is still true when it writes. <see cref="ConnectionExtensions"/> has the other two kinds.
/// </remarks>
internal abstract class Database : IDisposable
{
    // Here, because every access comes after this: a column such as created_ms maps to CreatedMs.
    static Database() => DefaultTypeMap.MatchNamesWithUnderscores = true;

    /// <summary>For messages: a path, or a host and a name. It holds no secret.</summary>
    public abstract string Name { get; }

    /// <summary>Whether other servers may use it at the same time.</summary>
    public abstract bool IsShared { get; }

    /// <summary>Detects commits by this process or another.</summary>
    public abstract CommitWatch Commits { get; }

    /// <summary>Why it does not answer now; null if it does, as far as known.</summary>
    public virtual string? Away => null;

    /// <summary>Whether a failure says that it does not answer now, so that trying again later may help.</summary>
    public virtual bool IsAway(Exception failure) => false;

    /// <summary>Opens a connection. A writer waits for another writer for up to 30 s.</summary>
    /// <exception cref="DbException">It does not answer.</exception>
    public abstract Task<DbConnection> ConnectAsync(CancellationToken cancel);

    /// <summary>Brings the schema up to date. Servers that start at the same time do it one after the other.</summary>
    /// <exception cref="InvalidOperationException">A later version of the program wrote it, or it cannot be changed.</exception>
    public abstract void Migrate();

    /// <summary>Whether its schema is that of this program.</summary>
    public abstract bool IsCurrent();

    /// <summary>
    /// Waits until no other server holds the lock of this name, and holds it until the result is disposed. A server that ends loses its locks. Without other
    /// servers there is nothing to wait for.
    /// </summary>
    public virtual Task<IAsyncDisposable> LockAsync(string name, CancellationToken cancel) => Task.FromResult<IAsyncDisposable>(new NoLock());

    /// <summary>Epoch milliseconds by the clock that all users of the database share.</summary>
    public virtual Task<long> NowMsAsync(DbConnection connection, DbTransaction? transaction, TimeProvider clock) =>
        Task.FromResult(clock.GetUtcNow().ToUnixTimeMilliseconds());

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);

    private sealed class NoLock : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
