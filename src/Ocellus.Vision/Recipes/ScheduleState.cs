using Ocellus.Vision.Networks;

namespace Ocellus.Vision.Recipes;

/// <summary>Progress of a classifier's fine-tuning.</summary>
/// <param name="Step">Steps taken.</param>
/// <param name="Steps">Steps planned.</param>
/// <param name="Frozen">The first layers are frozen, because time is short.</param>
internal sealed record ClassifierScheduleState(int Step, int Steps, bool Frozen)
{
    private const string Name = "schedule";

    /// <summary>The step before which the network was compared with the linear head; null before that.</summary>
    public int? ComparedAt { get; init; }

    /// <summary>The held-back images are learnt from too.</summary>
    public bool Joined { get; init; }

    /// <summary>Score of the network in the comparison, 0 to 1; null before it.</summary>
    public double? Score { get; init; }

    /// <summary>Factor of the logits that calibrates the network's scores, from the comparison; 1 before it.</summary>
    public double Factor { get; init; } = 1;

    /// <summary>Seconds of the runs before an interruption.</summary>
    public double SecondsBefore { get; init; }

    /// <summary>The number of steps from the first one on, and each change of it.</summary>
    public IReadOnlyList<PlanChange> Schedule { get; init; } = [];

    /// <summary>Views of each image from which the linear head was learnt that this began with; 0 in a checkpoint of an earlier version.</summary>
    public int Rounds { get; init; }

    /// <summary>The state before the first step.</summary>
    public static ClassifierScheduleState Begin(int steps, bool frozen, int rounds) =>
        new(0, steps, frozen) { Schedule = PlanRun.Append([], 0, steps), Rounds = rounds };

    /// <summary>The state with another number of steps from now on, or the same.</summary>
    public ClassifierScheduleState WithSteps(int steps) => this with { Steps = steps, Schedule = PlanRun.Append(Schedule, Step, steps) };

    /// <summary>From a checkpoint.</summary>
    public static ClassifierScheduleState From(TrainingCheckpoint checkpoint)
    {
        float[] numbers = checkpoint.Values[Name][0];
        int comparedAt = (int)numbers[1];
        return new ClassifierScheduleState((int)checkpoint.Steps, (int)numbers[0], checkpoint.Frozen)
        {
            ComparedAt = comparedAt < 0 ? null : comparedAt,
            Joined = numbers[2] > 0,
            Score = comparedAt < 0 ? null : numbers[3],
            SecondsBefore = numbers[4],
            // Newer than the first checkpoints.
            Factor = numbers.Length > 5 ? numbers[5] : 1,
            Schedule = PlanChanges.From(checkpoint, (int)numbers[0]),
            Rounds = PlanChanges.RoundsOf(checkpoint),
        };
    }

    /// <summary>Into a checkpoint whose steps and frozen layers are those of this state.</summary>
    public TrainingCheckpoint AddTo(TrainingCheckpoint checkpoint) =>
        PlanChanges.AddTo(checkpoint, Schedule, Rounds)
            .With(Name, [Steps, ComparedAt ?? -1, Joined ? 1 : 0, (float)(Score ?? 0), (float)SecondsBefore, (float)Factor]);
}

/// <summary>Progress of a detector's training.</summary>
/// <param name="Step">Steps taken.</param>
/// <param name="Steps">Steps planned.</param>
/// <param name="Wanted">Steps if time is not short.</param>
/// <param name="Batch">Images a step.</param>
internal sealed record DetectorScheduleState(int Step, int Steps, int Wanted, int Batch)
{
    private const string Name = "schedule", ScoresName = "schedule.scores";

    /// <summary>Position on the schedule of the rate, 0 to 1.</summary>
    public double Position { get; init; }

    /// <summary>Seconds of the runs before an interruption.</summary>
    public double SecondsBefore { get; init; }

    /// <summary>The latest measurement.</summary>
    public double SecondsPerStep { get; init; }

