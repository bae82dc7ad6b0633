using Ocellus.Vision.Networks;
using Ocellus.Vision.Recipes;

namespace Ocellus.Vision.Tests.Recipes;

/// <summary>Checkpoints on disk outlive a new version of the program: the numbers here are those that every version has written.</summary>
public sealed class ScheduleStateTests
{
    [Fact]
    public void A_classifiers_state_has_its_numbers_at_their_places()
    {
        var state = new ClassifierScheduleState(30, 100, Frozen: true) { ComparedAt = 20, Joined = true, Score = .75, SecondsBefore = 12.5, Rounds = 6 };
        state = (state with { Factor = 1.5 }).WithSteps(90).WithSteps(100);
        TrainingCheckpoint saved = state.AddTo(Empty() with { Steps = 30, Frozen = true });

        Assert.Equal([100, 20, 1, .75f, 12.5f, 1.5f], saved.Values["schedule"][0]);
        Assert.Equal([0, 0], saved.Values["schedule"][1..].Select(a => a.Length));
        Assert.Equal([new PlanChange(30, 100)], state.Schedule); // two changes at one step are one
        Assert.Equal(state.Schedule, ClassifierScheduleState.From(saved).Schedule);
        Assert.Equal(state with { Schedule = [] }, ClassifierScheduleState.From(saved) with { Schedule = [] });
    }

    [Fact]
    public void A_checkpoint_of_an_earlier_version_has_no_changes()
    {
        TrainingCheckpoint saved = new ClassifierScheduleState(30, 100, Frozen: false).AddTo(Empty() with { Steps = 30 });
        saved = saved with { Values = saved.Values.Where(v => v.Key == "schedule").ToDictionary(v => v.Key, v => v.Value) };
        var read = ClassifierScheduleState.From(saved);
        Assert.Equal([new PlanChange(0, 100)], read.Schedule);
        Assert.Equal((30, 100, 0), (read.Step, read.Steps, read.Rounds));
    }

    [Fact]
    public void A_classifier_that_was_not_compared_yet_has_no_score()
    {
        var state = new ClassifierScheduleState(3, 100, Frozen: false);
        TrainingCheckpoint saved = state.AddTo(Empty() with { Steps = 3 });

        Assert.Equal([100, -1, 0, 0, 0, 1], saved.Values["schedule"][0]);
        Assert.Equal(state with { Schedule = [] }, ClassifierScheduleState.From(saved) with { Schedule = [] });
    }

    [Fact]
    public void A_classifiers_state_of_an_earlier_version_is_not_calibrated()
    {
        TrainingCheckpoint saved = Empty().With("schedule", [100, 20, 1, .75f, 12.5f]);

        Assert.Equal(1, ClassifierScheduleState.From(saved).Factor);
    }

    [Fact]
    public void A_detectors_state_has_its_numbers_at_their_places()
    {
        // 0.1 is 0.100000001490116… as a float, and that is 1.49e-9 too much.
        var state = new DetectorScheduleState(40, 200, 300, 5) { Position = .1, SecondsBefore = 12.5, SecondsPerStep = .25, JoinedAt = 30 };
        state = state with { Scale = new LogitScale(1.25f, -.5f) };
        TrainingCheckpoint saved = state.AddTo(Empty() with { Epoch = 40, Epochs = 200 });

        Assert.Equal(.1f, saved.Values["schedule"][0][0]);
        Assert.Equal(-1.490116e-9f, saved.Values["schedule"][0][1], 1e-15f);
        Assert.Equal([5, 300], saved.Values["schedule"][1]);
        Assert.Equal([12.5f, .25f], saved.Values["schedule"][2]);
        Assert.Equal([30, 1.25f, -.5f], saved.Values["schedule.scores"][0]);
        var read = DetectorScheduleState.From(saved, LogitScale.None);
        Assert.Equal(.1, read.Position, 1e-15);
        Assert.Equal(state with { Schedule = [] }, read with { Position = .1, Schedule = [] });
        Assert.Null(DetectorScheduleState.From((state with { JoinedAt = null }).AddTo(Empty()), LogitScale.None).JoinedAt);
    }

    [Fact]
    public void A_detectors_state_of_an_earlier_version_has_learnt_from_all_images_and_is_scaled_as_expected()
    {
        TrainingCheckpoint saved = new DetectorScheduleState(40, 200, 300, 5).AddTo(Empty());
        saved = saved with { Values = saved.Values.Where(v => v.Key != "schedule.scores").ToDictionary(v => v.Key, v => v.Value) };

        var read = DetectorScheduleState.From(saved, new LogitScale(1.2f, .5f));

        Assert.Equal((0, new LogitScale(1.2f, .5f)), (read.JoinedAt, read.Scale));
    }

    [Fact]
    public void Every_step_takes_an_equal_part_of_the_schedule_that_is_left()
    {
        DetectorScheduleState state = new(1, 5, 5, 8) { Position = .2 };
        state = state.Next(); // a quarter of 0.8
        Assert.Equal((2, .4), (state.Step, Math.Round(state.Position, 12)));
        state = (state with { Steps = 4 }).Next(); // time is short: half of 0.6
        Assert.Equal((3, .7), (state.Step, Math.Round(state.Position, 12)));
        state = state.Next();
        Assert.Equal((1.0, true), (Math.Round(state.Position, 12), state.IsFinished));
    }

    private static TrainingCheckpoint Empty() => new("key", 0, 0, false, 0, new Dictionary<string, float[][]>());
}
