using System.ComponentModel.DataAnnotations;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tests.Examples;

internal sealed record CountDatasetsRequest
{
    [Required, Shape("ProjectArn")]
    public string? ProjectArn { get; init; }
}

internal sealed record CountDatasetsResponse
{
    [Shape("UInteger")]
    public int? Count { get; init; }
}

/// <summary>Tells how many datasets a project has.</summary>
internal sealed class CountDatasets(ProjectCatalog projects) : Operation<CountDatasetsRequest, CountDatasetsResponse>(ExamplesJson.Default)
{
    public override IReadOnlyList<Permission> Requires(CountDatasetsRequest request, Caller caller) =>
        [Needs(request.ProjectArn!)];

    /// <exception cref="RefusedException">NotFound: no such project.</exception>
    public override async Task<CountDatasetsResponse> RunAsync(CountDatasetsRequest request, Caller caller, CancellationToken cancel)
    {
        await projects.GetAsync(caller, request.ProjectArn!, cancel);
        var held = await projects.DatasetsAsync([request.ProjectArn!], cancel);
        return new() { Count = held[request.ProjectArn!].Count() };
    }
}
