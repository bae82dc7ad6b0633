using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using Npgsql;

namespace Ocellus.Storage.Postgres;

/// <summary>A statement on a <see cref="PostgresConnection"/>.</summary>
internal sealed class PostgresCommand(PostgresConnection connection, NpgsqlCommand command) : DbCommand
{
    private PostgresTransaction? _transaction;

    [AllowNull]
    public override string CommandText
    {
        get => command.CommandText;
        set => command.CommandText = value;
    }

    public override int CommandTimeout
    {
        get => command.CommandTimeout;
        set => command.CommandTimeout = value;
    }

    public override CommandType CommandType
    {
        get => command.CommandType;
        set => command.CommandType = value;
    }

    public override bool DesignTimeVisible
    {
        get => command.DesignTimeVisible;
        set => command.DesignTimeVisible = value;
    }

    public override UpdateRowSource UpdatedRowSource
    {
        get => command.UpdatedRowSource;
        set => command.UpdatedRowSource = value;
    }

    /// <summary>Always the one that made it.</summary>
    protected override DbConnection? DbConnection
    {
        get => connection;
        set => _ = value;
    }

    protected override DbParameterCollection DbParameterCollection => command.Parameters;

    protected override DbTransaction? DbTransaction
    {
        get => _transaction;
        set
        {
            _transaction = (PostgresTransaction?)value;
            command.Transaction = _transaction?.Inner;
        }
    }

    public override void Cancel() => command.Cancel();

    public override void Prepare() => command.Prepare();

    public override Task PrepareAsync(CancellationToken cancellationToken = default) => command.PrepareAsync(cancellationToken);

    public override int ExecuteNonQuery()
    {
        try
        {
            return connection.Call(command.ExecuteNonQuery);
        }
        finally
        {
            Wrote();
        }
    }

    public override async Task<int> ExecuteNonQueryAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await connection.CallAsync(() => command.ExecuteNonQueryAsync(cancellationToken));
        }
        finally
        {
            Wrote();
        }
    }

    public override object? ExecuteScalar() => connection.Call(command.ExecuteScalar);

    public override Task<object?> ExecuteScalarAsync(CancellationToken cancellationToken) =>
        connection.CallAsync(() => command.ExecuteScalarAsync(cancellationToken));

    public override async ValueTask DisposeAsync()
    {
        await command.DisposeAsync();
        await base.DisposeAsync();
    }

    protected override DbParameter CreateDbParameter() => command.CreateParameter();

    protected override DbDataReader ExecuteDbDataReader(CommandBehavior behavior) => connection.Call(() => command.ExecuteReader(behavior));

    protected override Task<DbDataReader> ExecuteDbDataReaderAsync(CommandBehavior behavior, CancellationToken cancellationToken) =>
        connection.CallAsync<DbDataReader>(async () => await command.ExecuteReaderAsync(behavior, cancellationToken));

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            command.Dispose();
        }

        base.Dispose(disposing);
    }

    /// <summary>Without a transaction, the statement was one. Also after a failure: it may have been done when the connection broke.</summary>
    private void Wrote()
    {
        if (_transaction is null)
        {
            connection.Count();
        }
        else
        {
            _transaction.Wrote = true;
        }
    }
}
