using Ocellus.Work;

namespace Ocellus.Objects.Files;

/// <summary>
/// Reads the object store from disk while the server already serves: a request for a bucket not yet read waits for that bucket only. Then removes what deleted
/// buckets and ended uploads left, and uploads that nobody completed in time.
/// </summary>
internal sealed partial class ObjectStoreUpkeep(ObjectStore store, TimeProvider clock, ILogger<ObjectStoreUpkeep> log) : BackgroundService
{
    /// <summary>Looks this often without a wake-up: uploads expire by days, and what could not be removed is tried again.</summary>
    private static readonly TimeSpan _lookEvery = TimeSpan.FromMinutes(10);

    /// <summary>Bytes of an index whose reading leaves more behind than a pause of the collector at the start costs.</summary>
    private const long LargeIndex = 16 << 20;

    private readonly WakeSignal _wakes = new(clock);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.Run(
        async () =>
        {
            store.Removed.Added = _wakes.Wake;
            store.Open(stoppingToken);
            if (store.IndexBytes > LargeIndex)
            {
                // What was read to make the index is several times its size, and would stay with the process.
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            }

            await _wakes.LoopAsync(_lookEvery, () => WorkAsync(stoppingToken), failure => WorkFailed(log, failure, _lookEvery.TotalMinutes), stoppingToken);
        },
        stoppingToken);

    private Task WorkAsync(CancellationToken cancel)
    {
        if (store.Uploads.Expire(cancel) is var expired and > 0)
        {
            UploadsExpired(log, expired);
        }

        foreach (var (folder, why) in store.Removed.Empty(cancel))
        {
            NotRemoved(log, folder, why);
        }

        return Task.CompletedTask;
    }

    [LoggerMessage(1333, LogLevel.Information, "Removed {Count} uploads that nobody completed in time")]
    private static partial void UploadsExpired(ILogger log, int count);

    [LoggerMessage(1334, LogLevel.Warning, "{Folder} could not be removed; it is tried again later: {Reason}")]
    private static partial void NotRemoved(ILogger log, string folder, string reason);

    [LoggerMessage(1335, LogLevel.Error, "The object store could not be tidied up; trying again within {RetryMinutes} min")]
    private static partial void WorkFailed(ILogger log, Exception failure, double retryMinutes);
}
