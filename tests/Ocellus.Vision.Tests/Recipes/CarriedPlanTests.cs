using System.Text;
using System.Text.Json;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Kernels;
using Ocellus.Vision.Recipes;

namespace Ocellus.Vision.Tests.Recipes;

/// <summary>A plan of model.json is repeated to the byte, whatever the clock.</summary>
[Collection(nameof(Alone))]
public sealed class CarriedPlanTests
{
    private static readonly ClassifierPlan _classifier = new()
    {
        Size = 32,
        Views = 1,
        Epochs = 1,
        StepsMin = 14,
        Batch = 4,
        Threads = 1,
        Regularisation = 1,
        Seed = 3,
    };

    private static readonly DetectorPlan _detector = new() { LongSide = 64, StepsMin = 60, Epochs = 0, Batch = 2, WarmUpSteps = 4, Threads = 1, Seed = 3 };

    [Fact]
    public void A_classifier_is_repeated_to_the_byte_whatever_the_time_budget()
    {
        ClassifierTask task = ClassifierTrainerTests.Colours(multiLabel: false);
        // As if the machine had become busy and quiet again in between: another number of steps after 4 and after 7.
        PlanRun run = new()
        {
            Width = 32,
            Height = 32,
            Batch = 4,
            Steps = 12,
            StepsPlanned = 14,
            Schedule = [new(0, 14), new(4, 9), new(7, 12)],
            Rounds = 2,
        };
        ClassifierResult first = Train(task, _classifier with { Repeat = run });
        CarriedPlan plan = FromFile(first.Description);
        Assert.Equal(run with { Schedule = [] }, plan.Run with { Schedule = [] });
        Assert.Equal(run.Schedule, plan.Run.Schedule);

        // Hardly any time: without the plan there would be no step at all.
        ClassifierPlan later = new() { TimeBudget = TimeSpan.FromMilliseconds(1), Seed = 99, Threads = 2 };
        ClassifierResult again = Train(task, plan.For(task, later));
        Assert.Equal(first.Model, again.Model);
        Assert.Null(again.Remark);
        Assert.Null(plan.Difference(again.Plan));
    }

    [Fact]
    public void What_a_classifier_chose_by_the_clock_stands_in_its_description()
    {
        ClassifierTask task = ClassifierTrainerTests.Colours(multiLabel: false);
        ClassifierResult first = Train(task, _classifier);
        CarriedPlan plan = FromFile(first.Description);
        Assert.Equal((ModelKinds.Classification, 30), (plan.Kind, plan.Images));
        Assert.Equal((32, 32, 4, 14, 14), (plan.Run.Width, plan.Run.Height, plan.Run.Batch, plan.Run.Steps, plan.Run.StepsPlanned));
        Assert.Equal(plan.Run.Steps, plan.Run.Schedule[^1].Steps);
        Assert.Equal((3, 1, 2e-4), ((int)plan.Settings["seed"]!, (int)plan.Settings["threads"]!, (double)plan.Settings["backboneRate"]!));
        Assert.Equal(nameof(KernelChoice.Own), (string?)plan.Settings["kernels"]);
        Assert.Equal(first.Model, Train(task, plan.For(task, new ClassifierPlan())).Model);
    }

    [Theory]
    [InlineData(ClassifierHeadKind.Evidence, false, false)]
    [InlineData(ClassifierHeadKind.Both, true, false)]
    [InlineData(ClassifierHeadKind.Both, false, true)]
    public void A_classifiers_input_and_head_are_repeated_to_the_byte(ClassifierHeadKind head, bool fineTune, bool multiLabel)
    {
        ClassifierTask task = ClassifierTrainerTests.Colours(multiLabel);
        // As if time had been short: the fit of the head ended early.
        PlanRun run = new() { Width = 96, Height = 64, KeepsAspect = true, Head = head, Rounds = 2, HeadSteps = 9 };
        run = fineTune ? run with { Batch = 4, Steps = 5, StepsPlanned = 14, Schedule = [new(0, 5)] } : run;
        ClassifierResult first = Train(task, _classifier with { Repeat = run, FineTune = fineTune });
        Assert.Equal((96, 64, "fit"), (first.Description.Width, first.Description.Height, first.Description.Resize));
        CarriedPlan plan = FromFile(first.Description);
        Assert.Equal(run with { Schedule = [] }, plan.Run with { Schedule = [] });

        // What would be chosen now does not matter.
        ClassifierPlan later = new() { TimeBudget = TimeSpan.FromMilliseconds(1), Seed = 99, Threads = 2, Search = new DesignSearch() };
        ClassifierResult again = Train(task, plan.For(task, later));
        Assert.Equal(first.Model, again.Model);
        Assert.Equal(first.Description.Temperature, again.Description.Temperature);
        Assert.Equal(plan.Settings.ToJsonString(), again.Plan.Settings.ToJsonString());
        Assert.Null(again.Remark);
    }

