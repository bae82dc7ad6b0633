namespace Ocellus.Vision.Recipes;

/// <summary>
/// Settings of a training that goes on from a finished model: most is known already, so fewer steps with lower rates suffice. Twenty images of each of five
/// labels are learnt in less than 40 s on two cores.
/// </summary>
public static class GoingOnRecipe
{
    private const int ImagesIncluded = 100;

    /// <summary>The settings of a classifier.</summary>
    /// <param name="plan">Those of the default recipe.</param>
    /// <param name="images">Training images.</param>
    public static ClassifierPlan Of(ClassifierPlan plan, int images)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return plan with
        {
            TimeBudget = QuickRecipe.Least(plan.TimeBudget, Time(30, .2, images, plan.Threads)),
            Search = null,
            Views = 2,
            Epochs = 5,
            StepsMin = 40,
            WarmUpSteps = 8,
            AverageDecay = .95,
            BackboneRate = plan.BackboneRate / 2,
        };
    }

    /// <summary>The settings of a detector.</summary>
    /// <param name="plan">Those of the default recipe.</param>
    /// <param name="images">Training images.</param>
    public static DetectorPlan Of(DetectorPlan plan, int images)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return plan with
        {
            TimeBudget = QuickRecipe.Least(plan.BudgetFor(images), Time(32, .5, images, plan.Threads)),
            StepsMin = 40,
            StepsFew = 40,
            Epochs = 4,
            WarmUpSteps = 10,
            Rate = plan.Rate * .4,
            BackboneRate = plan.BackboneRate * .4,
        };
    }

    private static TimeSpan Time(double seconds, double secondsEach, int images, int threads) =>
        TimeSpan.FromSeconds(seconds + secondsEach * Math.Max(0, images - ImagesIncluded)) * (threads == 1 ? 2 : 1);
}
