using Npgsql;

namespace Ocellus.Storage.Postgres;

/// <summary>
/// Counts the notifications that triggers send with every commit (<see cref="PostgresSchema"/>), on a connection of its own, and this process's own commits at
/// once. Without proof that the connection lives, every look counts as a change: a value is then read again each time, and never stale for long.
/// </summary>
/// <param name="connectionString">The database.</param>
/// <param name="process">What this process's connections have in <see cref="PostgresSchema.ProcessSetting"/>.</param>
/// <param name="lost">Called when the connection was lost: those of the pool probably are, too.</param>
internal sealed class PostgresCommitWatch(string connectionString, string process, Action lost) : CommitWatch
{
    /// <summary>How often the connection is tried.</summary>
    private static readonly TimeSpan _proveEvery = TimeSpan.FromSeconds(1);

    /// <summary>How long a proof counts. A machine that was cut off, or stopped for a while, trusts its caches for this long at most.</summary>
    private static readonly TimeSpan _proofLasts = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan _firstWait = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan _reconnectAfter = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _ends = new();
    private readonly ManualResetEventSlim _tried = new();
    private Task? _loop;
    private long _number;
    // Of TickCount64; 0: the connection is not there.
    private long _provenAt;
    private volatile string? _away;
    private bool _disposed;

    /// <summary>Why the database does not answer; null if it does, or nobody has looked yet.</summary>
    public string? Away =>
        _away ?? (_loop is not null && Volatile.Read(ref _provenAt) is not 0 and var at && Age(at) > _proofLasts ? "it does not answer." : null);

    public override long Now()
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed), this);
        Start();
        return Volatile.Read(ref _provenAt) is not 0 and var at && Age(at) <= _proofLasts ? Volatile.Read(ref _number) : Interlocked.Increment(ref _number);
    }

    /// <summary>Counts a commit of this process, whose notification is still on its way.</summary>
    public void Count() => Interlocked.Increment(ref _number);

    protected override void Dispose(bool disposing)
    {
        lock (_gate)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
        }

        // The loop ends by itself, and closes its connection.
        _ends.Cancel();
        _ends.Dispose();
        _tried.Dispose();
    }

    private static TimeSpan Age(long at) => TimeSpan.FromMilliseconds(Environment.TickCount64 - at);

    private void Start()
    {
        if (_loop is null)
        {
            lock (_gate)
            {
                _loop ??= _disposed ? null : Task.Run(() => LoopAsync(_ends.Token), CancellationToken.None);
            }

            // Once, at the start of a server.
            _tried.Wait(_firstWait);
        }
    }

    private async Task LoopAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                await ListenAsync(cancel);
            }
            catch (Exception) when (cancel.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure)
            {
                // Whatever it is: until the connection is there again, nothing is taken for current.
                Volatile.Write(ref _provenAt, 0);
                _away = PostgresErrors.Sentence(failure);
                lost();
            }

            await Task.Delay(_reconnectAfter, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ListenAsync(CancellationToken cancel)
    {
        await using var connection = new NpgsqlConnection(
            new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false, CommandTimeout = 2, CancellationTimeout = 1000 }.ConnectionString);
        connection.Notification += (_, told) =>
        {
            if (told.Payload != process)
            {
                Count();
            }
        };
        await connection.OpenAsync(cancel);
        await RunAsync(connection, PostgresSchema.Listen, cancel);
        while (true)
        {
            // Taken before the question: all that was committed before the answer has been notified when it comes.
            var asked = Math.Max(1, Environment.TickCount64);
            await RunAsync(connection, "SELECT 1", cancel);
            if (Volatile.Read(ref _provenAt) == 0)
            {
                // What was committed meanwhile, nobody has told.
                Count();
            }

            Volatile.Write(ref _provenAt, asked);
            _away = null;
            _tried.Set();
            while (Age(asked) < _proveEvery)
            {
                await connection.WaitAsync(_proveEvery, cancel);
            }
        }
    }

    private static async Task RunAsync(NpgsqlConnection connection, string sql, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancel);
    }
}
