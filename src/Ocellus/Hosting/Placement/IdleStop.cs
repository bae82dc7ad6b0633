using System.Globalization;
using Ocellus.Diagnostics;
using Ocellus.Hosting.Serving;
using Ocellus.Projects;

namespace Ocellus.Hosting.Placement;

/// <summary>
/// Stops running versions that nobody asks any more, on the ordinary way: STOPPING is written, requests inside are answered, STOPPED. The time since the
/// last request is of the model in memory, by a clock that nobody can set; so a restart of the server counts as a use.
/// </summary>
internal sealed class IdleStop(
    VersionCatalog versions, HostingChoices choices, LocalModels models, FleetWorker fleet, OcellusMeter meter, TimeProvider clock, ILogger<IdleStop> log)
    : BackgroundService
{
    /// <summary>Looks this often: a stop is never later than that. It looks at memory; the database is asked about idle models only.</summary>
    private static readonly TimeSpan _period = TimeSpan.FromSeconds(1);

    /// <summary>A model that was found idle too short is not looked up again before this: tags may change at any time.</summary>
    private static readonly TimeSpan _lookAgain = TimeSpan.FromSeconds(5);

    private readonly Dictionary<string, long> _lookedUp = new(StringComparer.Ordinal);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(_period, clock);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await LookAsync(stoppingToken);
            }
            catch (Exception failure) when (failure is System.Data.Common.DbException or IOException or UnauthorizedAccessException)
            {
                // A full disk, say: a model that runs longer harms nobody.
                Log.IdleStopFailed(log, failure);
            }
        }
    }

    private async Task LookAsync(CancellationToken cancel)
    {
        var idle = models.Arns.Where(arn => IdleFor(arn) >= choices.ShortestIdleStop).ToList();
        foreach (var gone in _lookedUp.Keys.Except(idle).ToList())
        {
            _lookedUp.Remove(gone);
        }

        foreach (var arn in idle.Where(a => !_lookedUp.TryGetValue(a, out var at) || clock.GetElapsedTime(at) >= _lookAgain))
        {
            var choice = await choices.OfAsync(arn, cancel);
            // The row first, then the look at the model: whoever starts it anew in between has changed the row.
            if (choice.IdleStop is { } most && await versions.FindAsync(arn, cancel) is { } version && IdleFor(arn) >= most)
            {
                var reason = string.Create(
                    CultureInfo.InvariantCulture,
                    $"It was not asked for {most.TotalMinutes:0.###} minute{(most.TotalMinutes == 1 ? "" : "s")} ({choice.IdleStopSource}).");
                if (await versions.StopIdleAsync(version, reason, cancel))
                {
                    fleet.Wake();
                    meter.IdleStopped();
                    Log.IdleStopped(log, arn, most.TotalMinutes, choice.IdleStopSource);
                }
            }

            _lookedUp[arn] = clock.GetTimestamp();
        }
    }

    private TimeSpan IdleFor(string arn) => models.Find(arn)?.IdleFor ?? TimeSpan.Zero;
}
