using System.Globalization;

namespace Ocellus.Vision.Recipes;

/// <summary>Tells the user which input was chosen, among what, and what it costs.</summary>
internal static class DesignText
{
    /// <summary>
    /// Such as: The input is 896×672 pixels, chosen among 224×224 (0.58), 448×320 (0.73) and 896×672 (0.95); the places with the most evidence decide. An
    /// answer takes about 45 ms on one core.
    /// </summary>
    /// <param name="design">Input and head.</param>
    /// <param name="trials">What was tried; with the chosen input the score of the chosen head is told, with each other that of its best.</param>
    /// <param name="answer">Time of an answer on one core.</param>
    public static string Of(ClassifierDesign design, IReadOnlyList<DesignTrial> trials, TimeSpan answer)
    {
        string[] tried = [.. trials.GroupBy(t => t.Design.Input).Select(t => string.Create(
            CultureInfo.InvariantCulture, $"{t.Key} ({(t.FirstOrDefault(one => one.Design == design) ?? t.MaxBy(one => one.Score)!).Score:0.00})"))];
        string among = tried.Length < 2 ? "" : $", chosen among {string.Join(", ", tried[..^1])} and {tried[^1]} by cross-validation";
        string decides = design.Head switch
        {
            ClassifierHeadKind.Average => "the whole image decides",
            ClassifierHeadKind.Evidence => "the places with the most evidence decide",
            _ => "the whole image and the places with the most evidence decide",
        };
        return string.Create(
            CultureInfo.InvariantCulture,
            $"The input is {design.Input} pixels{among}; {decides}. An answer takes about {Math.Max(1, answer.TotalMilliseconds):0} ms on one core.");
    }
}