    [Fact]
    public void What_was_chosen_by_trying_is_repeated_without_trying()
    {
        ClassifierTask task = ClassifierTrainerTests.Colours(multiLabel: false);
        ClassifierResult first = Train(task, _classifier with { FineTune = false, Search = new DesignSearch { Steps = 20 } });
        Assert.NotEmpty(first.Trials);
        CarriedPlan plan = FromFile(first.Description);
        Assert.Equal(first.Design, plan.Run.Design);

        ClassifierResult again = Train(task, plan.For(task, new ClassifierPlan { Search = new DesignSearch() }));
        Assert.Empty(again.Trials);
        Assert.Equal(first.Model, again.Model);
    }

    [Fact]
    public void A_head_of_fewer_images_than_there_are_is_repeated_with_as_many()
    {
        ClassifierTask task = ClassifierTrainerTests.Colours(multiLabel: false);
        ClassifierPlan few = _classifier with { FineTune = false, FeatureRowsMax = 20 };
        ClassifierResult first = Train(task, few);
        Assert.Equal(20, first.Plan.Run.HeadImages);
        Assert.Equal(first.Model, Train(task, FromFile(first.Description).For(task, new ClassifierPlan())).Model);
        PlanRun fewer = first.Plan.Run with { HeadImages = 10 };
        Assert.Equal(10, Train(task, few with { Repeat = fewer }).Plan.Run.HeadImages);
    }

    [Fact]
    public void A_detector_is_repeated_to_the_byte_whatever_the_time_budget()
    {
        DetectorTask task = DrawnScenes.Task(6);
        PlanRun run = new()
        {
            Width = 64,
            Height = 64,
            Batch = 2,
            Steps = 14,
            StepsPlanned = 60,
            Schedule = [new(0, 20), new(5, 12), new(9, 14)],
        };
        DetectorResult first = DetectorTrainer.Train(task, _detector with { Repeat = run }, cancel: TestContext.Current.CancellationToken);
        CarriedPlan plan = FromFile(first.Description);
        Assert.Equal(run.Schedule, plan.Run.Schedule);
        Assert.Equal((14, 60), (first.Steps, first.StepsPlanned));

        Assert.Equal(1 / new BoxCalibrationPlan().ExpectedFactor, first.Description.Temperature, 1e-6); // too few images to hold any back
        DetectorPlan later = plan.For(new DetectorPlan { TimeBudget = TimeSpan.FromMilliseconds(1), LongSide = 128, Seed = 99, Threads = 2 });
        DetectorResult again = DetectorTrainer.Train(task, later, cancel: TestContext.Current.CancellationToken);
        Assert.Equal(first.Model, again.Model);
        Assert.Null(again.Remark);
    }

    [Fact]
    public void A_detector_that_held_images_back_is_repeated_to_the_byte()
    {
        DetectorTask task = DrawnScenes.Task(6);
        // Held back until step 9: 0.7 of 14 is 9.8, but until then there are 12 steps, of which 8.4 is 0.7.
        PlanRun run = new() { Width = 64, Height = 64, Batch = 2, Steps = 14, StepsPlanned = 60, Schedule = [new(0, 20), new(5, 12), new(9, 14)] };
        DetectorPlan holding = _detector with { Repeat = run, Calibration = new BoxCalibrationPlan { HeldBack = .4, HeldBackMin = 2 } };
        DetectorResult first = DetectorTrainer.Train(task, holding, cancel: TestContext.Current.CancellationToken);
        Assert.NotEqual(1 / new BoxCalibrationPlan().ExpectedFactor, first.Description.Temperature, 1e-6);
        Assert.NotEqual(new BoxCalibrationPlan().ExpectedShift, first.Description.ScoreShift, 1e-6);

        CarriedPlan plan = FromFile(first.Description);
        DetectorResult again = DetectorTrainer.Train(task, plan.For(new DetectorPlan { Seed = 99 }), cancel: TestContext.Current.CancellationToken);
        Assert.Equal(first.Model, again.Model);
        Assert.Equal((first.Description.Temperature, first.Description.ScoreShift), (again.Description.Temperature, again.Description.ScoreShift));
    }