    /// <summary>The number of steps from the first one on, and each change of it.</summary>
    public IReadOnlyList<PlanChange> Schedule { get; init; } = [];

    /// <summary>The step before which the scores were calibrated, and from which the images that were held back are learnt from; null before that.</summary>
    public int? JoinedAt { get; init; }

    /// <summary>Calibrates the scores; what is to be expected before they are calibrated.</summary>
    public LogitScale Scale { get; init; } = LogitScale.None;

    /// <summary>The state with another number of steps from now on, or the same.</summary>
    public DetectorScheduleState WithSteps(int steps) => this with { Steps = steps, Schedule = PlanRun.Append(Schedule, Step, steps) };

    /// <summary>All steps are taken.</summary>
    public bool IsFinished => Step >= Steps;

    /// <summary>The state after one more step. The rest of the cosine is shared among the remaining steps.</summary>
    public DetectorScheduleState Next() => this with { Step = Step + 1, Position = Position + (1 - Position) / (Steps - Step) };

    /// <summary>From a checkpoint whose epochs are steps.</summary>
    /// <param name="checkpoint">One of an earlier version held no images back.</param>
    /// <param name="expected">The scale to expect, for such a checkpoint.</param>
    public static DetectorScheduleState From(TrainingCheckpoint checkpoint, LogitScale expected)
    {
        float[][] numbers = checkpoint.Values[Name];
        float[] scores = checkpoint.Values.TryGetValue(ScoresName, out float[][]? saved) ? saved[0] : [0, expected.Factor, expected.Shift];
        return new DetectorScheduleState(checkpoint.Epoch, checkpoint.Epochs, (int)numbers[1][1], (int)numbers[1][0])
        {
            Position = (double)numbers[0][0] + numbers[0][1],
            SecondsBefore = numbers[2][0],
            SecondsPerStep = numbers[2][1],
            Schedule = PlanChanges.From(checkpoint, checkpoint.Epochs),
            JoinedAt = scores[0] < 0 ? null : (int)scores[0],
            Scale = new LogitScale(scores[1], scores[2]),
        };
    }

    /// <summary>Into a checkpoint whose epochs are the steps of this state.</summary>
    public TrainingCheckpoint AddTo(TrainingCheckpoint checkpoint)
    {
        // A double as its nearest float and the remainder.
        float near = (float)Position;
        return PlanChanges.AddTo(checkpoint, Schedule, rounds: 0)
            .With(Name, [near, (float)(Position - near)], [Batch, Wanted], [(float)SecondsBefore, (float)SecondsPerStep])
            .With(ScoresName, [JoinedAt ?? -1, Scale.Factor, Scale.Shift]);
    }
}

/// <summary>The changes of the number of steps, in a checkpoint.</summary>
internal static class PlanChanges
{
    private const string Name = "schedule.changes";

    /// <summary>From a checkpoint; those of an earlier version have none, and then the number stands from the first step on.</summary>
    public static IReadOnlyList<PlanChange> From(TrainingCheckpoint checkpoint, int steps) => checkpoint.Values.TryGetValue(Name, out float[][]? numbers)
        ? [.. numbers[0].Zip(numbers[1], (step, all) => new PlanChange((int)step, (int)all))]
        : [new PlanChange(0, steps)];

    /// <summary>Into a checkpoint. Numbers of steps are far below those that a float cannot hold.</summary>
    public static TrainingCheckpoint AddTo(TrainingCheckpoint checkpoint, IReadOnlyList<PlanChange> schedule, int rounds) =>
        checkpoint.With(Name, [.. schedule.Select(change => (float)change.Step)], [.. schedule.Select(change => (float)change.Steps)], [rounds]);

    /// <summary>Rounds of views; 0 in a checkpoint of an earlier version.</summary>
    public static int RoundsOf(TrainingCheckpoint checkpoint) => checkpoint.Values.TryGetValue(Name, out float[][]? numbers) ? (int)numbers[2][0] : 0;
}
