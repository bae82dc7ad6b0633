using Ocellus.Console.Images;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Storage;
using Ocellus.Vision.Inference;

namespace Ocellus.Console.Models;

/// <summary>A version that a person works with, and its project.</summary>
internal sealed record ProjectModel(ImageProject Project, VersionRow Version);

/// <summary>Finds versions by their names, and checks what a person may do with them.</summary>
internal sealed class ProjectModels(ImageProjects projects, VersionCatalog versions, DataDirectory data)
{
    /// <summary>A version by its name, for a person who may do what the operation does.</summary>
    /// <param name="caller">The person.</param>
    /// <param name="projectName">Name of the project.</param>
    /// <param name="name">Name of the version.</param>
    /// <param name="operation">An operation that takes a version. <c>DescribeProjectVersions</c> is asked of the project, as the API does.</param>
    /// <param name="cancel">Ends the request.</param>
    /// <exception cref="RefusedException">NotFound: no such project or version. Denied: the person may not do this.</exception>
    public async Task<ProjectModel> FindAsync(Caller caller, string projectName, string name, string operation, CancellationToken cancel)
    {
        var project = await projects.FindAsync(caller, projectName, cancel);
        var isOfProject = operation == "DescribeProjectVersions";
        if (isOfProject)
        {
            await projects.RequireAsync(project, Permission.Rekognition(operation, project.Arn), cancel);
        }

        var found = await versions.ListAsync(project.Arn, [name], null, null, 1, cancel);
        if (!isOfProject && found is [var version])
        {
            await projects.RequireAsync(project, Permission.Rekognition(operation, version.Arn), cancel);
        }

        if (found is [var one])
        {
            await BringAsync(one, cancel);
        }

        return found is [var row]
            ? new(project, row)
            : throw Refused.NotFound($"The project has no model '{Readable.Truncate(name)}'. It may have been deleted.");
    }

    /// <summary>Labels, thresholds and kind of the version's model, of the file that is run here; null if it has none, or none that can be read.</summary>
    public ModelDescription? Describe(VersionRow version)
    {
        try
        {
            return ServedModel.Of(FolderOf(version)).Description;
        }
        catch (Exception failure) when (failure is IOException or InvalidDataException)
        {
            return null;
        }
    }

    /// <summary>Folder of what the version's training told: its own while it runs, its model's afterwards.</summary>
    public string HistoryOf(VersionRow version) =>
        version.Status == ProjectVersionStatus.TRAINING_IN_PROGRESS ? Path.Combine(data.JobsPath, version.Folder) : FolderOf(version);

    /// <summary>Fetches the version's model, and what its training told, if they are not here. Without the store, a page shows what there is.</summary>
    private async Task BringAsync(VersionRow version, CancellationToken cancel)
    {
        try
        {
            await data.Models.BringAsync(version.AccountId, version.Folder, cancel);
        }
        catch (IOException)
        {
            // As if there were none.
        }
    }

    /// <summary>Folder of the version's model; it may be missing.</summary>
    public string FolderOf(VersionRow version) => data.ModelFolder(version.AccountId, version.Folder);
}
