using Ocellus.Training.Job;

namespace Ocellus.Tests.Training.Job;

public sealed class JobFolderTests : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("ocellus-job-").FullName;
    private readonly List<string> _damaged = [];

    public void Dispose() => Directory.Delete(_path, recursive: true);

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{\"projectVersionArn\":")]
    [InlineData("{}")]
    public void A_damaged_description_is_told_with_its_path(string text)
    {
        var file = Path.Combine(_path, "job.json");
        File.WriteAllText(file, text);
        Assert.StartsWith($"{file} is damaged", Assert.Throws<InvalidDataException>(() => new JobFolder(_path).Read()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Progress_is_told_in_steps_and_with_those_that_time_does_not_allow()
    {
        var report = new Ocellus.Vision.Recipes.TrainingProgress("training", 1, 7, .5, 12.2) { Step = 57, Steps = 557, Planned = 840 };
        Assert.Equal("Phase training, 57 of about 557 (840 planned), about 13 s left.", JobProgress.Of(report).Sentence);
        Assert.Equal("Phase training, 57 of 840, about 13 s left.", JobProgress.Of(report with { Steps = 840 }).Sentence);
        Assert.Equal("Phase training, 1 of 7, about 13 s left.", JobProgress.Of(report with { Steps = 0 }).Sentence); // a recipe without steps
    }

    [Theory]
    [InlineData("outcome.json")]
    [InlineData("pictures.json")]
    public void What_can_be_made_anew_is_taken_for_absent_and_told(string name)
    {
        var file = Path.Combine(_path, name);
        var folder = new JobFolder(_path) { Damaged = _damaged.Add };
        foreach (var text in new[] { "", "[{", "null" })
        {
            File.WriteAllText(file, text);
            Assert.Null(folder.ReadOutcome());
            Assert.Null(folder.ReadImages());
        }

        Assert.Equal(3, _damaged.Count);
        Assert.All(_damaged, d => Assert.StartsWith($"{file} is damaged", d, StringComparison.Ordinal));
    }

    [Fact]
    public void An_outcome_without_remarks_is_one_that_has_none()
    {
        var folder = new JobFolder(_path) { Damaged = _damaged.Add };
        File.WriteAllText(Path.Combine(_path, "outcome.json"), "{\"completed\": true, \"message\": \"Ready.\", \"ended\": \"2026-01-01T00:00:00Z\"}");
        Assert.Equal(("Ready.", 0), (folder.ReadOutcome()!.Message, folder.ReadOutcome()!.Remarks.Count));
        File.WriteAllText(Path.Combine(_path, "outcome.json"), "{\"completed\": true, \"message\": null}");
        File.WriteAllText(Path.Combine(_path, "pictures.json"), "[null, {}]");
        Assert.Null(folder.ReadOutcome());
        Assert.Null(folder.ReadImages());
        Assert.Equal(2, _damaged.Count);
    }
}
