using System.Text.Json;
using Ocellus.Console.Calls;
using Ocellus.Datasets;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Tags;
using Ocellus.Wire;

namespace Ocellus.Console.Projects;

/// <summary>Reads projects for the pages, with the rights of their user: what an operation would refuse is not shown.</summary>
internal sealed class ProjectReader(ConsoleCalls calls, VersionCatalog versions, Authorizer authorizer)
{
    /// <summary>Projects on the home page; the quota of an account is the same.</summary>
    private const int ProjectsMax = 100;

    /// <summary>Versions of a project; the quota of a project is the same.</summary>
    private const int VersionsMax = 100;

    /// <summary>The caller's projects, newest first.</summary>
    /// <exception cref="RefusedException">Denied: the caller may not list projects.</exception>
    public async Task<IReadOnlyList<ProjectView>> ListAsync(Caller caller, CancellationToken cancel)
    {
        var found = await calls.RunAsync<DescribeProjectsRequest, DescribeProjectsResponse>(caller, new() { MaxResults = ProjectsMax }, cancel);
        var views = new List<ProjectView>();
        foreach (var project in found.ProjectDescriptions!)
        {
            views.Add(await ReadAsync(caller, project, cancel));
        }

        return views;
    }

    /// <summary>A project by its name.</summary>
    /// <exception cref="RefusedException">NotFound: there is none. Denied: the caller may not describe projects.</exception>
    public async Task<ProjectView> FindAsync(Caller caller, string name, CancellationToken cancel)
    {
        DescribeProjectsResponse? found = null;
        try
        {
            found = await calls.RunAsync<DescribeProjectsRequest, DescribeProjectsResponse>(caller, new() { ProjectNames = [name] }, cancel);
        }
        catch (FrameworkException)
        {
            // No project can have such a name.
        }

        return found?.ProjectDescriptions is [var project]
            ? await ReadAsync(caller, project, cancel)
            : throw Refused.NotFound($"There is no project '{Encodings.Readable.Truncate(name)}' in {caller.Region}. It may have been deleted.");
    }

    /// <summary>A version by its name.</summary>
    /// <exception cref="RefusedException">NotFound: the project has none.</exception>
    public static VersionView Version(ProjectView project, string name) =>
        project.Versions.FirstOrDefault(v => v.Name == name)
            ?? throw Refused.NotFound(
                project.Denied.Count > 0 ? project.Denied[0]
                : $"The project has no model '{Encodings.Readable.Truncate(name)}'. It may have been deleted.");

    /// <summary>A bucket of the project's images, as a proposal for where a training writes; null if there is none to be seen.</summary>
    public async Task<string?> BucketAsync(Caller caller, ProjectView project, CancellationToken cancel)
    {
        if (project.Train is not { Total: > 0 } train)
        {
            return null;
        }

        try
        {
            var page = await calls.RunAsync<ListDatasetEntriesRequest, ListDatasetEntriesResponse>(
                caller, new() { DatasetArn = train.Arn, MaxResults = 1 }, cancel);
            using var line = JsonDocument.Parse(page.DatasetEntries![0]);
            return Uri.TryCreate(line.RootElement.GetProperty("source-ref").GetString(), UriKind.Absolute, out var source) ? source.Host : null;
        }
        catch (RefusedException)
        {
            return null;
        }
    }

    /// <summary>The tags of a resource; null if the caller may not list them.</summary>
    public async Task<IReadOnlyDictionary<string, string>?> TagsAsync(Caller caller, string arn, CancellationToken cancel) =>
        (await UnlessDeniedAsync(
            [], () => calls.RunAsync<ListTagsForResourceRequest, ListTagsForResourceResponse>(caller, new() { ResourceArn = arn }, cancel)))?.Tags;

    private async Task<ProjectView> ReadAsync(Caller caller, ProjectDescription project, CancellationToken cancel)
    {
        var arn = project.ProjectArn!;
        var denied = new List<string>();
        var datasets = new List<DatasetView>();
        foreach (var dataset in project.Datasets!)
        {
            var read = await UnlessDeniedAsync(
                denied, () => calls.RunAsync<DescribeDatasetRequest, DescribeDatasetResponse>(caller, new() { DatasetArn = dataset.DatasetArn }, cancel));
            if (read?.DatasetDescription is { DatasetStats: { } stats } description)
            {
                datasets.Add(new(
                    dataset.DatasetArn!, dataset.DatasetType!, description.Status!, description.StatusMessage!, stats.TotalEntries!.Value,
                    stats.LabeledEntries!.Value, stats.TotalLabels!.Value, stats.ErrorEntries!.Value));
            }
        }

        var rows = await UnlessDeniedAsync(denied, async () =>
        {
            await authorizer.RequireAsync(caller, [Permission.Rekognition("DescribeProjectVersions", arn)], cancel);
            return await versions.ListAsync(arn, null, null, null, VersionsMax, cancel);
        });
        var tags = await TagsAsync(caller, arn, cancel);
        return new(Arn.Parse(arn), datasets, [.. (rows ?? []).Select(row => new VersionView(row))], denied)
        {
            Kind = ProjectKinds.Of(tags?.GetValueOrDefault(ProjectKinds.Tag)),
        };
    }

    /// <summary>The result; null and a note of the reason if the caller may not have it, or if what it is about has just been deleted.</summary>
    private static async Task<T?> UnlessDeniedAsync<T>(List<string> denied, Func<Task<T>> read)
        where T : class
    {
        try
        {
            return await read();
        }
        catch (RefusedException refusal) when (refusal.Kind is RefusalKind.Denied)
        {
            denied.Add(refusal.Message);
            return null;
        }
        catch (RefusedException refusal) when (refusal.Kind is RefusalKind.NotFound)
        {
            return null;
        }
    }
}
