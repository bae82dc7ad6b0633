using Microsoft.Data.Sqlite;

namespace Ocellus.Storage;

/// <summary>
/// Detects in a few microseconds whether anything was committed to the database, by this process or another. Values needed by every request can thus be
/// cached. A query for one row costs ten times as much.
/// </summary>
internal sealed class CommitWatch : IDisposable
{
    private readonly Lock _gate = new();
    private readonly SqliteConnection _connection;
    private readonly SqliteCommand _version;
    private bool _disposed;

    /// <param name="connectionString">The database, which must exist.</param>
    public CommitWatch(string connectionString)
    {
        // A connection of its own: SQLite counts the commits of all connections except the one that queries.
        _connection = new SqliteConnection(new SqliteConnectionStringBuilder(connectionString) { Pooling = false, Mode = SqliteOpenMode.ReadWrite }.ToString());
        _version = _connection.CreateCommand();
        // Seconds. Reads hardly ever wait; if one does, the waits of those queued behind it must not add up.
        _version.CommandTimeout = 2;
        _version.CommandText = "PRAGMA data_version";
    }

    /// <summary>A number that changes with every commit. A value read after the number was taken is current as long as the number is the same.</summary>
    /// <exception cref="ObjectDisposedException">Disposed. A new connection would start counting from the beginning.</exception>
    public long Now()
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

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            _version.Dispose();
            _connection.Dispose();
        }
    }
}
