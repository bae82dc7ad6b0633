using Ocellus.Console.Projects;
using Ocellus.Projects;

namespace Ocellus.Tests.Console;

/// <summary>What a project has, and what comes next.</summary>
public sealed class ProjectStepsTests
{
    private const string ProjectArn = "arn:aws:rekognition:us-east-1:123456789012:project/cells/1690474772815";

    [Theory]
    // images, labelled, version's state, F1 known | done steps, next action
    [InlineData(0, 0, null, false, "", "Add images")]
    [InlineData(10, 0, null, false, "Images", "Label 10 images")]
    [InlineData(10, 9, null, false, "Images", "Train a model")]
    [InlineData(10, 10, null, false, "Images Labels", "Train a model")]
    [InlineData(10, 10, "TRAINING_IN_PROGRESS", false, "Images Labels", "v1 is being trained")]
    [InlineData(10, 10, "TRAINING_FAILED", false, "Images Labels", "Train a model")]
    [InlineData(10, 10, "TRAINING_COMPLETED", true, "Images Labels Train Judge", "Start v1")]
    [InlineData(10, 10, "RUNNING", true, "Images Labels Train Judge Use", "v1 answers requests")]
    [InlineData(10, 4, "STOPPED", true, "Images Train Judge", "Start v1")]
    public void The_next_step_follows_from_what_is_there(int images, int labelled, string? state, bool judged, string done, string next)
    {
        var project = new ProjectView(
            Arn.Parse(ProjectArn),
            images == 0 ? [] : [new(ProjectArn, "TRAIN", "CREATE_COMPLETE", "", images, labelled, 2, 0)],
            state is null ? [] : [new(Row(state, judged))],
            []);
        Assert.Equal(done, string.Join(' ', ProjectSteps.Of(project).Where(s => s.State == StepState.Done).Select(s => s.Name)));
        Assert.True(ProjectSteps.Of(project).Count(s => s.State == StepState.Now) <= 1);
        Assert.Equal(next, ProjectSteps.Next(project).Title);
    }

    private static VersionRow Row(string state, bool judged) =>
        new() { Name = "v1", Status = Enum.Parse<ProjectVersionStatus>(state), EvaluationResult = judged ? """{"F1Score":0.9}""" : null };

    [Fact]
    public void Every_state_has_a_shape_a_word_and_a_colour()
    {
        var looks = Enum.GetValues<ProjectVersionStatus>().ToDictionary(s => s, VersionStates.Look);
        Assert.All(looks.Values, look => Assert.True(look.Tone.Length > 0 && look.Glyph.Length > 0 && look.Word.Length > 0));
        // One shape for one colour: so neither is needed alone.
        Assert.All(looks.Values.GroupBy(l => l.Glyph), shape => Assert.Single(shape.Select(l => l.Tone).Distinct()));
    }
}
