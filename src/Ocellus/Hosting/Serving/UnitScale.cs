namespace Ocellus.Hosting.Serving;

/// <summary>
/// The inference units of a running model. It adds one when requests have been waiting for long enough, and removes one that has not been needed for a while.
/// </summary>
internal sealed class UnitScale : IAsyncDisposable
{
    /// <summary>Time between checks whether to grow or shrink.</summary>
    private static readonly TimeSpan _period = TimeSpan.FromMilliseconds(250);

    private readonly string _arn;
    private readonly IUnits _units;
    private readonly HostingOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly Lock _gate = new();
    private readonly ITimer _timer;
    private int _min;
    private int _max;
    private long? _queuedSince;
    private long _idleSince;
    private bool _ended;

    public UnitScale(string arn, IUnits units, int min, int max, HostingOptions options, TimeProvider clock, ILogger log)
    {
        (_arn, _units, _min, _max, _options, _clock, _log) = (arn, units, min, max, options, clock, log);
        _idleSince = clock.GetTimestamp();
        _timer = clock.CreateTimer(_ => Scale(), null, _period, _period);
    }

    /// <summary>A model's units, and what they have to do.</summary>
    internal interface IUnits
    {
        int Units { get; set; }

        /// <summary>Requests inside.</summary>
        int InFlight { get; }

        /// <summary>Requests that no thread has taken yet.</summary>
        int QueueLength { get; }
    }

    /// <summary>Minimum and maximum units.</summary>
    public (int Min, int Max) Limits
    {
        get
        {
            lock (_gate)
            {
                return (_min, _max);
            }
        }
    }

    /// <summary>1: there are no more units, and requests have been waiting for long enough to need one. -1: none has been needed for a while. Else 0.</summary>
    public int Demand
    {
        get
        {
            lock (_gate)
            {
                return _units.Units == _max && _queuedSince is { } since && _clock.GetElapsedTime(since) >= _options.GrowAfter ? 1
                    : _units.Units == _min && _units.InFlight == 0 && _clock.GetElapsedTime(_idleSince) >= _options.ShrinkAfter ? -1
                    : 0;
            }
        }
    }

    /// <summary>Changes the minimum and maximum, and the units if they are outside.</summary>
    public void Resize(int min, int max)
    {
        lock (_gate)
        {
            (_min, _max) = (min, max);
            var units = Math.Clamp(_units.Units, min, max);
            if (!_ended && units != _units.Units)
            {
                _units.Units = units;
            }
        }
    }

    /// <summary>Changes nothing any more.</summary>
    public void End()
    {
        lock (_gate)
        {
            _ended = true;
        }
    }

    public ValueTask DisposeAsync() => _timer.DisposeAsync();

    private void Scale()
    {
        lock (_gate)
        {
            if (_ended)
            {
                return;
            }

            var (units, now) = (_units.Units, _clock.GetTimestamp());
            _queuedSince = _units.QueueLength >= units ? _queuedSince ?? now : null;
            if (_units.InFlight >= units)
            {
                _idleSince = now;
            }

            if (units < _max && _queuedSince is { } since && _clock.GetElapsedTime(since, now) >= _options.GrowAfter)
            {
                _units.Units = units + 1;
                (_queuedSince, _idleSince) = (null, now);
                Log.UnitsGrew(_log, _arn, units, units + 1, _units.QueueLength);
            }
            else if (units > _min && _clock.GetElapsedTime(_idleSince, now) >= _options.ShrinkAfter)
            {
                _units.Units = units - 1;
                _idleSince = now;
                Log.UnitsShrank(_log, _arn, units, units - 1);
            }
        }
    }
}
