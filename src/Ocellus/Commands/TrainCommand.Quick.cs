using System.CommandLine;

namespace Ocellus.Commands;

internal static partial class TrainCommand
{
    private static Option<bool> QuickOption(Option<TimeSpan?> budget, Option<string?> plan)
    {
        var quick = new Option<bool>("--quick")
        {
            Description = "A usable model in about half a minute on two cores for some hundred images, to look at labels and mistakes before the real "
                + "training. Not with --time-budget, for it has its own, nor with --plan, which repeats the recipe of its model.",
        };
        quick.Validators.Add(result =>
        {
            foreach (var (other, has) in new (Option, string)[] { (budget, "time limit"), (plan, "recipe") })
            {
                if (result.GetResult(other) is { Implicit: false } && result is { Implicit: false })
                {
                    result.AddError(
                        other == plan
                            ? $"--quick has no effect beside --plan, which has its own {has}; leave it out."
                            : $"--time-budget has no effect beside --quick, which has its own {has}; leave it out.");
                }
            }
        });
        return quick;
    }
}
