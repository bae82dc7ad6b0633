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
/// Routes requests to a version's model, and starts a STOPPED version for them if its owner chose so. Concurrent requests start it once and wait together,
/// as many as fit into the running model's queue.
/// </summary>
internal sealed class WakeOnDetect(
    VersionCatalog versions, HostingChoices choices, ClusterModels models, NodeIdentity me, FleetWorker fleet, IOptions<HostingOptions> options,
    OcellusMeter meter, ServingActivity serving, TimeProvider clock, IHostApplicationLifetime lifetime, ILogger<WakeOnDetect> log)
{
    /// <summary>Time between polls of the row while a version loads: short compared with a load, which takes a tenth of a second.</summary>
    private static readonly TimeSpan _pollInterval = TimeSpan.FromMilliseconds(10);

    /// <summary>Time between two looks for a node that has taken a version over: short compared with the lease of the one that is lost.</summary>
    private static readonly TimeSpan _handOverInterval = TimeSpan.FromMilliseconds(50);

    /// <summary>Maximum attempts of a request whose version stops as idle meanwhile; more would mean that something else is wrong.</summary>
    private const int AttemptsMax = 3;

    private readonly ConcurrentDictionary<string, Wake> _wakes = new(StringComparer.Ordinal);

    /// <summary>What a version's model finds in an image.</summary>
    /// <param name="version">The version, as visible to the caller.</param>
    /// <param name="readImage">Reads the image; called once, before anything is started.</param>
    /// <param name="cancel">Cancelled when the client disconnects.</param>
    /// <exception cref="RefusedException">
    /// NotReady: it is not running, and requests may not start it. LimitExceeded: too many models are running. Busy: too many requests are waiting.
    /// Others: see <see cref="RunningModel.DetectAsync"/>.
    /// </exception>
    public async Task<IReadOnlyList<Found>> DetectAsync(ServedVersion version, Func<Task<byte[]>> readImage, CancellationToken cancel)
    {
        if (version.Status != ProjectVersionStatus.RUNNING && !await CanWaitAsync(version, cancel))
        {
            throw NotReady(version);
        }

        var image = await readImage();
        var began = clock.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            if (version.Status != ProjectVersionStatus.RUNNING)
            {
                await WaitUntilRunningAsync(version, cancel);
            }

            serving.Touch();
            var answer = await models.DetectAsync(version.Arn, image, cancel);
            serving.Touch();
            if (answer.Found is { } found)
            {
                return found;
            }

            var now = answer.Refusal == RefusalKind.NotReady ? await versions.FindServedAsync(version.Arn, cancel) : null;
            if (!me.IsAlone && now?.Status == ProjectVersionStatus.RUNNING && clock.GetElapsedTime(began) < options.Value.RequestTimeout)
            {
                // The node that had it is lost or leaves, and another one loads it.
                await Task.Delay(_handOverInterval, clock, cancel);
                attempt--;
            }

            // After the row was read, the model may have stopped as idle: that must not fail a request.
            else if (now is null || attempt == AttemptsMax || now.Status == ProjectVersionStatus.RUNNING || !await CanWaitAsync(now, cancel))
            {
                throw new RefusedException(answer.Refusal, answer.Message!);
            }

            version = now;
        }
    }

    /// <summary>
    /// Whether a request waits for a version in this state: one that is starting, stopped, or stopping because it is idle. One that a person is stopping does
    /// not count.
    /// </summary>
    private async Task<bool> CanWaitAsync(ServedVersion version, CancellationToken cancel) =>
        (version.Status is ProjectVersionStatus.STOPPED or ProjectVersionStatus.STARTING
            || (version.Status == ProjectVersionStatus.STOPPING && version.StopReason is not null))
        && (await choices.OfAsync(version.Arn, cancel)).WakeOnDetect;

    /// <summary>Waits until the version is running; the first to wait starts it.</summary>
    private async Task WaitUntilRunningAsync(ServedVersion version, CancellationToken cancel)
    {
        var max = options.Value.QueuePerUnit * (int)(version.MinUnits ?? version.LastMinUnits ?? 1);
        Wake wake;
        // A completed wake accepts no more requests; the next one makes a new wake.
        while (!(wake = _wakes.GetOrAdd(version.Arn, arn => new Wake(() => WakeAsync(arn)))).TryEnter(max, out var full))
        {
            if (full)
            {
                throw new RefusedException(
                    RefusalKind.Busy,
                    $"Provisioned Rate exceeded: {max} requests are already waiting for the model version to start (setting "
                        + $"Ocellus:Hosting:QueuePerUnit); try again later.");
            }

            _wakes.TryRemove(KeyValuePair.Create(version.Arn, wake));
        }

        try
        {
            await wake.Running.WaitAsync(cancel);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested && !cancel.IsCancellationRequested)
        {
            throw Refused.NotReady("The server is stopping, so the model version is not started now; try again when the server is running.");
        }
        finally
        {
            wake.Leave();
        }
    }

    /// <summary>Starts a version, unless another caller did, and polls it until it is running.</summary>
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
                            + $"Ocellus:Hosting:WakeTimeout); try again when it is RUNNING."));
            }

            await Task.Delay(_pollInterval, clock, cancel);
        }
    }

    /// <summary>False if another caller was first; the next poll shows the version's state.</summary>
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
        ProjectVersionStatus.STARTING => "The model version is STARTING; it answers when it is RUNNING. Try again shortly.",
        ProjectVersionStatus.FAILED => $"The model version is FAILED; it answers when it is RUNNING. {version.Message}",
        _ => $"The model version is {version.Status}; it answers when it is RUNNING. StartProjectVersion starts it.",
    });

    /// <summary>A start that several requests wait for.</summary>
    internal sealed class Wake(Func<Task> start)
    {
        private readonly Lock _gate = new();
        private Task? _running;
        private int _waiting;

        /// <summary>Completes when the version is running, or fails with the refusal for all waiting requests.</summary>
        public Task Running => _running!;

        /// <summary>Joins; the first to join begins the start. False if <paramref name="max"/> requests are already waiting, or the start is over.</summary>
        public bool TryEnter(int max, out bool full)
        {
            lock (_gate)
            {
                // Once over it is never full: requests still leaving it do not count for the next one.
                full = _waiting >= max && _running is not { IsCompleted: true };
                if (full || _running is { IsCompleted: true })
                {
                    return false;
                }

                _waiting++;
                // Not tied to the first request: it may leave while the others still wait.
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
