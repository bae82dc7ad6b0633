using System.Data;
using System.Data.Common;
using Microsoft.Data.Sqlite;

namespace Ocellus.Storage;

/// <summary>The kinds of transactions beside that of <see cref="Database"/>.</summary>
internal static class ConnectionExtensions
{
    /// <summary>Begins a read-only transaction. It sees one state of the database and does not block writers.</summary>
    public static DbTransaction BeginSnapshot(this DbConnection connection) =>
        connection is SqliteConnection sqlite ? sqlite.BeginTransaction(deferred: true) : connection.BeginTransaction(IsolationLevel.RepeatableRead);

    /// <summary>
    /// Begins a transaction of a job, which alone changes the rows that it reads, or decides by what its own statements find. In PostgreSQL it lets other
    /// writers go on meanwhile; SQLite has one writer anyway.
    /// </summary>
    public static ValueTask<DbTransaction> BeginStepAsync(this DbConnection connection, CancellationToken cancel) =>
        connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancel);
}
