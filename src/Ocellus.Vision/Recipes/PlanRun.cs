using System.Text.Json.Serialization;

namespace Ocellus.Vision.Recipes;

/// <summary>From a step on, a training had another number of steps, because the machine had become slower or faster.</summary>
/// <param name="Step">Steps taken when the number changed.</param>
/// <param name="Steps">Steps in all from then on.</param>
public sealed record PlanChange(int Step, int Steps);

/// <summary>What a training chose by the clock, the memory and the data. A training that is given it chooses nothing and does the same.</summary>
public sealed record PlanRun
{
    private const int SideMax = 4_096, BatchMax = 1_024, RoundsMax = 1_000, HeadStepsMax = 1_000_000;

    /// <summary>Width of the network's input in pixels.</summary>
    public required int Width { get; init; }

    /// <summary>Height of the network's input in pixels.</summary>
    public required int Height { get; init; }

    /// <summary>The image keeps its aspect ratio in the input; otherwise it is squashed to it. As <c>resize</c> says.</summary>
    public bool KeepsAspect { get; init; }

    /// <summary>Classifier only: what decides a label.</summary>
    public ClassifierHeadKind Head { get; init; }

    /// <summary>Classifier only: images that the head learnt from, fewer than there are where memory was short; 0 for all.</summary>
    public int HeadImages { get; init; }

    /// <summary>Classifier only: steps of the head that was fitted by gradient descent, 0 if there was none.</summary>
    public int HeadSteps { get; init; }

    /// <summary>Images a step; 0 without steps.</summary>
    public int Batch { get; init; }

    /// <summary>Steps taken.</summary>
    public int Steps { get; init; }

    /// <summary>Steps if time were not short.</summary>
    public int StepsPlanned { get; init; }

    /// <summary>The number of steps from the first one on, and each change of it. The rates of learning follow from it. Empty without steps.</summary>
    [JsonRequired]
    public IReadOnlyList<PlanChange> Schedule { get; init; } = [];

    /// <summary>Classifier only: views of each image that the linear head learnt from.</summary>
    public int Rounds { get; init; }

    /// <summary>Classifier only: the first layers were frozen, because time was short.</summary>
    public bool Frozen { get; init; }

    /// <summary>The numbers are such as a training writes: what is read from a file may be anything.</summary>
    internal bool IsPossible =>
        Width is > 0 and <= SideMax && Width % DetectorInput.Multiple == 0 && Height is > 0 and <= SideMax && Height % DetectorInput.Multiple == 0
        && Batch is >= 0 and <= BatchMax && Rounds is >= 0 and <= RoundsMax && StepsPlanned >= 0 && HeadImages >= 0
        && HeadSteps is >= 0 and <= HeadStepsMax && Enum.IsDefined(Head)
        && Schedule?.All(change => change is { Step: >= 0 } && change.Steps > change.Step) == true
        && Steps == (Schedule.Count == 0 ? 0 : Schedule[^1].Steps) && (Steps == 0 || Batch > 0);

    /// <summary>Steps in all after a step: another number where the schedule has one.</summary>
    internal int StepsAfter(int step, int steps) => Schedule.FirstOrDefault(change => change.Step == step)?.Steps ?? steps;

    /// <summary>Input and head of a classifier.</summary>
    [JsonIgnore]
    internal ClassifierDesign Design => new(new ClassifierInput(Width, Height, KeepsAspect), Head);

    /// <summary>A run with this input and head, and nothing done yet.</summary>
    internal static PlanRun Of(ClassifierDesign design) =>
        new() { Width = design.Input.Width, Height = design.Input.Height, KeepsAspect = design.Input.KeepsAspect, Head = design.Head };

    /// <summary>Tells a training that repeats a plan from others, in the key of its checkpoint; empty for those that repeat none.</summary>
    internal static string KeyOf(PlanRun? run) => run is null ? "" : $"|{run with { Schedule = [] }}|{string.Join(',', run.Schedule)}|";

    /// <summary>A schedule with the number of steps from now on, if it is another one.</summary>
    internal static IReadOnlyList<PlanChange> Append(IReadOnlyList<PlanChange> schedule, int step, int steps) =>
        schedule.Count > 0 && schedule[^1].Steps == steps ? schedule : [.. schedule.Where(change => change.Step != step), new PlanChange(step, steps)];
}
