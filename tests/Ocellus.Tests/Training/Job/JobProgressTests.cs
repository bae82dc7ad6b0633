using Ocellus.Training.Job;

namespace Ocellus.Tests.Training.Job;

public sealed class JobProgressTests
{
    [Fact]
    public void Progress_is_read_from_the_status_message_that_carries_it()
    {
        foreach (var progress in new[] { new JobProgress("fine-tuning", 3, 10, .4, 12.2), new JobProgress("checking images", 7, 180, null, null) })
        {
            var read = JobProgress.Find($"The model is being trained. {progress.Sentence}")!;
            Assert.Equal((progress.Phase, progress.Step, progress.Steps), (read.Phase, read.Step, read.Steps));
            Assert.Equal(progress.SecondsLeft is { } left ? Math.Ceiling(left) : null, read.SecondsLeft);
        }

        Assert.Null(JobProgress.Find("The model is being trained."));
    }
}
