using System.Text.Json;
using Ocellus.Datasets;
using Ocellus.Projects;
using Ocellus.Training;
using Ocellus.Training.Job;

namespace Ocellus.Console.Projects;

/// <summary>How images of a project are labelled. Kept as the tag <see cref="ProjectTags.Labels"/> of the project.</summary>
internal enum ProjectKind
{
    /// <summary>Each image has one label.</summary>
    OneLabel,

    /// <summary>Each image has any number of labels.</summary>
    SeveralLabels,

    /// <summary>Labels are on boxes.</summary>
    Boxes,
}

/// <summary>Writes and reads <see cref="ProjectKind"/> as the tag's value.</summary>
internal static class ProjectKinds
{
    public const string Tag = ProjectTags.Labels;

    public static ProjectKind? Of(string? value) => value switch
    {
        ProjectTags.One => ProjectKind.OneLabel,
        ProjectTags.Several => ProjectKind.SeveralLabels,
        ProjectTags.Boxes => ProjectKind.Boxes,
        _ => null,
    };

    public static string Words(this ProjectKind kind) => kind switch
    {
        ProjectKind.OneLabel => "One label for each image",
        ProjectKind.SeveralLabels => "Several labels for each image",
        ProjectKind.Boxes => "Boxes around objects",
    };
}

/// <summary>A project as the pages show it, with what its user may see.</summary>
/// <param name="Arn">Its ARN, parsed.</param>
/// <param name="Datasets">TRAIN first; empty if the user may not describe datasets.</param>
/// <param name="Versions">Newest first; empty if the user may not describe versions.</param>
/// <param name="Denied">What the user may not see, in the server's words.</param>
internal sealed record ProjectView(Arn Arn, IReadOnlyList<DatasetView> Datasets, IReadOnlyList<VersionView> Versions, IReadOnlyList<string> Denied)
{
    public string Name => Arn.Project;

    public ProjectKind? Kind { get; init; }

    public DatasetView? Train => Datasets.FirstOrDefault(d => d.Type == "TRAIN");

    public DatasetView? Test => Datasets.FirstOrDefault(d => d.Type == "TEST");

    public int Images => Datasets.Sum(d => d.Total);

    public int Labelled => Datasets.Sum(d => d.Labelled);

    /// <summary>The best F1 score of all versions, 0 to 1; null before the first evaluation.</summary>
    public double? BestF1 => Versions.Max(v => v.F1);

    public VersionView? Running => Versions.FirstOrDefault(v => v.Status == ProjectVersionStatus.RUNNING);

    public VersionView? Training => Versions.FirstOrDefault(v => v.Status == ProjectVersionStatus.TRAINING_IN_PROGRESS);

    /// <summary>The newest version that can be started, or runs.</summary>
    public VersionView? Trained => Versions.FirstOrDefault(v => v.HasModel);
}

/// <summary>A dataset as the pages show it.</summary>
internal sealed record DatasetView(string Arn, string Type, string Status, string Message, int Total, int Labelled, int Labels, int Errors)
{
    public bool IsBusy => Status is nameof(DatasetStatus.CREATE_IN_PROGRESS) or nameof(DatasetStatus.UPDATE_IN_PROGRESS)
        or nameof(DatasetStatus.DELETE_IN_PROGRESS);

    public bool HasFailed => Status is nameof(DatasetStatus.CREATE_FAILED) or nameof(DatasetStatus.UPDATE_FAILED);

    /// <summary>Train or test, for people.</summary>
    public string Word => Type == "TRAIN" ? "Training" : "Test";
}

/// <summary>A model version as the pages show it.</summary>
internal sealed record VersionView(VersionRow Row)
{
    public string Arn => Row.Arn;

    public string Name => Row.Name;

    public ProjectVersionStatus Status => Row.Status;

    /// <summary>0 to 1; null without an evaluation.</summary>
    public double? F1 { get; } =
        Row.EvaluationResult is { } json ? JsonSerializer.Deserialize(json, TrainingJson.Default.EvaluationResult)?.F1Score : null;

    /// <summary>Of a running training; null before its first step.</summary>
    public JobProgress? Progress => Status == ProjectVersionStatus.TRAINING_IN_PROGRESS ? JobProgress.Find(Row.Message) : null;

    public DateTimeOffset Created => DateTimeOffset.FromUnixTimeMilliseconds(Row.CreatedMs);

    /// <summary>When it came into its present state.</summary>
    public DateTimeOffset Changed => DateTimeOffset.FromUnixTimeMilliseconds(Row.UpdatedMs);

    public bool CanStart => ProjectVersionStates.Next(Status, VersionEvent.StartRequested) is not null;

    public bool CanStop => ProjectVersionStates.Next(Status, VersionEvent.StopRequested) is not null;

    public bool CanDelete => Status != ProjectVersionStatus.DELETING && ProjectVersionStates.Next(Status, VersionEvent.DeleteRequested) is not null;

    public bool HasModel => CanStart || Status is ProjectVersionStatus.STARTING or ProjectVersionStatus.RUNNING or ProjectVersionStatus.STOPPING;
}
