using Ocellus.Vision.Recipes;

namespace Ocellus.Vision.Tests.Recipes;

public sealed class DetectorAnswerTests
{
    private static readonly DetectorInput _suited = new(416, 416);

    [Theory]
    [InlineData(60, 416)]
    [InlineData(51, 416)] // exactly: 8 ms and 1 ms for each 4,096 pixels are 8 + 42.25
    [InlineData(50, 384)] // 8 + 36
    [InlineData(24, 256)] // 8 + 16
    [InlineData(23, 224)] // 8 + 12.25
    [InlineData(9, 128)] // 8 + 4 is too long, and nothing smaller is of use
    public void The_largest_input_within_the_time_is_taken(int milliseconds, int side)
    {
        var measured = new List<int>();

        DetectorInput input = DetectorAnswer.Within(_suited, s => new DetectorInput(s, s), TimeSpan.FromMilliseconds(milliseconds), one =>
        {
            measured.Add(one.LongSide);
            return TimeSpan.FromMilliseconds(8 + one.Width * one.Height / 4096.0);
        });

        Assert.Equal(side, input.LongSide);
        Assert.InRange(measured.Count, 1, 6);
    }

    [Fact]
    public void What_was_chosen_and_what_it_costs_is_told()
    {
        TimeSpan half = TimeSpan.FromMilliseconds(22.4), most = TimeSpan.FromMilliseconds(30);
        var smaller = new DetectorInput(288, 224);
        Assert.Equal("The input is 416×416 pixels. An answer takes about 22 ms on one core.", DetectorAnswer.Text(_suited, _suited, null, half));
        Assert.Equal("The input is 416×416 pixels. An answer takes about 22 ms on one core.", DetectorAnswer.Text(_suited, _suited, most, half));
        Assert.Equal(
            "The input is 288×224 pixels instead of 416×416, for the sake of answers within 30 ms; small objects are found less well. "
            + "An answer takes about 22 ms on one core.",
            DetectorAnswer.Text(smaller, _suited, most, half));
        Assert.EndsWith(
            "An answer takes about 22 ms on one core, longer than the 5 ms that were asked for: no smaller input is of use.",
            DetectorAnswer.Text(new DetectorInput(128, 96), _suited, TimeSpan.FromMilliseconds(5), half), StringComparison.Ordinal);
    }

    [Fact]
    public void A_bounded_training_has_the_smaller_input_says_so_and_resumes_with_it()
    {
        DetectorTask task = DrawnScenes.Task(3);
        var plan = new DetectorPlan { StepsMin = 2, Epochs = 0, Batch = 2, Threads = 1, TimeBudget = TimeSpan.FromHours(1) };
        string folder = Directory.CreateTempSubdirectory("ocellus-test-").FullName;
        try
        {
            DetectorPlan bounded = plan with { AnswerTimeMax = TimeSpan.FromTicks(1) };
            DetectorResult result = DetectorTrainer.Train(task, bounded, checkpointDirectory: folder, cancel: TestContext.Current.CancellationToken);

            Assert.Equal((128, 96), (result.Description.Width, result.Description.Height));
            Assert.Contains("The input is 128×96 pixels instead of 416×320", result.Remark, StringComparison.Ordinal);
            Assert.Contains("no smaller input is of use", result.Remark, StringComparison.Ordinal);

            string file = Path.Combine(folder, SavedDetectorInput.FileName);
            File.WriteAllText(file, File.ReadAllText(file).Replace("\"Width\":128,\"Height\":96", "\"Width\":160,\"Height\":128", StringComparison.Ordinal));
            DetectorResult resumed = DetectorTrainer.Train(task, bounded, checkpointDirectory: folder, cancel: TestContext.Current.CancellationToken);
            Assert.Equal((160, 128), (resumed.Description.Width, resumed.Description.Height));

            // Another limit is another choice, and a damaged file is none.
            File.WriteAllText(file, "{");
            DetectorPlan ample = plan with { LongSide = 160, AnswerTimeMax = TimeSpan.FromMinutes(5) };
            DetectorResult whole = DetectorTrainer.Train(task, ample, checkpointDirectory: folder, cancel: TestContext.Current.CancellationToken);
            Assert.Equal((160, 128), (whole.Description.Width, whole.Description.Height));
            Assert.DoesNotContain("instead", whole.Remark, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
