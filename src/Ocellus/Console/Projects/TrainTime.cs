using System.Globalization;
using Ocellus.Vision.Recipes;

namespace Ocellus.Console.Projects;

/// <summary>What a training will take, before it begins. Pure.</summary>
internal static class TrainTime
{
    /// <summary>A sentence; null if the project does not say how its images are labelled, or has none.</summary>
    public static string? Words(ProjectView project)
    {
        if (project is not { Kind: { } kind, Train: { Labelled: > 0 } train })
        {
            return null;
        }

        var images = project.Test is { Total: > 0 } ? train.Labelled : train.Labelled - (train.Labelled / 5);
        var most = kind == ProjectKind.Boxes
            ? new DetectorPlan().BudgetFor(images)
            : ClassifierPlan.RecipeTime(images, Environment.ProcessorCount) * InputSearchMost;
        return string.Create(
            CultureInfo.InvariantCulture, $"That takes up to {Math.Ceiling(most.TotalMinutes):0} min on this machine, and less where there is less to learn.");
    }

    /// <summary>A classifier's input may be chosen that takes this many times as long as the default one.</summary>
    private const double InputSearchMost = 2.4;
}
