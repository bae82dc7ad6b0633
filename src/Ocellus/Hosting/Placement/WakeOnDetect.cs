using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Options;
using Ocellus.Diagnostics;
using Ocellus.Encodings;
using Ocellus.Hosting.Serving;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Work;

namespace Ocellus.Hosting.Placement;

/// <summary>
/// Leads requests to a version's model, and where its owner chose so, starts a STOPPED version for them. Requests that come together start it once, and
/// wait side by side, as many as would have room in the running model's line.
/// </summary>
internal sealed class WakeOnDetect(
    VersionCatalog versions, HostingChoices choices, ClusterModels models, FleetWorker fleet, IOptions<HostingOptions> options,
    OcellusMeter meter, ServingActivity serving, TimeProvider clock, IHostApplicationLifetime lifetime, ILogger<WakeOnDetect> log)
{
    /// <summary>How often the row is looked at while a version loads: short against a load, which takes a tenth of a second.</summary>
    private static readonly TimeSpan _lookEvery = TimeSpan.FromMilliseconds(10);

    /// <summary>Times that one request follows a version which stops idle under its hands; more would mean that something else is wrong.</summary>
    private const int Tries = 3;

    private readonly ConcurrentDictionary<string, Wake> _wakes = new(StringComparer.Ordinal);

    /// <summary>What a version's model finds in an image.</summary>
    /// <param name="version">As the caller may see it.</param>
    /// <param name="readImage">Gives the image; called once, and before anything is started for it.</param>
    /// <param name="cancel">The client left.</param>
    /// <exception cref="RefusedException">
    /// NotReady: it does not run, and is not to be started for a request. LimitExceeded: too many models run. Busy: too many requests wait. Others: see
    /// <see cref="RunningModel.DetectAsync"/>.
    /// </exception>
    public async Task<IReadOnlyList<Found>> DetectAsync(ServedVersion version, Func<Task<byte[]>> readImage, CancellationToken cancel)
    {
        if (version.Status != ProjectVersionStatus.RUNNING && !await CanWaitAsync(version, cancel))
        {
            throw NotReady(version);
        }

        var image = await readImage();
        for (var attempt = 1; ; attempt++)
        {
            if (version.Status != ProjectVersionStatus.RUNNING)
            {
                await RunningAsync(version, cancel);
            }

            serving.Touch();
            var answer = await models.DetectAsync(version.Arn, image, cancel);
            serving.Touch();
            if (answer.Found is { } found)
            {
                return found;
            }

            // Between the look at the row and the model's gate it may have stopped as idle: that must not cost a request.
            if (answer.Refusal != RefusalKind.NotReady
                || attempt == Tries
                || await versions.FindServedAsync(version.Arn, cancel) is not { } now
                || now.Status == ProjectVersionStatus.RUNNING
                || !await CanWaitAsync(now, cancel))
            {
                throw new RefusedException(answer.Refusal, answer.Message!);
            }

            version = now;
        }
    }

    /// <summary>
    /// Whether a request for a version in this state waits for it: one that comes up, is stopped, or stops as nobody asked. One that a person stops does not
    /// count.
    /// </summary>
    private async Task<bool> CanWaitAsync(ServedVersion version, CancellationToken cancel) =>
        (version.Status is ProjectVersionStatus.STOPPED or ProjectVersionStatus.STARTING
            || (version.Status == ProjectVersionStatus.STOPPING && version.StopReason is not null))
        && (await choices.OfAsync(version.Arn, cancel)).WakeOnDetect;

    /// <summary>Waits until the version runs; the first to wait starts it.</summary>
    private async Task RunningAsync(ServedVersion version, CancellationToken cancel)
    {
        var most = options.Value.QueuePerUnit * (int)(version.MinUnits ?? version.LastMinUnits ?? 1);
        Wake wake;
        // An ended wake takes nobody any more; the next request makes a new one.
        while (!(wake = _wakes.GetOrAdd(version.Arn, arn => new Wake(() => WakeAsync(arn)))).TryEnter(most, out var full))
        {
            if (full)
            {
                throw new RefusedException(
                    RefusalKind.Busy,
                    $"Provisioned Rate exceeded: {most} requests wait for the model version to start already (setting Ocellus:Hosting:QueuePerUnit); ask "
                        + $"again later.");
            }

            _wakes.TryRemove(KeyValuePair.Create(version.Arn, wake));
        }

        try
        {
            await wake.Running.WaitAsync(cancel);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            throw Refused.NotReady("The server stops, so the model version is not started now; ask again when the server runs.");
        }
        finally
        {
            wake.Leave();
        }
    }

    /// <summary>Starts a version, unless someone else did, and watches it until it runs.</summary>
    private async Task WakeAsync(string arn)
    {
        var began = clock.GetTimestamp();
        var cancel = lifetime.ApplicationStopping;
        var started = false;
        while (true)
        {
            var version = await versions.FindServedAsync(arn, cancel)
                ?? throw Refused.NotFound($"The model version {Readable.Truncate(arn)} was deleted while it was being started.");
            switch (version.Status)
            {
                case ProjectVersionStatus.RUNNING:
                    if (started)
                    {
                        meter.Woken(clock.GetElapsedTime(began));
                        Log.Woken(log, arn, clock.GetElapsedTime(began).TotalSeconds);
                    }

                    return;
                case ProjectVersionStatus.STOPPED when !started:
                    started = await TryStartAsync(version, cancel);
                    break;
                case ProjectVersionStatus.STARTING:
                case ProjectVersionStatus.STOPPING when version.StopReason is not null:
                    break;
                default:
                    throw NotReady(version);
            }

            if (clock.GetElapsedTime(began) >= options.Value.WakeTimeout)
            {
                throw Refused.NotReady(
                    string.Create(
                        CultureInfo.InvariantCulture,
                        $"The model version is {version.Status} and did not run within {options.Value.WakeTimeout.TotalSeconds:0.###} s (setting "
                            + $"Ocellus:Hosting:WakeTimeout); ask again when it is RUNNING."));
            }

            await Task.Delay(_lookEvery, clock, cancel);
        }
    }

    /// <summary>False if someone else was first: what became of the version is seen at the next look.</summary>
    private async Task<bool> TryStartAsync(ServedVersion version, CancellationToken cancel)
    {
        try
        {
            await versions.StartAsync(version.Arn, (int)(version.LastMinUnits ?? 1), (int?)version.LastMaxUnits, cancel);
        }
        catch (RefusedException refusal) when (refusal.Kind == RefusalKind.InUse)
        {
            return false;
        }
        finally
        {
            fleet.Wake();
        }

        Log.Waking(log, version.Arn);
        return true;
    }

    private static RefusedException NotReady(ServedVersion version) => Refused.NotReady(version.Status switch
    {
        ProjectVersionStatus.STARTING => "The model version is STARTING; it answers when it is RUNNING. Wait a moment.",
        ProjectVersionStatus.FAILED => $"The model version is FAILED; it answers when it is RUNNING. {version.Message}",
        _ => $"The model version is {version.Status}; it answers when it is RUNNING. StartProjectVersion starts it.",
    });

    /// <summary>One start that requests wait for together.</summary>
    internal sealed class Wake(Func<Task> start)
    {
        private readonly Lock _gate = new();
        private Task? _running;
        private int _waiting;

        /// <summary>Ends when the version runs, or with the refusal of all who wait.</summary>
        public Task Running => _running!;

        /// <summary>Joins, and begins the start as the first. False when <paramref name="most"/> wait already, or when it is over.</summary>
        public bool TryEnter(int most, out bool full)
        {
            lock (_gate)
            {
                // Over, it is in nobody's way: those who still leave it do not fill the next one.
                full = _waiting >= most && _running is not { IsCompleted: true };
                if (full || _running is { IsCompleted: true })
                {
                    return false;
                }

                _waiting++;
                // Not of the request that happens to be first: it may leave, and the others still wait.
                _running ??= Task.Run(start);
                return true;
            }
        }

        public void Leave()
        {
            lock (_gate)
            {
                _waiting--;
            }
        }
    }
}
