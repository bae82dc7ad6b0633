using Ocellus.Datasets;
using Ocellus.Datasets.Manifests;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Objects;
using Ocellus.Projects;
using Ocellus.Refusals;

namespace Ocellus.Console.Images;

/// <summary>The two parts of a project's images, as addresses and messages of the console name them.</summary>
internal static class ImageSet
{
    public const string Train = "train";
    public const string Test = "test";

    /// <summary>The dataset type of a part.</summary>
    /// <exception cref="RefusedException">Invalid: it is neither.</exception>
    public static string Type(string? set) => set switch
    {
        Train => "TRAIN",
        Test => "TEST",
        _ => throw Refused.Invalid($"A set is {Train} or {Test}; received '{Readable.Truncate(set ?? "")}'."),
    };
}

/// <summary>A project whose images a person works with, and its datasets.</summary>
/// <param name="Caller">The person.</param>
/// <param name="Arn">The project's.</param>
/// <param name="Name">The project's.</param>
/// <param name="Datasets">At most two.</param>
internal sealed record ImageProject(Caller Caller, string Arn, string Name, IReadOnlyList<DatasetRow> Datasets)
{
    /// <summary>The dataset of a set; null if the project has none.</summary>
    public DatasetRow? Find(string set)
    {
        var type = ImageSet.Type(set);
        return Datasets.FirstOrDefault(d => d.Type == type);
    }

    /// <exception cref="RefusedException">NotFound: the project has no such dataset.</exception>
    public DatasetRow Get(string set) =>
        Find(set) ?? throw Refused.NotFound($"The project has no {ImageSet.Type(set)} dataset.");

    /// <summary>The sets that the project has.</summary>
    public IEnumerable<string> Sets => Datasets.Select(d => d.Type == "TRAIN" ? ImageSet.Train : ImageSet.Test);
}

/// <summary>Finds projects and checks what a person may do with their images.</summary>
internal sealed class ImageProjects(ProjectCatalog projects, DatasetCatalog datasets, Authorizer authorizer, IObjects objects)
{
    /// <summary>A project by its name, in the account and region of the session.</summary>
    /// <exception cref="RefusedException">NotFound: there is none.</exception>
    public async Task<ImageProject> FindAsync(Caller caller, string name, CancellationToken cancel)
    {
        var found = await projects.ListAsync(caller, [name], null, null, 1, cancel);
        return found is [var project]
            ? new(caller, project.Arn, project.Name, await datasets.OfProjectAsync(project.Arn, cancel))
            : throw Refused.NotFound($"No project named '{Readable.Truncate(name)}' exists in {caller.Region}.");
    }

    /// <exception cref="RefusedException">Denied: the person may not do this with one of the sets.</exception>
    public Task RequireAsync(ImageProject project, string operation, IEnumerable<string> sets, CancellationToken cancel) =>
        authorizer.RequireAsync(
            project.Caller, sets.Distinct(StringComparer.Ordinal).Select(project.Get).Select(d => Permission.Rekognition(operation, d.Arn)), cancel);

    /// <summary>Whether the person may do this with a set.</summary>
    public async Task<bool> MayAsync(ImageProject project, string operation, string set, CancellationToken cancel)
    {
        try
        {
            await RequireAsync(project, operation, [set], cancel);
            return true;
        }
        catch (RefusedException denied) when (denied.Kind == RefusalKind.Denied)
        {
            return false;
        }
    }

    /// <exception cref="RefusedException">Denied: the person lacks a permission.</exception>
    public Task RequireAsync(ImageProject project, Permission permission, CancellationToken cancel) =>
        authorizer.RequireAsync(project.Caller, [permission], cancel);

    /// <summary>Bucket and key of an image that the person may read.</summary>
    /// <exception cref="RefusedException">Denied: the person may not read the object. Invalid: the name is not that of an object.</exception>
    public async Task<(string Bucket, string Key)> RequireReadAsync(ImageProject project, string sourceRef, CancellationToken cancel)
    {
        if (!LineParser.TrySplit(sourceRef, out var bucket, out var key))
        {
            throw Refused.Invalid($"'{Readable.Truncate(sourceRef)}' is not the address of an object, such as s3://bucket/key.");
        }

        await authorizer.RequireAsync(project.Caller, [Permission.Read(bucket, key)], cancel);
        // The bucket may have been deleted since, and another account may have taken its name.
        return await objects.FindBucketAsync(bucket, cancel) is { } found && found.IsOf(project.Caller.AccountId) && found.IsIn(project.Caller.Region)
            ? (bucket, key)
            : throw Refused.NotFound($"No bucket {Readable.Truncate(bucket)} exists in this account and region.");
    }
}
