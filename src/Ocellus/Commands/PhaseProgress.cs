using System.Globalization;
using Ocellus.Training.Job;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Ocellus.Commands;

/// <summary>A bar for each phase of a training, the current one with its step and the seconds left.</summary>
internal sealed class PhaseBars(ProgressContext context) : IProgress<JobProgress>
{
    /// <summary>A bar's length; steps may change in number, so they are no measure of it.</summary>
    private const double Length = 1;

    private readonly Lock _gate = new();
    private ProgressTask? _bar;
    private string? _phase;
    private PhaseShare _share = new(TimeProvider.System);

    public void Report(JobProgress value)
    {
        lock (_gate)
        {
            if (value.Phase != _phase)
            {
                End();
                (_phase, _share) = (value.Phase, new PhaseShare(TimeProvider.System));
                _bar = context.AddTask(Markup.Escape(value.Phase), maxValue: Length);
            }

            _bar!.Value = Length * _share.Of(value);
            _bar.IsIndeterminate = value.Steps == 0;
            _bar.Description = Markup.Escape(PhaseLines.Step(value));
            _bar.Tag = value;
        }
    }

    /// <summary>Fills the last bar: the work has succeeded.</summary>
    public void Finish()
    {
        lock (_gate)
        {
            End();
        }
    }

    private void End()
    {
        if (_bar is not null)
        {
            // Not every phase reports its last step.
            (_bar.Tag, _bar.Description, _bar.Value) = (null, Markup.Escape(_phase!), _bar.MaxValue);
            _bar.StopTask();
        }
    }
}

/// <summary>
/// How much of a phase is done: by time where the time left is known, otherwise by steps. It never gets less, though estimates rise and planned steps become
/// fewer.
/// </summary>
internal sealed class PhaseShare(TimeProvider clock)
{
    private readonly long _begun = clock.GetTimestamp();
    private double _most;

    /// <summary>The share, from 0 to 1.</summary>
    public double Of(JobProgress value)
    {
        var elapsed = clock.GetElapsedTime(_begun).TotalSeconds;
        var share = value.SecondsLeft is { } left && elapsed + left > 0 ? elapsed / (elapsed + left)
            : value.Steps > 0 ? (double)value.Step / value.Steps
            : 0;
        return _most = Math.Clamp(share, _most, 1);
    }
}

/// <summary>The training's own estimate of the time left; the bar's speed ignores what a step costs.</summary>
internal sealed class SecondsLeftColumn : ProgressColumn
{
    public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
        new Text(task.Tag is JobProgress { SecondsLeft: { } left } ? PhaseLines.Left(left) : "");
}

/// <summary>Progress as lines, for logs and pipes: each new phase, and then at most one line per interval.</summary>
internal sealed class PhaseLines(TextWriter writer, TimeProvider clock) : IProgress<JobProgress>
{
    /// <summary>Often enough to see progress, rarely enough for a log.</summary>
    private static readonly TimeSpan _every = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private JobProgress? _last;
    private long _written;

    public void Report(JobProgress value)
    {
        lock (_gate)
        {
            // A client that polls a server gets the same progress many times.
            if (value == _last || (value.Phase == _last?.Phase && clock.GetElapsedTime(_written) < _every))
            {
                return;
            }

            (_last, _written) = (value, clock.GetTimestamp());
            writer.WriteLine($"{Step(value)}{(value.SecondsLeft is { } left ? $", {Left(left)}" : "")}");
        }
    }

    public static string Step(JobProgress value) =>
        value.Steps == 0 ? value.Phase
        : value.Planned is { } planned ? string.Create(CultureInfo.InvariantCulture, $"{value.Phase} {value.Step} of about {value.Steps} ({planned} planned)")
        : string.Create(CultureInfo.InvariantCulture, $"{value.Phase} {value.Step}/{value.Steps}");

    public static string Left(double seconds) => string.Create(CultureInfo.InvariantCulture, $"about {Math.Ceiling(seconds):0} s left");
}
