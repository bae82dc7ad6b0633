using System.Globalization;
using System.Text.RegularExpressions;
using Ocellus.Vision.Recipes;

namespace Ocellus.Training.Job;

/// <summary>Progress of a job: <paramref name="Step"/> of <paramref name="Steps"/> in the phase.</summary>
internal sealed partial record JobProgress(string Phase, int Step, int Steps, double? Loss, double? SecondsLeft)
{
    /// <summary>Steps of the phase if time were not short; null where that makes no difference.</summary>
    public int? Planned { get; init; }

    public static JobProgress Of(TrainingProgress progress)
    {
        var (step, steps) = progress.Steps > 0 ? (progress.Step, progress.Steps) : (progress.Epoch, progress.Epochs);
        return new(progress.Phase, step, steps, progress.Loss, progress.SecondsLeft)
        {
            Planned = progress.Steps > 0 && progress.Planned > steps ? progress.Planned : null,
        };
    }

    /// <summary>One sentence for the user.</summary>
    [Assumed(
        "StatusMessage during a training",
        "It also gives the phase, the step of how many, how many more were planned than fit the time limit, and the approximate seconds left.")]
    public string Sentence =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"Phase {Phase}, {Step} of {(Planned is null ? "" : "about ")}{Steps}{(Planned is { } planned ? $" ({planned} planned)" : "")}"
            + $"{(SecondsLeft is { } left ? $", about {Math.Ceiling(left):0} s left" : "")}.");

    /// <summary>Reads the progress from a status message that contains a <see cref="Sentence"/>; null if it has none.</summary>
    public static JobProgress? Find(string message)
    {
        var match = Form().Match(message);
        return match.Success
            ? new JobProgress(
                match.Groups["phase"].Value,
                int.Parse(match.Groups["step"].Value, CultureInfo.InvariantCulture),
                int.Parse(match.Groups["steps"].Value, CultureInfo.InvariantCulture),
                null,
                match.Groups["left"].Success ? double.Parse(match.Groups["left"].Value, CultureInfo.InvariantCulture) : null)
            {
                Planned = match.Groups["planned"].Success ? int.Parse(match.Groups["planned"].Value, CultureInfo.InvariantCulture) : null,
            }
            : null;
    }

    [GeneratedRegex(
        @"Phase (?<phase>[^,]+), (?<step>\d{1,9}) of (about )?(?<steps>\d{1,9})( \((?<planned>\d{1,9}) planned\))?(, about (?<left>\d{1,9}) s left)?\.",
        RegexOptions.CultureInvariant)]
    private static partial Regex Form();
}
