using System.CommandLine;
using System.Text.Json;
using Ocellus.Refusals;
using Ocellus.Training;
using Ocellus.Training.Job;
using Ocellus.Vision.Recipes;

namespace Ocellus.Commands;

internal static partial class TrainCommand
{
    private static Option<string?> PlanOption(Option<int?> seed, Option<TimeSpan?> budget)
    {
        var plan = new Option<string?>("--plan")
        {
            Description = "Repeat the plan that a model was trained by: steps, images a step, input, rates, seed and threads. Whatever else the machine does, "
                + "the same data give the same model, to the byte on the same kind of processor.",
            HelpName = "MODEL.zip",
        };
        plan.Validators.Add(result =>
        {
            // The plan has both.
            foreach (Option other in new Option[] { seed, budget })
            {
                if (result.GetResult(other) is { Implicit: false })
                {
                    result.AddError($"{other.Name} has no effect beside --plan, which has its own; leave it out.");
                }
            }
        });
        return plan;
    }

    /// <summary>The plan of a model file; null if none is given.</summary>
    private static JsonElement? ReadPlan(string? model)
    {
        if (model is null)
        {
            return null;
        }

        try
        {
            return PlanTag.Of(ModelArchive.Describe(model));
        }
        catch (PlanException refusal)
        {
            throw new CommandRefusedException($"{model}: {refusal.Message}");
        }
    }

    /// <summary>The seed also splits off the test images, so it is that of the plan.</summary>
    private static int SeedOf(Request request, JsonElement? plan) =>
        plan is { } repeated ? CarriedPlan.FromJson(repeated).Seed : request.Seed ?? 0;

    private static bool SamePlan(Request request, JobDescription job) =>
        request.Plan is null || (job.Plan is { } begun && ReadPlan(request.Plan) is { } plan && JsonElement.DeepEquals(plan, begun));
}
