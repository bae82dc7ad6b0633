using System.Data;
using System.Data.Common;
using Microsoft.Data.Sqlite;

namespace Ocellus.Storage;

/// <summary>The differences between databases.</summary>
internal static class ConnectionExtensions
{
    /// <summary>Begins a read-only transaction. It sees one state of the database and does not block writers.</summary>
    public static DbTransaction BeginSnapshot(this DbConnection connection) =>
        connection is SqliteConnection sqlite ? sqlite.BeginTransaction(deferred: true) : connection.BeginTransaction(IsolationLevel.RepeatableRead);
}
