using System.Globalization;

namespace Ocellus.Vision.Recipes;

/// <summary>The time that a training may take, from now on.</summary>
/// <param name="limit">Null for no limit.</param>
/// <param name="clock">Null for the system's.</param>
internal sealed class TimeBudget(TimeSpan? limit, TimeProvider? clock = null)
{
    private TimeSpan? _limit = limit;
    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly long _started = (clock ?? TimeProvider.System).GetTimestamp();

    /// <summary>Seconds of the runs before an interruption.</summary>
    public double SecondsBefore { get; set; }

    /// <summary>Seconds of all runs.</summary>
    public double Seconds => SecondsBefore + _clock.GetElapsedTime(_started).TotalSeconds;

    /// <summary>Sets the limit, once it is known what is to be done; from the same beginning.</summary>
    public void Limit(TimeSpan to) => _limit = to;

    /// <summary>Infinite without a limit.</summary>
    public double LimitSeconds => _limit?.TotalSeconds ?? double.PositiveInfinity;

    /// <summary>What is left, below 0 when it is exceeded; infinite without a limit.</summary>
    public double SecondsLeft => LimitSeconds - Seconds;

    /// <summary>
    /// An estimate that promises no more than is left: a few slow steps say little about those to come, and steps are left out before the budget is
    /// exceeded. Null when nothing is left, because the time of what must still be done is unknown.
    /// </summary>
    public double? Cap(double? seconds) => seconds is null or 0 ? seconds : SecondsLeft is > 0 and var left ? Math.Min(seconds.Value, left) : null;

    /// <summary>Tells the user what a limit cost; null if nothing.</summary>
    /// <param name="steps">Steps taken.</param>
    /// <param name="planned">Steps if time is not short.</param>
    /// <param name="frozen">The first layers were frozen, because time was short.</param>
    public string? Shortfall(int steps, int planned, bool frozen = false) => (steps >= planned && !frozen) || _limit is not { } time ? null : string.Create(
        CultureInfo.InvariantCulture,
        $"Learning ended after {steps} steps of {planned} planned{(frozen ? ", with the first layers frozen" : "")}, ")
        + $"because of the time limit of {Text(time)}: a busy or slow machine takes fewer.";

    /// <summary>A time as people say it.</summary>
    public static string Text(TimeSpan time) => time.TotalSeconds < 60
        ? string.Create(CultureInfo.InvariantCulture, $"{time.TotalSeconds:0.##} s")
        : string.Create(CultureInfo.InvariantCulture, $"{time.TotalMinutes:0.#} min");
}
