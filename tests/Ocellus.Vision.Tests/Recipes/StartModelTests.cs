using Ocellus.Vision.Evaluation;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Networks;
using Ocellus.Vision.Onnx;
using Ocellus.Vision.Recipes;
using static TorchSharp.torch;

namespace Ocellus.Vision.Tests.Recipes;

/// <summary>Trainings that go on from a finished model.</summary>
public sealed class StartModelTests(OverfittedDetector overfitted) : IClassFixture<OverfittedDetector>
{
    private const float FileTolerance = 2e-3f;

    private static readonly ClassifierPlan _classifier = new()
    {
        Size = 32,
        Views = 1,
        Epochs = 1,
        StepsMin = 6,
        Batch = 4,
        Threads = 1,
        Regularisation = 1,
    };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public void A_detector_that_is_gone_on_from_answers_as_before_with_its_labels_in_another_order()
    {
        StartModel start = Of(overfitted.Result.Model, overfitted.Result.Description);
        DetectorTask task = overfitted.Task with { Labels = ["ball", "brick"] };
        var plan = new DetectorPlan { Threads = 1, From = start };
        OnnxFile backbone = start.Backbone(OnnxFile.Load(plan.BackbonePath));
        byte[] exported;
        using (NewDisposeScope())
        {
            using var network = new DetectorNetwork(task, plan, backbone, start.Input);
            var batches = new DetectorBatches(task, plan, new DetectorViews(task.Images, task.Boxes, start.Input, plan), []);
            network.Adopt(start, () => batches.Make(0, 0, 8));
            ModelDescription scaled = overfitted.Result.Description;
            exported = network.Export(new LogitScale((float)(1 / scaled.Temperature), (float)scaled.ScoreShift));
        }

        using var before = new TrainedModel(overfitted.Result.Model, overfitted.Result.Description);
        using var after = new TrainedModel(exported, overfitted.Result.Description with { Labels = task.Labels });
        for (int i = 0; i < 4; i++)
        {
            PreparedImage image = before.Prepare(task.Images.Read(i), ImageLimits.Default);
            Prediction[] old = [.. before.Predict([image])[0].Take(2)], now = [.. after.Predict([image])[0].Take(2)];
            Assert.Equal(old.Select(p => 1 - p.Label), now.Select(p => p.Label));
            Assert.All(old.Zip(now), p => Assert.Equal(p.First.Score, p.Second.Score, FileTolerance));
            Assert.All(old.Zip(now), p => Assert.Equal(p.First.Box!.Value.Left, p.Second.Box!.Value.Left, FileTolerance));
        }
    }

    [Fact]
    public void A_detector_knows_more_after_a_few_steps_if_it_goes_on_from_another()
    {
        DetectorTask task = DrawnScenes.Task(6, seed: 9);
        // The labels in another order, and one that is new.
        var reordered = new DetectorTask(
            task.Images, [.. task.Boxes.Select((b, i) => b.Select(one => one with { Label = one.Label == 0 ? i == 0 ? 2 : 1 : 0 }).ToList())],
            ["ball", "brick", "slab"]);
        var plan = new DetectorPlan
        {
            LongSide = 128,
            StepsMin = 3,
            Epochs = 0,
            Batch = 4,
            Threads = 1,
            WarmUpSteps = 2,
            TimeBudget = TimeSpan.FromHours(1),
            Rate = 1e-3,
            BackboneRate = 1e-4,
        };
        StartModel start = Of(overfitted.Result.Model, overfitted.Result.Description);
        DetectorResult without = DetectorTrainer.Train(reordered, plan, cancel: Cancel);
        DetectorResult with = DetectorTrainer.Train(reordered, plan with { From = start }, cancel: Cancel);
        Assert.Equal(without.Steps, with.Steps);
        Assert.Equal(start.Sha256, with.Description.StartedFrom);
        Assert.Null(without.Description.StartedFrom);

        double before = Precision(without), after = Precision(with);
        Assert.True(after > .8 && after > before + .2, $"{after} instead of {before}");

        // A plan that is repeated needs the same start.
        CarriedPlan carried = CarriedPlan.FromJson(with.Description.Plan!.Value);
        Assert.Contains(start.Sha256, Assert.Throws<PlanException>(() => carried.For(new DetectorPlan())).Message, StringComparison.Ordinal);
        DetectorResult again = DetectorTrainer.Train(reordered, carried.For(new DetectorPlan { From = start, Seed = 9 }), cancel: Cancel);
        Assert.Equal(with.Model, again.Model);

        double Precision(DetectorResult result)
        {
            using var model = new TrainedModel(result.Model, result.Description);
            IReadOnlyList<Prediction>[] found =
                [.. Enumerable.Range(0, 6).Select(i => model.Predict([model.Prepare(reordered.Images.Read(i), ImageLimits.Default)])[0])];
            DetectionReport report = DetectionMetrics.Compute(3, reordered.Boxes, found);
            return report.Labels.Take(2).Average(l => l.AveragePrecision); // three steps do not teach the new one
        }
    }

