using System.Globalization;
using Ocellus.Training.Job;

namespace Ocellus.Console.Models;

/// <summary>A phase of a training in a chart.</summary>
/// <param name="Name">Of the phase.</param>
/// <param name="X">Where it begins.</param>
/// <param name="Points">Of an SVG polyline; empty if the phase has no loss.</param>
internal sealed record LossLine(string Name, double X, string Points);

/// <summary>The course of a training's loss over time, as an SVG of <see cref="Width"/> × <see cref="Height"/> shows it. Pure.</summary>
/// <param name="Lines">One for each phase, in order.</param>
/// <param name="Top">The loss at the upper edge.</param>
/// <param name="First">The first loss.</param>
/// <param name="Last">The last loss.</param>
internal sealed record LossChart(IReadOnlyList<LossLine> Lines, double Top, double First, double Last)
{
    public const int Width = 640, Height = 160;

    /// <summary>More points in a phase than pixels show nothing: they are averaged.</summary>
    private const int PointsMax = 200;

    /// <summary>Null without any loss.</summary>
    public static LossChart? Of(IReadOnlyList<HistoryPoint> history)
    {
        var losses = history.Where(p => p.Loss is >= 0).ToList();
        if (losses.Count < 2)
        {
            return null;
        }

        // A first step that is far off would press all the rest to the ground.
        var sorted = losses.Select(p => p.Loss!.Value).Order().ToList();
        var top = Math.Max(sorted[(int)(.98 * (sorted.Count - 1))], 1e-6) * 1.05;
        double from = losses[0].Ms, to = Math.Max(losses[^1].Ms, losses[0].Ms + 1);
        var lines = new List<LossLine>();
        foreach (var phase in Runs(losses))
        {
            var step = Math.Max(1, (phase.Count + PointsMax - 1) / PointsMax);
            var points = phase.Chunk(step).Select(c => (X: X(c.Average(p => p.Ms)), Y: Y(c.Average(p => p.Loss!.Value))));
            var line = string.Join(' ', points.Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.X:0.#},{p.Y:0.#}")));
            lines.Add(new(phase[0].Phase, X(phase[0].Ms), line));
        }

        return new(lines, top, losses[0].Loss!.Value, losses[^1].Loss!.Value);

        double X(double ms) => (ms - from) / (to - from) * Width;

        double Y(double loss) => Height * (1 - Math.Min(1, loss / top));
    }

    /// <summary>Neighbours of the same phase.</summary>
    private static List<List<HistoryPoint>> Runs(List<HistoryPoint> points)
    {
        var runs = new List<List<HistoryPoint>>();
        foreach (var point in points)
        {
            if (runs.Count == 0 || runs[^1][0].Phase != point.Phase)
            {
                runs.Add([]);
            }

            runs[^1].Add(point);
        }

        return runs;
    }
}
