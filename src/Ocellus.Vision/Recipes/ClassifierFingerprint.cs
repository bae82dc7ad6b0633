using System.Globalization;

namespace Ocellus.Vision.Recipes;

/// <summary>Identifies the training of a classifier that a checkpoint belongs to.</summary>
internal static class ClassifierFingerprint
{
    /// <param name="task">What is learnt.</param>
    /// <param name="plan">How.</param>
    /// <param name="batch">Images a step.</param>
    /// <param name="design">Input and head.</param>
    public static string Of(ClassifierTask task, ClassifierPlan plan, int batch, ClassifierDesign design)
    {
        string repeated = PlanRun.KeyOf(plan.Repeat);
        plan = plan with
        {
            Repeat = null,
            Search = null,
            Design = null,
            TimeLimit = null,
            TimeBudget = default,
            MemoryBytes = null,
            BackbonePath = "",
            Threads = 0,
            ThreadsNow = null,
            ImageCacheBytes = 0,
        };
        string planText = TrainingCheckpoint.TextOf(plan, plan.Kernels), labels = string.Join('\n', task.Labels);
        string targets = string.Join(';', task.Targets.Select(t => string.Join(',', t)));
        // The design is newer than the first checkpoints, which were all of the default one.
        string designText = design == new ClassifierDesign(ClassifierInput.Square(plan.Size), ClassifierHeadKind.Average) ? "" : $"|{design}";
        return TrainingCheckpoint.KeyOf(
            string.Create(CultureInfo.InvariantCulture, $"2|{planText}|{batch}|{task.MultiLabel}|{labels}|{targets}{designText}{repeated}"));
    }
}
