using Ocellus.Training.Job;

namespace Ocellus.Tests.Training.Job;

public sealed class JobProgressTests
{
    [Fact]
    public void Progress_is_read_from_the_status_message_that_carries_it()
    {
        JobProgress[] all =
        [
            new("fine-tuning", 3, 10, .4, 12.2), new("fine-tuning", 3, 10, .4, 12.2) { Planned = 20 }, new("checking images", 7, 180, null, null),
        ];
        foreach (var progress in all)
        {
            var read = JobProgress.Find($"The model is being trained. {progress.Sentence}")!;
            Assert.Equal((progress.Phase, progress.Step, progress.Steps, progress.Planned), (read.Phase, read.Step, read.Steps, read.Planned));
            Assert.Equal(progress.SecondsLeft is { } left ? Math.Ceiling(left) : null, read.SecondsLeft);
        }

        Assert.Null(JobProgress.Find("The model is being trained."));
    }
}