    [Fact]
    public void Rows_of_a_detectors_last_layer_follow_the_names_of_its_labels()
    {
        // Two labels and four sides, one value each; the new label has the mean of 2 and 4, one less.
        Assert.Equal([4, 2, 2, 6, 7, 8, 9], Detector.Relabelled([2, 4, 6, 7, 8, 9], 2, [1, -1, 0], bias: true, new Random(0)));
    }

    [Theory]
    [InlineData(ClassifierHeadKind.Average)]
    [InlineData(ClassifierHeadKind.Evidence)]
    [InlineData(ClassifierHeadKind.Both)]
    public void A_classifier_goes_on_from_another_with_its_head_and_labels_by_name(ClassifierHeadKind kind)
    {
        ClassifierTask task = ClassifierTrainerTests.Colours(multiLabel: false);
        ClassifierPlan plan = _classifier with
        {
            Design = new ClassifierDesign(new ClassifierInput(64, 64, KeepsAspect: true), kind),
            FineTune = false,
        };
        ClassifierResult first = ClassifierTrainer.Train(task, plan, cancel: Cancel);
        StartModel start = Of(first.Model, first.Description);
        Assert.Equal(plan.Design, start.Design);

        // One image a label, the labels reversed: far too little to learn from, and a fit that hardly moves.
        int[] one = [.. Enumerable.Range(0, task.Labels.Count).Select(l => Enumerable.Range(0, task.Images.Count).First(i => task.Targets[i][0] == l))];
        var few = new ClassifierTask(
            new ImageSource(one.Length, i => task.Images.Read(one[i])), [.. one.Select(i => (IReadOnlyList<int>)[task.Labels.Count - 1 - task.Targets[i][0]])],
            [.. task.Labels.Reverse()], MultiLabel: false);
        ClassifierPlan still = plan with { Design = null, Size = 224, Regularisation = 1e-6, Head = plan.Head with { FrozenSteps = 1 }, From = start };
        ClassifierResult second = ClassifierTrainer.Train(few, still, cancel: Cancel);
        Assert.Equal(start.Design, second.Design);
        Assert.Equal(start.Sha256, second.Description.StartedFrom);

        using var model = new TrainedModel(second.Model, second.Description);
        int right = Enumerable.Range(0, task.Images.Count).Count(i =>
            model.Predict([model.Prepare(task.Images.Read(i), new ImageLimits(SideMin: 1))])[0].MaxBy(p => p.Score).Label
                == task.Labels.Count - 1 - task.Targets[i][0]);
        Assert.True(right > .9 * task.Images.Count, $"{right} of {task.Images.Count}");
    }

    [Fact]
    public void A_regression_without_evidence_keeps_its_start()
    {
        var start = new LinearHead([1, -1, 0, 2], [.5f, -.5f], 2);
        LinearHead kept = LogisticRegression.Fit([0, 0], [1, 0], 1, 2, multiLabel: false, 1e-9, Cancel, start);
        Assert.Equal(start.Weight, kept.Weight);
    }

    [Fact]
    public void What_cannot_be_gone_on_from_is_refused_in_words()
    {
        ModelDescription detector = overfitted.Result.Description;
        byte[] model = overfitted.Result.Model;
        StartModel start = Of(model, detector);
        Assert.Contains(
            "is a detector, which learns boxes, and these data are for a classifier with one label an image",
            Refused(() => ClassifierTrainer.Train(ClassifierTrainerTests.Colours(multiLabel: false), _classifier with { From = start }, cancel: Cancel)),
            StringComparison.Ordinal);
        Assert.Contains("damaged", Refused(() => StartModel.Read(model, detector)), StringComparison.Ordinal); // no checksum
        Assert.Contains("labels require", Refused(() => Of(model, detector with { Labels = ["a", "b", "c"] })), StringComparison.Ordinal);
        Assert.Contains("its kind is 'other'", Refused(() => Of(model, detector with { Kind = "other" })), StringComparison.Ordinal);
        Assert.Contains("no possible input", Refused(() => Of(model, detector with { Width = 100 })), StringComparison.Ordinal);
        Assert.Contains("not one that Ocellus has trained", Refused(() => Of([1, 2, 3], detector)), StringComparison.Ordinal);
        Assert.Contains(
            "another backbone", Refused(() => Of(OnnxFile.Load(new DetectorPlan().StartPath).ToBytes(), detector)), StringComparison.Ordinal);

        static string Refused(Action action) => Assert.Throws<StartException>(action).Message;
    }

    [Fact]
    public void The_user_is_told_which_labels_are_kept_new_and_left_out()
    {
        StartModel start = Of(overfitted.Result.Model, overfitted.Result.Description);
        Assert.Equal("It went on from a model that knew brick, ball.", start.RemarkOn(["brick", "ball"]));
        Assert.Equal(
            "It went on from a model that knew ball; new: slab. That model also knew brick, of which these data have no image, so this one does not.",
            start.RemarkOn(["ball", "slab"]));
        Assert.Equal(
            "None of its labels was known to the model that it went on from. That model also knew brick, ball, of which these data have no image, so this one "
            + "does not.",
            start.RemarkOn(["slab"]));
    }

    private static StartModel Of(byte[] model, ModelDescription description) => StartModel.Read(
        model, description with { ModelSha256 = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(model)) });
}
