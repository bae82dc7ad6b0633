using System.Globalization;
using Ocellus.Diagnostics;
using Ocellus.Hosting.Serving;
using Ocellus.Projects;

namespace Ocellus.Hosting.Placement;

/// <summary>
/// Stops idle versions in the usual way: STOPPING is written, requests in flight are answered, STOPPED. The time since the last request is kept with the
/// model in memory, by a monotonic clock; so a restart of the server counts as a use. In a cluster, the last request on any node counts.
/// </summary>
internal sealed class IdleStop(
    VersionCatalog versions, HostingChoices choices, LocalModels models, ClusterModels cluster, FleetWorker fleet, OcellusMeter meter,
    TimeProvider clock, ILogger<IdleStop> log)
    : BackgroundService
{
    /// <summary>Time between checks, and so the maximum delay of a stop. They read memory; the database is queried for idle models only.</summary>
    private static readonly TimeSpan _period = TimeSpan.FromSeconds(1);

    /// <summary>Time until a model that was not idle for long enough is looked up again: its tags may have changed.</summary>
    private static readonly TimeSpan _recheckAfter = TimeSpan.FromSeconds(5);

    private readonly Dictionary<string, long> _checkedAt = new(StringComparer.Ordinal);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(_period, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await CheckAsync(stoppingToken);
            }
            catch (Exception failure) when (failure is System.Data.Common.DbException or IOException or UnauthorizedAccessException)
            {
                // For example a full disk: a model that runs longer does no harm.
                Log.IdleStopFailed(log, failure);
            }
        }
    }

    private async Task CheckAsync(CancellationToken cancel)
    {
        var idle = models.Arns.Where(arn => IdleFor(arn) >= choices.ShortestIdleStop).ToList();
        foreach (var gone in _checkedAt.Keys.Except(idle).ToList())
        {
            _checkedAt.Remove(gone);
        }

        foreach (var arn in idle.Where(a => !_checkedAt.TryGetValue(a, out var at) || clock.GetElapsedTime(at) >= _recheckAfter))
        {
            var choice = await choices.OfAsync(arn, cancel);
            // The row before the model's idle time: a start in between changes the row.
            if (choice.IdleStop is { } max && await versions.FindAsync(arn, cancel) is { } version && IdleFor(arn) >= max
                && await cluster.IdleForAsync(arn, cancel) >= max)
            {
                var reason = string.Create(
                    CultureInfo.InvariantCulture,
                    $"It received no request for {max.TotalMinutes:0.###} minute{(max.TotalMinutes == 1 ? "" : "s")} ({choice.IdleStopSource}).");
                if (await versions.StopIdleAsync(version, reason, cancel))
                {
                    fleet.Wake();
                    meter.IdleStopped();
                    Log.IdleStopped(log, arn, max.TotalMinutes, choice.IdleStopSource);
                }
            }

            _checkedAt[arn] = clock.GetTimestamp();
        }
    }

    private TimeSpan IdleFor(string arn) => models.Find(arn)?.IdleFor ?? TimeSpan.Zero;
}
