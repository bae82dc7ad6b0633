using System.Data.Common;
using System.Diagnostics;
using System.IO.Hashing;
using System.Text;
using Npgsql;

namespace Ocellus.Storage.Postgres;

/// <summary>A database in PostgreSQL, which several servers may share.</summary>
internal sealed class PostgresDatabase : Database
{
    /// <summary>As SQLite's: how long a writer waits for another one.</summary>
    private const int LockWaitMilliseconds = 30_000;

    /// <summary>Beyond the write lock, which has one holder, connections mostly read. Three servers then need fewer than the 100 that PostgreSQL has.</summary>
    private const int ConnectionsMax = 30;

    private static readonly TimeSpan _retryAfter = TimeSpan.FromMilliseconds(500);

    private readonly string _connectionString;
    private readonly NpgsqlDataSource _source;
    private readonly PostgresCommitWatch _commits;

    private PostgresDatabase(NpgsqlConnectionStringBuilder settings, string process)
    {
        _connectionString = settings.ConnectionString;
        _source = NpgsqlDataSource.Create(_connectionString);
        Name = $"{settings.Database ?? settings.Username} at {settings.Host}{(settings.Port == NpgsqlConnection.DefaultPort ? "" : $":{settings.Port}")}";
        _commits = new PostgresCommitWatch(_connectionString, process, _source.Clear);
    }

    public override string Name { get; }

    public override bool IsShared => true;

    public override CommitWatch Commits => _commits;

    public override string? Away => _commits.Away;

    /// <summary>Connects, and waits for a database that does not answer yet.</summary>
    /// <exception cref="InvalidOperationException">The connection string is none, the database refuses it, or does not answer for as long as the setting says.
    /// </exception>
    public static PostgresDatabase Open(DatabaseOptions options)
    {
        var process = Guid.NewGuid().ToString("N");
        var database = new PostgresDatabase(Parse(options.Database, process), process);
        try
        {
            database.WaitFor(options.DatabaseWait);
            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    public override async Task<DbConnection> ConnectAsync(CancellationToken cancel)
    {
        try
        {
            return new PostgresConnection(await _source.OpenConnectionAsync(cancel), _commits);
        }
        catch (Exception failure) when (PostgresErrors.Translate(failure, isBroken: true) is { } away)
        {
            throw away;
        }
    }

    public override bool IsAway(Exception failure) => PostgresErrors.IsAway(failure);

    public override void Migrate() => new PostgresSchema(_connectionString, Name).Migrate();

    public override bool IsCurrent() => new PostgresSchema(_connectionString, Name).IsCurrent();

    /// <summary>What the database was called when it was made; a copy keeps it.</summary>
    public string Installation()
    {
        using var connection = _source.OpenConnection();
        using var command = new NpgsqlCommand("SELECT id FROM installation", connection);
        return (string)command.ExecuteScalar()!;
    }

    public override async Task<IAsyncDisposable> LockAsync(string name, CancellationToken cancel)
    {
        // Not from the pool: the lock is the session's, and ends with it.
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(_connectionString) { Pooling = false }.ConnectionString);
        try
        {
            await connection.OpenAsync(cancel);
            await using var command = new NpgsqlCommand("SELECT pg_advisory_lock($1)", connection) { Parameters = { new() { Value = LockOf(name) } } };
            await command.ExecuteNonQueryAsync(cancel);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    public override async Task<long> NowMsAsync(DbConnection connection, DbTransaction? transaction, TimeProvider clock)
    {
        await using var command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
        return (long)(await command.ExecuteScalarAsync())!;
    }

    /// <summary>The number of an advisory lock. PostgreSQL has them by number, and other programs may use some in the same database.</summary>
    internal static long LockOf(string name) => unchecked((long)XxHash64.HashToUInt64(Encoding.UTF8.GetBytes("ocellus " + name)));

    protected override void Dispose(bool disposing)
    {
        _commits.Dispose();
        _source.Dispose();
    }

    private static NpgsqlConnectionStringBuilder Parse(string text, string process)
    {
        NpgsqlConnectionStringBuilder settings;
        try
        {
            settings = new(text);
        }
        catch (Exception failure) when (failure is ArgumentException or FormatException or InvalidCastException or KeyNotFoundException)
        {
            // Without the text, and without the message, which may repeat a part of it: it may hold a password.
            throw Wrong("is not a connection string of PostgreSQL");
        }

        if (string.IsNullOrEmpty(settings.Host))
        {
            throw Wrong("names no Host");
        }

        if (string.IsNullOrEmpty(settings.Database) && string.IsNullOrEmpty(settings.Username))
        {
            throw Wrong("names no Database");
        }

        var given = settings.Keys.Cast<string>().ToHashSet(StringComparer.OrdinalIgnoreCase);
        settings.ApplicationName ??= "ocellus";
        // What the user gives counts; otherwise a database that is away is noticed before clients give up.
        settings.Timeout = given.Contains("Timeout") ? settings.Timeout : 5;
        settings.MaxPoolSize = given.Contains("Maximum Pool Size") ? settings.MaxPoolSize : ConnectionsMax;
        settings.MaxAutoPrepare = given.Contains("Max Auto Prepare") ? settings.MaxAutoPrepare : 100;
        settings.Options = $"{settings.Options} -c lock_timeout={LockWaitMilliseconds} -c {PostgresSchema.ProcessSetting}={process}".Trim();
        return settings;

        static InvalidOperationException Wrong(string what) => new(
            $"{DatabaseOptions.Setting} {what}; it should look like \"Host=db.example.com;Database=ocellus;Username=ocellus\".");
    }

    private void WaitFor(TimeSpan wait)
    {
        var began = Stopwatch.GetTimestamp();
        using var never = new ManualResetEventSlim();
        while (true)
        {
            try
            {
                using var connection = _source.OpenConnection();
                return;
            }
            catch (Exception failure) when (failure is DbException or TimeoutException or System.Net.Sockets.SocketException)
            {
                var refused = !PostgresErrors.IsAway(failure);
                if (refused || Stopwatch.GetElapsedTime(began) >= wait)
                {
                    throw new InvalidOperationException(
                        refused
                            ? $"The database {Name} refuses the connection: {PostgresErrors.Sentence(failure)}"
                            : $"The database {Name} did not answer within {wait.TotalSeconds:0} s "
                                + $"({DatabaseOptions.Section}:{nameof(DatabaseOptions.DatabaseWait)}): {PostgresErrors.Sentence(failure)}",
                        failure);
                }
            }

            never.Wait(_retryAfter);
        }
    }
}
