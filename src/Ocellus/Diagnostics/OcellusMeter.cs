using System.Diagnostics.Metrics;

namespace Ocellus.Diagnostics;

/// <summary>The server's own metrics. <c>docs/operating.md</c> explains each. No resource names as tags: their number is unbounded.</summary>
internal sealed class OcellusMeter
{
    /// <summary>Name of the meter.</summary>
    public const string Name = "Ocellus";

    /// <summary>Bounds of the histograms, in seconds: from one network pass (5 ms) to a request's deadline (10 s).</summary>
    private static readonly InstrumentAdvice<double> _seconds = new()
    {
        HistogramBucketBoundaries = [.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30],
    };

    private readonly Meter _meter;
    private readonly Histogram<double> _operations;
    private readonly Histogram<double> _inferences;
    private readonly Counter<long> _idleStops;
    private readonly Histogram<double> _wakes;
    private int _trainingQueueLength;

    public OcellusMeter(IMeterFactory meters)
    {
        _meter = meters.Create(Name);
        _operations = _meter.CreateHistogram("ocellus.operation.duration", "s", "Time of an API request from its first byte to its answer.", advice: _seconds);
        _inferences = _meter.CreateHistogram("ocellus.inference.duration", "s", "Time of a pass through a network.", advice: _seconds);
        _idleStops = _meter.CreateCounter<long>("ocellus.model.idle_stops", "{stop}", "Models stopped because they were idle.");
        _wakes = _meter.CreateHistogram(
            "ocellus.model.wake.duration", "s", "Time from the request that wakes a stopped model until it runs.", advice: _seconds);
        Observe("ocellus.training.queue.length", "{job}", "Queued trainings.", () => Volatile.Read(ref _trainingQueueLength));
        _meter.CreateObservableUpDownCounter("process.memory.usage", () => Environment.WorkingSet, "By", "Resident memory of the server process.");
    }

    /// <summary>Queued trainings; the training worker sets it.</summary>
    public int TrainingQueueLength
    {
        get => Volatile.Read(ref _trainingQueueLength);
        set => Volatile.Write(ref _trainingQueueLength, value);
    }

    /// <summary>Counts a finished API request; <paramref name="error"/> is the error's name on the wire, or null.</summary>
    public void Operated(string operation, string? error, TimeSpan duration)
    {
        var tag = KeyValuePair.Create<string, object?>("operation", operation);
        if (error is null)
        {
            _operations.Record(duration.TotalSeconds, tag);
        }
        else
        {
            _operations.Record(duration.TotalSeconds, tag, KeyValuePair.Create<string, object?>("error.type", error));
        }
    }

    /// <summary>Counts a pass through a network.</summary>
    public void Inferred(TimeSpan duration) => _inferences.Record(duration.TotalSeconds);

    /// <summary>Counts a model that stopped because it was idle.</summary>
    public void IdleStopped() => _idleStops.Add(1);

    /// <summary>Counts a model that a request woke.</summary>
    public void Woken(TimeSpan duration) => _wakes.Record(duration.TotalSeconds);

    /// <summary>Adds a number that is computed when the metrics are read.</summary>
    public void Observe(string name, string unit, string description, Func<int> value) => _meter.CreateObservableUpDownCounter(name, value, unit, description);
}
