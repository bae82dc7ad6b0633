using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using Npgsql;

namespace Ocellus.Storage.Postgres;

/// <summary>
/// A connection that keeps the promises of <see cref="Database"/>: a transaction without an isolation level is the only one that writes, this process's commits
/// are seen at once, and a database that is away is told from a statement that failed.
/// </summary>
/// <remarks>
/// Dapper writes lists out for every connection but Npgsql's own, so that one statement with IN serves both databases.
/// </remarks>
internal sealed class PostgresConnection(NpgsqlConnection connection, PostgresCommitWatch commits) : DbConnection
{
    /// <summary>The lock of the one writer.</summary>
    private static readonly string _writeLock = $"SELECT pg_advisory_xact_lock({PostgresDatabase.LockOf("write")})";

    [AllowNull]
    public override string ConnectionString
    {
        get => connection.ConnectionString;
        set => connection.ConnectionString = value;
    }

    public override string Database => connection.Database;

    public override string DataSource => connection.DataSource;

    public override string ServerVersion => connection.ServerVersion;

    public override ConnectionState State => connection.State;

    public override void ChangeDatabase(string databaseName) => connection.ChangeDatabase(databaseName);

    public override void Open() => connection.Open();

    public override Task OpenAsync(CancellationToken cancellationToken) => connection.OpenAsync(cancellationToken);

    public override void Close() => connection.Close();

    public override Task CloseAsync() => connection.CloseAsync();

    public override async ValueTask DisposeAsync()
    {
        await connection.DisposeAsync();
        await base.DisposeAsync();
    }

    /// <summary>Counts a commit, or what may have been one.</summary>
    public void Count() => commits.Count();

    /// <summary>Runs a call of Npgsql, and translates its failure.</summary>
    public async Task<T> CallAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (Exception failure) when (PostgresErrors.Translate(failure, IsBroken) is { } away)
        {
            throw away;
        }
    }

    /// <summary>As <see cref="CallAsync"/>.</summary>
    public T Call<T>(Func<T> call)
    {
        try
        {
            return call();
        }
        catch (Exception failure) when (PostgresErrors.Translate(failure, IsBroken) is { } away)
        {
            throw away;
        }
    }

    protected override DbTransaction BeginDbTransaction(IsolationLevel isolationLevel) =>
        Call(() =>
        {
            var transaction = connection.BeginTransaction(LevelOf(isolationLevel));
            if (isolationLevel == IsolationLevel.Unspecified)
            {
                using var command = new NpgsqlCommand(_writeLock, connection, transaction);
                command.ExecuteNonQuery();
            }

            return new PostgresTransaction(this, transaction);
        });

    protected override async ValueTask<DbTransaction> BeginDbTransactionAsync(IsolationLevel isolationLevel, CancellationToken cancellationToken) =>
        await CallAsync(async () =>
        {
            var transaction = await connection.BeginTransactionAsync(LevelOf(isolationLevel), cancellationToken);
            try
            {
                if (isolationLevel == IsolationLevel.Unspecified)
                {
                    await using var command = new NpgsqlCommand(_writeLock, connection, transaction);
                    await command.ExecuteNonQueryAsync(cancellationToken);
                }

                return new PostgresTransaction(this, transaction);
            }
            catch
            {
                await transaction.DisposeAsync();
                throw;
            }
        });

    protected override DbCommand CreateDbCommand() => new PostgresCommand(this, connection.CreateCommand());

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            connection.Dispose();
        }

        base.Dispose(disposing);
    }

    private bool IsBroken => connection.State != ConnectionState.Open;

    /// <summary>Each statement of a write transaction sees what was committed before it, and so what the last holder of the lock wrote.</summary>
    private static IsolationLevel LevelOf(IsolationLevel level) => level == IsolationLevel.Unspecified ? IsolationLevel.ReadCommitted : level;
}
