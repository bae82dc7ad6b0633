using System.Globalization;
using System.Text.RegularExpressions;
using Ocellus.Vision.Recipes;

namespace Ocellus.Training.Job;

/// <summary>Progress of a job: <paramref name="Step"/> of <paramref name="Steps"/> in the phase.</summary>
internal sealed partial record JobProgress(string Phase, int Step, int Steps, double? Loss, double? SecondsLeft)
{
    public static JobProgress Of(TrainingProgress progress) => new(progress.Phase, progress.Epoch, progress.Epochs, progress.Loss, progress.SecondsLeft);

    /// <summary>One sentence for the user.</summary>
    [Assumed("StatusMessage during a training", "It also gives the phase, the step and the approximate seconds left.")]
    public string Sentence =>
        string.Create(
            CultureInfo.InvariantCulture,
            $"Phase {Phase}, {Step} of {Steps}{(SecondsLeft is { } left ? $", about {Math.Ceiling(left):0} s left" : "")}.");

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
            : null;
    }

    [GeneratedRegex(@"Phase (?<phase>[^,]+), (?<step>\d{1,9}) of (?<steps>\d{1,9})(, about (?<left>\d{1,9}) s left)?\.", RegexOptions.CultureInvariant)]
    private static partial Regex Form();
}
