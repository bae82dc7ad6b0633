using System.Globalization;

namespace Ocellus.Console.Projects;

/// <summary>How far a step is.</summary>
internal enum StepState
{
    Open,
    Now,
    Done,
}

/// <summary>One of the five steps of a project.</summary>
internal sealed record ProjectStep(string Name, string Path, StepState State, string Words);

/// <summary>The one thing to do next.</summary>
/// <param name="Title">What, in a few words.</param>
/// <param name="Words">Why.</param>
/// <param name="Button">On the button; null while there is nothing to do but wait.</param>
/// <param name="Path">Where the button leads, below the project.</param>
internal sealed record NextAction(string Title, string Words, string? Button, string Path);

/// <summary>What a project has and what comes next. Pure.</summary>
internal static class ProjectSteps
{
    /// <summary>Images → Labels → Train → Judge → Use. The first that is not done is the current one.</summary>
    public static IReadOnlyList<ProjectStep> Of(ProjectView project)
    {
        var best = project.BestF1;
        (string Name, string Path, bool Done, string Words)[] steps =
        [
            ("Images", "/images", project.Images > 0, project.Images == 0 ? "None yet" : Count(project.Images, "image")),
            ("Labels", "/images", project.Images > 0 && project.Labelled == project.Images, Labels(project)),
            ("Train", "/models", project.Trained is not null, project.Training is not null ? "Training now"
                : project.Versions.Count == 0 ? "No model yet" : Count(project.Versions.Count, "model")),
            ("Judge", best is null ? "/models" : "/judge", best is not null, best is null ? "After a training" : $"Best F1 {Score(best.Value)}"),
            ("Use", project.Trained is null ? "/models" : "/use", project.Running is not null,
                project.Running is { } running ? $"{running.Name} is running" : "Nothing runs"),
        ];
        var current = Array.FindIndex(steps, s => !s.Done);
        return [.. steps.Select((s, i) => new ProjectStep(s.Name, s.Path, s.Done ? StepState.Done : i == current ? StepState.Now : StepState.Open, s.Words))];
    }

    public static NextAction Next(ProjectView project)
    {
        if (project.Datasets.FirstOrDefault(d => d.IsBusy) is { } busy)
        {
            return new("The images are being read", busy.Message, null, "");
        }

        if (project.Images == 0)
        {
            return new("Add images", "A few dozen for each label make a good start.", "Add images", "/images");
        }

        if (project.Training is { } training)
        {
            return new($"{training.Name} is being trained", training.Row.Message, "Watch it", $"/models/{training.Name}");
        }

        var unlabelled = project.Images - project.Labelled;
        if (project.Trained is null && unlabelled > 0 && (project.Labelled == 0 || 2 * unlabelled > project.Images))
        {
            return new($"Label {Count(unlabelled, "image")}", $"{project.Labelled} of {project.Images} have a label.", "Label images", "/images");
        }

        if (project.Trained is null)
        {
            return new("Train a model", "It learns from the labelled images on this machine; a few hundred take some minutes.", "Train", "/models");
        }

        if (project.Running is { } running)
        {
            return new($"{running.Name} answers requests", "Try it, or call it from a program.", "Open the model", $"/models/{running.Name}");
        }

        return new($"Start {project.Trained.Name}", "A model answers while it runs.", "Open the model", $"/models/{project.Trained.Name}");
    }

    public static string Score(double f1) => f1.ToString("0.000", CultureInfo.InvariantCulture);

    /// <summary>Such as <c>1 image</c> or <c>2,000 images</c>.</summary>
    public static string Count(int count, string noun) => $"{count.ToString("N0", CultureInfo.InvariantCulture)} {noun}{(count == 1 ? "" : "s")}";

    private static string Labels(ProjectView project) =>
        project.Images == 0 ? "After the images"
        : project.Labelled == project.Images ? $"All labelled, {Count(project.Datasets.Max(d => d.Labels), "label")}"
        : $"{project.Labelled.ToString("N0", CultureInfo.InvariantCulture)} of {project.Images.ToString("N0", CultureInfo.InvariantCulture)} labelled";
}
