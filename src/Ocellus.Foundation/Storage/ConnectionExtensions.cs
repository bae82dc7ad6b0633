using System.Data;
using System.Data.Common;
using Microsoft.Data.Sqlite;

namespace Ocellus.Storage;

/// <summary>What differs between databases, in one place.</summary>
internal static class ConnectionExtensions
{
    /// <summary>Begins a transaction that only reads: it sees one state of the database until it ends, and keeps no writer waiting.</summary>
    public static DbTransaction BeginSnapshot(this DbConnection connection) =>
        connection is SqliteConnection sqlite ? sqlite.BeginTransaction(deferred: true) : connection.BeginTransaction(IsolationLevel.RepeatableRead);
}
