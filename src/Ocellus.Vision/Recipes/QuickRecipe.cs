namespace Ocellus.Vision.Recipes;

/// <summary>
/// A usable model in about half a minute on two cores, for some hundred images: fewer steps of smaller images, and only what matters most is trained. The
/// settings are those that did best in the time on flowers and blood cells (bench/results/epyc-2-cores/quick.md).
/// </summary>
public static class QuickRecipe
{
    /// <summary>What the user should know of such a model.</summary>
    public const string Remark = "This is the quick recipe: without it, a training takes some minutes and the model is better.";

    // Of the half minute, reading, checking and testing the images take the rest.
    private const double Seconds = 23;

    // Each further image is read, seen once and learnt from once.
    private const double SecondsEach = .03;

    private const int ImagesIncluded = 300;

    /// <summary>The time of the learning itself.</summary>
    public static TimeSpan Time(int images, int threads) =>
        TimeSpan.FromSeconds(Seconds + SecondsEach * Math.Max(0, images - ImagesIncluded)) * (threads == 1 ? 2 : 1);

    /// <summary>The quick settings of a classifier.</summary>
    /// <param name="plan">Those of the default recipe.</param>
    /// <param name="images">Training images.</param>
    public static ClassifierPlan Of(ClassifierPlan plan, int images)
    {
        ArgumentNullException.ThrowIfNull(plan);
        TimeSpan time = Least(plan.TimeBudget, Time(images, plan.Threads));
        return plan with
        {
            TimeBudget = time,
            TimeLimit = time,
            Views = 1,
            Epochs = Math.Min(plan.Epochs, 3),
            StepsMin = 40,
            WarmUpSteps = 8,
            AverageDecay = .9,
            StartScale = 5.0 / 7,
            // So few images tell only large differences; of small ones a larger input is not worth its steps.
            Search = plan.Search is { } search ? search with { ImagesMax = 60, Steps = 150, StandardErrors = 2.5 } : null,
            // Larger inputs get their head only.
            Head = plan.Head with { FineTuneCostMax = 1.5, FrozenSteps = 600 },
        };
    }

    /// <summary>The quick settings of a detector.</summary>
    /// <param name="plan">Those of the default recipe.</param>
    /// <param name="images">Training images.</param>
    public static DetectorPlan Of(DetectorPlan plan, int images)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return plan with
        {
            TimeBudget = Least(plan.BudgetFor(images), Time(images, plan.Threads)),
            FrozenBlocks = 5,
            Batch = 4,
            StepsMin = Math.Min(plan.StepsMin, 84),
            StepsFew = 40,
            Epochs = Math.Min(plan.Epochs, 1),
            WarmUpSteps = 12,
        };
    }

    internal static TimeSpan Least(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
