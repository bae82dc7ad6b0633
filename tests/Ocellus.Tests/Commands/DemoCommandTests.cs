using Ocellus.Commands;
using Ocellus.Training.Job;

namespace Ocellus.Tests.Commands;

public sealed class DemoCommandTests
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

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_sample_images_lie_beside_the_program(bool boxes)
    {
        var sample = boxes ? DemoSample.Blood : DemoSample.Cells;
        foreach (var manifest in new[] { "train.manifest", "test.manifest" })
        {
            var lines = File.ReadAllLines(Path.Combine(sample.Path, manifest));
            var prefix = $"s3://{sample.Bucket}/{sample.Folder}/";
            Assert.All(lines, line =>
            {
                var source = (string)System.Text.Json.Nodes.JsonNode.Parse(line)!["source-ref"]!;
                Assert.StartsWith(prefix, source, StringComparison.Ordinal);
                Assert.True(File.Exists(Path.Combine(sample.Path, source[prefix.Length..])), source);
            });
        }
    }
}
