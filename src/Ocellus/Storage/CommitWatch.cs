using Microsoft.Data.Sqlite;

namespace Ocellus.Storage;

/// <summary>
/// Tells in a few microseconds whether anything was committed to the database since, by this process or another: what was read before and is asked for with every request
/// need not be read again. A query for one row costs ten times as much.
/// </summary>
internal sealed class CommitWatch : IDisposable
{
    private readonly Lock _gate = new();
    private readonly SqliteConnection _connection;
    private readonly SqliteCommand _version;

    /// <param name="connectionString">The database; it must be there.</param>
    public CommitWatch(string connectionString)
    {
        // Its own: SQLite counts the commits of all connections but the one that asks.
        _connection = new SqliteConnection(new SqliteConnectionStringBuilder(connectionString) { Pooling = false }.ToString());
        _version = _connection.CreateCommand();
        _version.CommandText = "PRAGMA data_version";
    }

    /// <summary>
    /// A number that is another one after every commit. What was read after it was taken is still true as long as it is the same.
    /// </summary>
    public long Now()
    {
        lock (_gate)
        {
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
            _version.Dispose();
            _connection.Dispose();
        }
    }
}
