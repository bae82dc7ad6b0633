namespace Ocellus.Vision.Recipes;

/// <summary>Whether a classifier is fine-tuned, if need be as in a plan that is repeated.</summary>
internal static class ClassifierRepeat
{
    /// <param name="plan">The plan, perhaps with one to repeat.</param>
    /// <param name="comparable">Images are held back to compare with the linear head.</param>
    /// <exception cref="PlanException">The plan to repeat has steps that these data do not allow.</exception>
    public static bool FineTunes(ClassifierPlan plan, bool comparable) => plan.Repeat is { Steps: > 0 } && !comparable
        ? throw new PlanException(
            $"The plan has steps of fine-tuning, for which a label needs {plan.HeldBackLabelMin} images; none has. Leave the plan out, or add images.")
        : plan.FineTune && comparable;
}
