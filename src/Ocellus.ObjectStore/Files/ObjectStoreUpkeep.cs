using Ocellus.Work;

namespace Ocellus.Objects.Files;

/// <summary>
/// Reads the object store from disk while the server already serves: a request for an unread bucket waits for that bucket only. Then removes the folders of
/// deleted buckets and ended uploads, and expired uploads.
/// </summary>
internal sealed partial class ObjectStoreUpkeep(ObjectStore store, TimeProvider clock, ILogger<ObjectStoreUpkeep> log) : BackgroundService
{
    /// <summary>Interval without a wake-up, for uploads that expire and folders that could not be removed. Uploads expire after days.</summary>
    private static readonly TimeSpan _interval = TimeSpan.FromMinutes(10);

    /// <summary>Index size in bytes from which a full garbage collection after reading is worth its pause.</summary>
    private const long LargeIndex = 16 << 20;

    private readonly WakeSignal _wakes = new(clock);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.Run(
        async () =>
        {
            store.Removed.Added = _wakes.Wake;
            store.Open(stoppingToken);
            if (store.IndexBytes > LargeIndex)
            {
                // Reading allocates several times the size of the index, which the process would otherwise keep.
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            }

            await _wakes.LoopAsync(_interval, () => WorkAsync(stoppingToken), failure => WorkFailed(log, failure, _interval.TotalMinutes), stoppingToken);
        },
        stoppingToken);

    private Task WorkAsync(CancellationToken cancel)
    {
        if (store.Uploads.Expire(cancel) is var expired and > 0)
        {
            UploadsExpired(log, expired);
        }

        foreach (var (folder, reason) in store.Removed.Empty(cancel))
        {
            NotRemoved(log, folder, reason);
        }

        return Task.CompletedTask;
    }

    [LoggerMessage(1333, LogLevel.Information, "Removed {Count} uploads that were not completed in time")]
    private static partial void UploadsExpired(ILogger log, int count);

    [LoggerMessage(1334, LogLevel.Warning, "{Folder} could not be removed; trying again later: {Reason}")]
    private static partial void NotRemoved(ILogger log, string folder, string reason);

    [LoggerMessage(1335, LogLevel.Error, "The object store could not be cleaned up; trying again within {RetryMinutes} min")]
    private static partial void WorkFailed(ILogger log, Exception failure, double retryMinutes);
}
