using System.Data;
using System.Data.Common;
using Npgsql;

namespace Ocellus.Storage.Postgres;

/// <summary>A transaction of a <see cref="PostgresConnection"/>. Disposed without a commit, it is rolled back.</summary>
internal sealed class PostgresTransaction(PostgresConnection connection, NpgsqlTransaction transaction) : DbTransaction
{
    public NpgsqlTransaction Inner => transaction;

    /// <summary>A statement that may have written ran.</summary>
    public bool Wrote { get; set; }

    public override IsolationLevel IsolationLevel => transaction.IsolationLevel;

    protected override DbConnection DbConnection => connection;

    public override void Commit() => connection.Call(() =>
    {
        try
        {
            transaction.Commit();
            return true;
        }
        finally
        {
            Committed();
        }
    });

    /// <summary>Is not cancelled: nobody would know whether it took place.</summary>
    public override Task CommitAsync(CancellationToken cancellationToken = default) => connection.CallAsync(async () =>
    {
        try
        {
            await transaction.CommitAsync(CancellationToken.None);
            return true;
        }
        finally
        {
            Committed();
        }
    });

    public override void Rollback() => transaction.Rollback();

    public override Task RollbackAsync(CancellationToken cancellationToken = default) => transaction.RollbackAsync(cancellationToken);

    /// <summary>A connection that broke has rolled back by itself.</summary>
    public override async ValueTask DisposeAsync()
    {
        try
        {
            await transaction.DisposeAsync();
            await base.DisposeAsync();
        }
        catch (Exception failure) when (PostgresErrors.Translate(failure, isBroken: true) is not null)
        {
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            try
            {
                transaction.Dispose();
            }
            catch (Exception failure) when (PostgresErrors.Translate(failure, isBroken: true) is not null)
            {
            }
        }

        base.Dispose(disposing);
    }

    /// <summary>Also after a failure: the commit may have been done when the connection broke.</summary>
    private void Committed()
    {
        if (Wrote)
        {
            connection.Count();
        }
    }
}
