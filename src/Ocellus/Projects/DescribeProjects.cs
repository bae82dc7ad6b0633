using System.Globalization;
using Ocellus.Identity;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Projects;

internal sealed record DescribeProjectsRequest
{
    [Shape("ExtendedPaginationToken")]
    public string? NextToken { get; init; }

    [Shape("ProjectsPageSize")]
    public int? MaxResults { get; init; }

    [Shape("ProjectNames")]
    public IReadOnlyList<string>? ProjectNames { get; init; }

    [Shape("CustomizationFeatures")]
    public IReadOnlyList<string>? Features { get; init; }
}

internal sealed record DescribeProjectsResponse
{
    [Shape("ProjectDescriptions")]
    public IReadOnlyList<ProjectDescription>? ProjectDescriptions { get; init; }

    [Shape("ExtendedPaginationToken")]
    public string? NextToken { get; init; }
}

/// <summary>Lists the projects of the caller's account and region, newest first, with their datasets.</summary>
[Evidence("API_DescribeProjects, service model rekognition-2016-06-27")]
internal sealed class DescribeProjects(ProjectCatalog projects, PageToken pages)
    : Operation<DescribeProjectsRequest, DescribeProjectsResponse>(ProjectsJson.Default)
{
    private const int PageSizeDefault = 100;

    public override IReadOnlyList<Permission> Requires(DescribeProjectsRequest request, Caller caller) =>
        [Needs(Permission.NoResource)];

    public override async Task<DescribeProjectsResponse> RunAsync(DescribeProjectsRequest request, Caller caller, CancellationToken cancel)
    {
        var scope = $"DescribeProjects {caller.AccountId} {caller.Region} [{string.Join(',', request.ProjectNames ?? [])}] "
            + $"[{string.Join(',', request.Features ?? [])}]";
        var position = pages.Read(scope, request.NextToken)?.Split(' ', 2);
        if (request.Features is { } features && !features.Contains(CreateProject.CustomLabels))
        {
            return new() { ProjectDescriptions = [] };
        }

        var count = request.MaxResults ?? PageSizeDefault;
        long? before = position is null ? null : long.Parse(position[0], CultureInfo.InvariantCulture);
        var rows = await projects.ListAsync(caller, request.ProjectNames, before, position?[1], count + 1, cancel);
        var (page, next) = pages.Truncate(scope, rows, count, p => string.Create(CultureInfo.InvariantCulture, $"{p.CreatedMs} {p.Arn}"));
        var datasets = await projects.DatasetsAsync([.. page.Select(p => p.Arn)], cancel);
        return new()
        {
            ProjectDescriptions =
            [
                .. page.Select(p => new ProjectDescription
                {
                    ProjectArn = p.Arn,
                    CreationTimestamp = p.CreatedMs / 1000.0,
                    Status = p.Status,
                    Feature = CreateProject.CustomLabels,
                    Datasets =
                    [
                        .. datasets[p.Arn].Select(d => new DatasetMetadata
                        {
                            CreationTimestamp = d.CreatedMs / 1000.0,
                            DatasetType = d.Type,
                            DatasetArn = d.Arn,
                            Status = d.Status,
                            StatusMessage = d.Message,
                            StatusMessageCode = d.Code,
                        }),
                    ],
                }),
            ],
            NextToken = next,
        };
    }
}

internal sealed record ProjectDescription
{
    [Shape("ProjectArn")]
    public string? ProjectArn { get; init; }

    [Shape("DateTime")]
    public double? CreationTimestamp { get; init; }

    [Shape("ProjectStatus")]
    public string? Status { get; init; }

    [Shape("DatasetMetadataList")]
    public IReadOnlyList<DatasetMetadata>? Datasets { get; init; }

    [Shape("CustomizationFeature")]
    public string? Feature { get; init; }

    [Shape("ProjectAutoUpdate")]
    public string? AutoUpdate { get; init; }
}

internal sealed record DatasetMetadata
{
    [Shape("DateTime")]
    public double? CreationTimestamp { get; init; }

    [Shape("DatasetType")]
    public string? DatasetType { get; init; }

    [Shape("DatasetArn")]
    public string? DatasetArn { get; init; }

    [Shape("DatasetStatus")]
    public string? Status { get; init; }

    [Shape("StatusMessage")]
    public string? StatusMessage { get; init; }

    [Shape("DatasetStatusMessageCode")]
    public string? StatusMessageCode { get; init; }
}
