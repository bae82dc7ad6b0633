using System.Text;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Onnx;
using Ocellus.Vision.Recipes;
using TorchSharp;

namespace Ocellus.Vision.Tests.Recipes;

public sealed class DetectorTrainerTests
{
    private static readonly DetectorPlan Short =
        new() { LongSide = 64, StepsMin = 80, Epochs = 0, Batch = 2, WarmUpSteps = 4, Threads = 1, TimeBudget = TimeSpan.FromHours(1) };

    [Theory]
    [InlineData(.7)] // images join after the interruption
    [InlineData(.3)] // and before it
    public async Task A_resumed_training_ends_as_an_uninterrupted_one(double joinAt)
    {
        DetectorPlan Short = DetectorTrainerTests.Short with { Calibration = new BoxCalibrationPlan { HeldBack = .4, HeldBackMin = 1, JoinAt = joinAt } };
        // Wider than the network is high: grey below. One negative.
        DetectorTask scenes = DrawnScenes.Task(5);
        var task = scenes with { Boxes = [.. scenes.Boxes.Take(4), []] };
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            DetectorResult whole = DetectorTrainer.Train(task, Short, cancel: TestContext.Current.CancellationToken);
            using var stop = new CancellationTokenSource();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.Run(
                () => DetectorTrainer.Train(task, Short, new StopAfterFirst(stop), folder, stop.Token), TestContext.Current.CancellationToken));
            Assert.True(File.Exists(Path.Combine(folder, DetectorTrainer.CheckpointFile)));
            var reports = new Collect();

            DetectorResult resumed = DetectorTrainer.Train(task, Short, reports, folder, TestContext.Current.CancellationToken);

            Assert.Equal("planning 1/2", reports.Seen[0]);
            Assert.Equal("training 2/2", reports.Seen[^1]);
            Assert.Equal((80, 80), (whole.Steps, resumed.Steps));
            Assert.Equal(whole.Description.Temperature, resumed.Description.Temperature, .02);
            Assert.NotEqual(1 / 1.2, whole.Description.Temperature, 1e-6);
            OnnxFile a = OnnxBytes.Parse(whole.Model), b = OnnxBytes.Parse(resumed.Model);
            foreach (string name in a.InitializerNames.Where(n => n.EndsWith("weight", StringComparison.Ordinal)))
            {
                // The last bits of sums may differ from run to run; a lost moment, average or rate shows in the second digit.
                float[] x = a.Floats(name), y = b.Floats(name);
                double size = Math.Sqrt(x.Average(v => (double)v * v)), difference = Math.Sqrt(x.Zip(y, (p, q) => (double)(p - q) * (p - q)).Average());
                Assert.True(difference < .02 * size, $"{name}: {difference} of {size}");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Steps_leave_no_tensors_behind()
    {
        DetectorTask task = DrawnScenes.Task(2);
        var counts = new List<long>();
        DetectorPlan plan = Short with { StepsMin = 90, LongSide = 32 };
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        DetectorTrainer.Train(task, plan, new Count(counts), cancel: TestContext.Current.CancellationToken);
        Assert.InRange(counts.Count, 4, 1000);
        // The first report comes before the first step, and each weight has its gradient only after it.
        Assert.Single(counts.Skip(1).Distinct());
        Assert.True(DisposeScopeManager.Statistics.ThreadTotalLiveCount <= before, "the training left tensors behind");
    }

    [Theory]
    [InlineData(292, .05, 1000, 511, 511, 8)] // 14 passes of 292 images
    [InlineData(132, .05, 1000, 480, 480, 8)] // a small set: the least steps
    [InlineData(292, .05, 200, 500, 511, 8)] // time for 4,000 views
    [InlineData(132, .1, 240, 400, 480, 6)] // time for 2,400 views: fewer images a step, or there would be 300 steps
    [InlineData(292, .1, 150, 500, 1363, 3)] // time for 1,500 views
    [InlineData(292, .5, 240, 240, 2044, 2)] // never fewer than two
    [InlineData(5000, .05, 100_000, 8750, 8750, 8)]
    public void Large_sets_get_passes_small_sets_steps_and_short_times_smaller_steps(
        int images, double secondsPerImage, double seconds, int steps, int wanted, int batch) =>
        Assert.Equal((steps, wanted, batch), DetectorTrainer.Schedule(new DetectorPlan(), images, 8, secondsPerImage, seconds));

    [Fact]
    public void The_batch_fits_the_memory()
    {
        var plan = new DetectorPlan { MemoryBytes = 8L << 30 };
        Assert.Equal(8, DetectorTrainer.BatchFor(plan, new DetectorInput(416, 416)));
        Assert.Equal(4, DetectorTrainer.BatchFor(plan with { MemoryBytes = 10L << 30 }, new DetectorInput(1024, 576)));
        Assert.Equal(2, DetectorTrainer.BatchFor(plan with { Batch = 2 }, new DetectorInput(416, 416)));
        Assert.Throws<InsufficientMemoryException>(() => DetectorTrainer.BatchFor(plan with { MemoryBytes = 1 << 30 }, new DetectorInput(416, 416)));
    }

    [Fact]
    public void Small_boxes_get_a_larger_input_only_as_far_as_the_memory_goes()
    {
        DetectorTask task = DrawnScenes.Task(2);
        task = task with { Boxes = [.. task.Boxes.Select(_ => new[] { new LabelledBox(0, new Box(.5f, .5f, .01f, .01f)) })] };
        Assert.Equal(1024, DetectorTrainer.Choose(task, new DetectorPlan { MemoryBytes = 64L << 30 }).LongSide);
        Assert.InRange(DetectorTrainer.Choose(task, new DetectorPlan { MemoryBytes = 6L << 30 }).LongSide, 448, 992);
        Assert.Equal(416, DetectorTrainer.Choose(task, new DetectorPlan { MemoryBytes = 1 << 30 }).LongSide);
    }

    [Fact]
    public void Impossible_tasks_are_refused()
    {
        DetectorTask task = DrawnScenes.Task(2);
        Refused(task with { Boxes = [[], []] }, Short);
        Refused(task with { Boxes = [task.Boxes[0]] }, Short);
        Refused(task with { Labels = ["brick"] }, Short);
        Refused(task, Short with { LongSide = 100 });
        Refused(task, Short with { Batch = 0 });

        static void Refused(DetectorTask task, DetectorPlan plan) => Assert.Throws<ArgumentException>(() => DetectorTrainer.Train(task, plan));
    }

    private sealed class StopAfterFirst(CancellationTokenSource stop) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value)
        {
            if (value is { Phase: DetectorTrainer.Training, Epoch: 1 })
            {
                stop.Cancel();
            }
        }
    }

    private sealed class Collect : IProgress<TrainingProgress>
    {
        public List<string> Seen { get; } = [];

        public void Report(TrainingProgress value) => Seen.Add($"{value.Phase} {value.Epoch}/{value.Epochs}");
    }

    private sealed class Count(List<long> counts) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => counts.Add(DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }
}
