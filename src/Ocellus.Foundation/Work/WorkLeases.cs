using System.Collections.Concurrent;
using System.Data.Common;
using Dapper;
using Ocellus.Storage;

namespace Ocellus.Work;

/// <summary>Work that this server alone may do now. Dispose it when it has ended.</summary>
internal interface IWorkLease : IAsyncDisposable
{
    /// <summary>Cancelled when the lease is lost: another server may begin the work.</summary>
    CancellationToken Lost { get; }

    /// <summary>
    /// Holds the lease until the transaction ends, so that nothing is committed after it was lost. Called last, for meanwhile nobody can renew or take it.
    /// </summary>
    /// <exception cref="LeaseLostException">It is lost. Nothing may be committed.</exception>
    Task HoldAsync(DbConnection connection, DbTransaction transaction);
}

/// <summary>Another server may have begun the work.</summary>
internal sealed class LeaseLostException(string name) : Exception($"The lease of {name} was lost; another server goes on with it.");

/// <summary>
/// Keeps several servers on one database from doing the same work twice. A lease ends by the database's clock unless its holder renews it. A holder that cannot
/// renew stops before that by its own clock, so that nobody else has begun by then. Without other servers there is nothing to lease.
/// </summary>
internal sealed partial class WorkLeases(DataDirectory data, TimeProvider clock, ILogger<WorkLeases> log) : BackgroundService
{
    /// <summary>How long a lease is valid without renewal: what a server that died leaves is taken up after this time.</summary>
    public static readonly TimeSpan LeaseTime = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan _renewEvery = TimeSpan.FromSeconds(4);

    /// <summary>A lease that was not renewed for so long counts as lost here, before it does elsewhere.</summary>
    private static readonly TimeSpan _lostAfter = TimeSpan.FromSeconds(12);

    /// <summary>Another one for each run of the server: what an earlier run held is taken up when it has expired.</summary>
    private readonly string _owner = Guid.NewGuid().ToString("N");

    private readonly ConcurrentDictionary<string, Lease> _held = new(StringComparer.Ordinal);

    /// <summary>Whether other servers may do the same work.</summary>
    public bool AreNeeded => data.Database.IsShared;

    /// <summary>Takes a lease; null if another server, or this one, has it.</summary>
    public async Task<IWorkLease?> TryTakeAsync(string name, CancellationToken cancel)
    {
        if (!data.Database.IsShared)
        {
            return new Alone();
        }

        var asked = clock.GetTimestamp();
        await using var connection = await data.ConnectAsync(cancel);
        var now = await data.Database.NowMsAsync(connection, null, clock);
        if (await connection.ExecuteAsync(
            """
            INSERT INTO work_leases (name, owner, until_ms) VALUES (@name, @owner, @until)
            ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until_ms = excluded.until_ms WHERE work_leases.until_ms < @now
            """,
            new { name, owner = _owner, until = now + (long)LeaseTime.TotalMilliseconds, now }) != 1)
        {
            return null;
        }

        return _held[name] = new Lease(this, name, asked);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!data.Database.IsShared)
        {
            return;
        }

        // Services stop in the reverse order of their registration: those that hold leases have ended when this one is told to.
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await RenewAsync();
            }
            catch (Exception failure) when (failure is DbException or OperationCanceledException)
            {
                // The second is the limit's: a database that can be reached by nobody, and so does not even refuse a connection.
                NotRenewed(log, failure.Message);
            }

            foreach (var lease in _held.Values.Where(l => clock.GetElapsedTime(l.RenewedAt) > _lostAfter))
            {
                await LoseAsync(lease);
            }

            await Task.Delay(_renewEvery, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task RenewAsync()
    {
        if (_held.IsEmpty)
        {
            return;
        }

        using var limit = new CancellationTokenSource(_renewEvery, clock);
        var asked = clock.GetTimestamp();
        await using var connection = await data.ConnectAsync(limit.Token);
        var until = await data.Database.NowMsAsync(connection, null, clock) + (long)LeaseTime.TotalMilliseconds;
        foreach (var lease in _held.Values)
        {
            if (await connection.ExecuteAsync(
                "UPDATE work_leases SET until_ms = @until WHERE name = @Name AND owner = @owner", new { until, lease.Name, owner = _owner }) == 1)
            {
                lease.RenewedAt = asked;
            }
            else if (_held.ContainsKey(lease.Name))
            {
                await LoseAsync(lease);
            }
        }
    }

    private async Task LoseAsync(Lease lease)
    {
        if (_held.TryRemove(KeyValuePair.Create(lease.Name, lease)))
        {
            LeaseLost(log, lease.Name);
            await lease.LoseAsync();
        }
    }

    private async ValueTask ReleaseAsync(Lease lease)
    {
        _held.TryRemove(KeyValuePair.Create(lease.Name, lease));
        try
        {
            await using var connection = await data.ConnectAsync(CancellationToken.None);
            await connection.ExecuteAsync("DELETE FROM work_leases WHERE name = @Name AND owner = @owner", new { lease.Name, owner = _owner });
        }
        catch (DbException failure)
        {
            // It expires.
            NotRenewed(log, failure.Message);
        }
    }

    [LoggerMessage(1021, LogLevel.Warning, "Leases could not be renewed or released in the database: {Reason}")]
    private static partial void NotRenewed(ILogger log, string reason);

    [LoggerMessage(1022, LogLevel.Warning, "The lease of {Name} was lost; another server goes on with it")]
    private static partial void LeaseLost(ILogger log, string name);

    private sealed class Lease(WorkLeases leases, string name, long takenAt) : IWorkLease
    {
        private readonly CancellationTokenSource _lost = new();
        private long _renewedAt = takenAt;

        public string Name => name;

        public CancellationToken Lost => _lost.Token;

        public long RenewedAt
        {
            get => Volatile.Read(ref _renewedAt);
            set => Volatile.Write(ref _renewedAt, value);
        }

        public Task LoseAsync() => _lost.CancelAsync();

        public async Task HoldAsync(DbConnection connection, DbTransaction transaction)
        {
            if (_lost.IsCancellationRequested
                || await connection.ExecuteAsync(
                    "UPDATE work_leases SET until_ms = until_ms WHERE name = @name AND owner = @Owner", new { name, Owner = leases._owner }, transaction) != 1)
            {
                throw new LeaseLostException(name);
            }
        }

        public ValueTask DisposeAsync() => leases.ReleaseAsync(this);
    }

    private sealed class Alone : IWorkLease
    {
        public CancellationToken Lost => CancellationToken.None;

        public Task HoldAsync(DbConnection connection, DbTransaction transaction) => Task.CompletedTask;

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
