using Microsoft.Data.Sqlite;

namespace Ocellus.Storage;

/// <summary>
/// Tells in a few microseconds whether anything was committed to the database since, by this process or another: what was read before and is asked for with
/// every request need not be read again. A query for one row costs ten times as much.
/// </summary>
internal sealed class CommitWatch : IDisposable
{
    private readonly Lock _gate = new();
    private readonly SqliteConnection _connection;
    private readonly SqliteCommand _version;
    private bool _disposed;

    /// <param name="connectionString">The database; it must be there.</param>
    public CommitWatch(string connectionString)
    {
        // Its own: SQLite counts the commits of all connections but the one that asks.
        _connection = new SqliteConnection(new SqliteConnectionStringBuilder(connectionString) { Pooling = false, Mode = SqliteOpenMode.ReadWrite }.ToString());
        _version = _connection.CreateCommand();
        // Seconds. Who reads is hardly ever kept waiting; if so, those behind must not wait for each other's waits too.
        _version.CommandTimeout = 2;
        _version.CommandText = "PRAGMA data_version";
    }

    /// <summary>
    /// A number that is another one after every commit. What was read after it was taken is still true as long as it is the same.
    /// </summary>
    /// <exception cref="ObjectDisposedException">Disposed: a new connection would count from the beginning again.</exception>
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