    [Fact]
    public async Task A_repeated_plan_that_is_interrupted_goes_on_as_planned()
    {
        DetectorTask task = DrawnScenes.Task(6);
        PlanRun run = new() { Width = 64, Height = 64, Batch = 2, Steps = 48, StepsPlanned = 60, Schedule = [new(0, 60), new(12, 44), new(43, 48)] };
        string folder = Directory.CreateTempSubdirectory("ocellus-test-").FullName;
        try
        {
            DetectorPlan plan = _detector with { Repeat = run };
            using var stop = new CancellationTokenSource();
            var stopAtForty = new Stop(stop, 40);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(
                () => Task.Run(() => DetectorTrainer.Train(task, plan, stopAtForty, folder, stop.Token), TestContext.Current.CancellationToken));
            DetectorResult resumed = DetectorTrainer.Train(task, plan, null, folder, TestContext.Current.CancellationToken);
            Assert.Equal(run.Schedule, resumed.Plan.Run.Schedule);
            Assert.Equal(48, resumed.Steps);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_plan_of_another_kind_or_recipe_is_refused_in_words()
    {
        ClassifierTask task = ClassifierTrainerTests.Colours(multiLabel: false);
        CarriedPlan classifier = CarriedPlan.Of(task, _classifier, new PlanRun { Width = 64, Height = 64 });
        CarriedPlan detector = CarriedPlan.Of(DrawnScenes.Task(2), _detector, new PlanRun { Width = 64, Height = 64 });
        Assert.Contains(
            "a detector, which learns boxes, and these data are for a classifier", Refused(() => detector.For(task, _classifier)), StringComparison.Ordinal);
        Assert.Contains("for a detector", Refused(() => classifier.For(_detector)), StringComparison.Ordinal);
        Assert.Contains("several labels an image", Refused(() => classifier.For(task with { MultiLabel = true }, _classifier)), StringComparison.Ordinal);

        classifier.Settings["newer"] = 1;
        Assert.Contains("other settings (newer)", Refused(() => classifier.For(task, _classifier)), StringComparison.Ordinal);
        classifier.Settings.Remove("newer");
        classifier.Settings["head"]!.AsObject().Remove("batch");
        Assert.Contains("other settings (head.batch)", Refused(() => classifier.For(task, _classifier)), StringComparison.Ordinal);
        classifier.Settings["head"]!["batch"] = 24;
        classifier.Settings["seed"] = "seven";
        Assert.Contains("cannot be read", Refused(() => classifier.For(task, _classifier)), StringComparison.Ordinal);
        CarriedPlan impossible = classifier with { Run = new PlanRun { Width = 64, Height = 64, Steps = 5 } };
        Assert.Contains("impossible numbers", Refused(() => CarriedPlan.FromJson(impossible.ToJson())), StringComparison.Ordinal);

        foreach (string schedule in (string[])["[null]", "[{\"step\":-1,\"steps\":5}]", "[{\"step\":5,\"steps\":5}]"])
        {
            string json = impossible.ToJson().GetRawText().Replace("\"schedule\":[]", $"\"schedule\":{schedule}", StringComparison.Ordinal);
            Assert.Contains("impossible numbers", Refused(() => CarriedPlan.FromJson(JsonElement.Parse(json))), StringComparison.Ordinal);
        }

        foreach (string json in (string[])["1", "{}", """{"kind":"classification","images":1,"data":"","settings":{},"run":{"width":64,"height":64}}"""])
        {
            Assert.Contains("cannot be read", Refused(() => CarriedPlan.FromJson(JsonElement.Parse(json))), StringComparison.Ordinal);
        }

        static string Refused(Action action) => Assert.Throws<PlanException>(action).Message;
    }

    [Fact]
    public void Steps_that_the_data_do_not_allow_and_other_data_are_told()
    {
        ClassifierTask few = ClassifierTrainerTests.Colours(multiLabel: false, images: 6);
        PlanRun run = new() { Width = 64, Height = 64, Batch = 16, Steps = 5, Schedule = [new(0, 5)], Rounds = 1 };
        PlanException refusal = Assert.Throws<PlanException>(() => Train(few, _classifier with { Repeat = run }));
        Assert.Contains("a label needs 3 images", refusal.Message, StringComparison.Ordinal);

        CarriedPlan plan = CarriedPlan.Of(ClassifierTrainerTests.Colours(multiLabel: false), _classifier, run);
        Assert.Contains("the plan had 30 images, and these are 6", plan.Difference(CarriedPlan.Of(few, _classifier, run)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_plan_that_needs_more_memory_than_there_is_fails_in_words()
    {
        PlanRun run = new() { Width = 416, Height = 416, Batch = 8, Steps = 5, Schedule = [new(0, 5)] };
        InsufficientMemoryException refusal = Assert.Throws<InsufficientMemoryException>(
            () => DetectorTrainer.BatchFor(new DetectorPlan { Repeat = run, MemoryBytes = 5L << 30 }, new DetectorInput(416, 416)));
        Assert.Contains("to repeat the plan: its steps have 8 images", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plan_whose_features_need_more_memory_than_there_is_fails_in_words()
    {
        PlanRun run = new() { Width = 96, Height = 64, KeepsAspect = true, Head = ClassifierHeadKind.Evidence, Rounds = 2, HeadSteps = 9 };
        ClassifierTask task = ClassifierTrainerTests.Colours(multiLabel: false);
        InsufficientMemoryException refusal = Assert.Throws<InsufficientMemoryException>(
            () => Train(task, _classifier with { Repeat = run, FineTune = false, MemoryBytes = 1L << 20 }));
        Assert.Contains("are needed for the features of the images", refusal.Message, StringComparison.Ordinal);
    }

    private static ClassifierResult Train(ClassifierTask task, ClassifierPlan plan) =>
        ClassifierTrainer.Train(task, plan, cancel: TestContext.Current.CancellationToken);

    /// <summary>As a later training reads it.</summary>
    private static CarriedPlan FromFile(ModelDescription description) =>
        CarriedPlan.FromJson(ModelDescription.FromJson(Encoding.UTF8.GetBytes(description.ToJson())).Plan!.Value);

    private sealed class Stop(CancellationTokenSource stop, int step) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            if (value.Step >= step)
            {
                stop.Cancel();
            }
        }
    }
}
