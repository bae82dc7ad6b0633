using Microsoft.Data.Sqlite;

namespace Ocellus.Storage;

/// <summary>Looks at the file: SQLite counts the commits of all connections in shared memory.</summary>
internal sealed class SqliteCommitWatch : CommitWatch
{
    private readonly Lock _gate = new();
    private readonly SqliteConnection _connection;
    private readonly SqliteCommand _version;
    private bool _disposed;

    /// <param name="connectionString">The database, which must exist.</param>
    public SqliteCommitWatch(string connectionString)
    {
        // A connection of its own: SQLite counts the commits of all connections except the one that queries.
        _connection = new SqliteConnection(new SqliteConnectionStringBuilder(connectionString) { Pooling = false, Mode = SqliteOpenMode.ReadWrite }.ToString());
        _version = _connection.CreateCommand();
        // Seconds. Reads hardly ever wait; if one does, the waits of those queued behind it must not add up.
        _version.CommandTimeout = 2;
        _version.CommandText = "PRAGMA data_version";
    }

    public override long Now()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_connection.State != System.Data.ConnectionState.Open)
            {
                _connection.Open();
            }

            return (long)_version.ExecuteScalar()!;
        }
    }

    protected override void Dispose(bool disposing)
    {
        lock (_gate)
        {
            _disposed = true;
            _version.Dispose();
            _connection.Dispose();
        }
    }
}
