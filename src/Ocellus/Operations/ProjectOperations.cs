using System.Globalization;
using Ocellus.Access;
using Ocellus.Datasets;
using Ocellus.Projects;
using Ocellus.Protocol;

namespace Ocellus.Operations;

/// <summary>CreateProject, DescribeProjects, DeleteProject.</summary>
internal sealed class ProjectOperations(ProjectCatalog projects, DatasetCatalog datasets, PageToken pages)
{
    private const string CustomLabels = "CUSTOM_LABELS";
    private const int PageDefault = 100;

    public async Task<CreateProjectResponse> CreateAsync(CreateProjectRequest request, Caller caller, CancellationToken cancel)
    {
        if (request.Feature is not (null or CustomLabels))
        {
            throw Refused.Invalid($"Feature {request.Feature} is not served here: Ocellus serves CUSTOM_LABELS only.");
        }

        if (request.AutoUpdate is "ENABLED")
        {
            throw Refused.Invalid("AutoUpdate ENABLED is for CONTENT_MODERATION projects only; leave it out or send DISABLED.");
        }

        var arn = await projects.CreateAsync(caller, request.ProjectName!, request.Tags, cancel);
        return new() { ProjectArn = arn.ToString() };
    }

    public async Task<DescribeProjectsResponse> DescribeAsync(DescribeProjectsRequest request, Caller caller, CancellationToken cancel)
    {
        var scope = $"DescribeProjects {caller.AccountId} {caller.Region} [{string.Join(',', request.ProjectNames ?? [])}] [{string.Join(',', request.Features ?? [])}]";
        var position = pages.Read(scope, request.NextToken)?.Split(' ', 2);
        if (request.Features is { } features && !features.Contains(CustomLabels))
        {
            return new() { ProjectDescriptions = [] };
        }

        var count = request.MaxResults ?? PageDefault;
        long? before = position is null ? null : long.Parse(position[0], CultureInfo.InvariantCulture);
        var rows = await projects.ListAsync(caller, request.ProjectNames, before, position?[1], count + 1, cancel);
        var page = rows.Take(count).ToList();
        var held = await datasets.OfProjectsAsync([.. page.Select(p => p.Arn)], cancel);
        return new()
        {
            ProjectDescriptions =
            [
                .. page.Select(p => new ProjectDescription
                {
                    ProjectArn = p.Arn,
                    CreationTimestamp = p.CreatedMs / 1000.0,
                    Status = p.Status,
                    Feature = CustomLabels,
                    Datasets =
                    [
                        .. held[p.Arn].Select(d => new DatasetMetadata
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
            NextToken = rows.Count > count ? pages.Make(scope, string.Create(CultureInfo.InvariantCulture, $"{page[^1].CreatedMs} {page[^1].Arn}")) : null,
        };
    }

    public async Task<DeleteProjectResponse> DeleteAsync(DeleteProjectRequest request, Caller caller, CancellationToken cancel)
    {
        await projects.DeleteAsync(caller, request.ProjectArn!, cancel);
        return new() { Status = "DELETING" };
    }
}
