namespace Ocellus.Projects;

/// <summary>A dataset as its project's description shows it.</summary>
internal sealed class ProjectDataset
{
    public string ProjectArn { get; init; } = "";

    public string Arn { get; init; } = "";

    public string Type { get; init; } = "";

    public string Status { get; init; } = "";

    public string Message { get; init; } = "";

    public string Code { get; init; } = "";

    public long CreatedMs { get; init; }
}
