using System.Text;
using Dapper;
using Ocellus.Datasets;
using Ocellus.Datasets.Manifests;
using Ocellus.Identity;
using Ocellus.Objects;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Storage;
using Ocellus.Vision.Images;

namespace Ocellus.Console.Images;

/// <summary>A file that a person dropped.</summary>
/// <param name="Set">Where it goes.</param>
/// <param name="Name">Its path as dropped, with slashes.</param>
/// <param name="Label">The label that it gets; null for none.</param>
/// <param name="Content">Its bytes.</param>
internal sealed record DroppedFile(string Set, string Name, string? Label, byte[] Content);

/// <summary>
/// Takes images into a project: checks them, stores the object, then adds the line. A file whose content the project has already is skipped, so that dropping
/// a folder again goes on where it was interrupted.
/// </summary>
internal sealed class ImageUpload(
    DataDirectory data, DatasetCatalog datasets, DatasetWorker worker, ImageProjects projects, ImagePictures pictures, ImageChanges changes, IObjects objects,
    TimeProvider clock)
{
    /// <summary>Bytes of a file, as for images in a bucket.</summary>
    public const int BytesMax = ImageFacts.BytesMax;

    /// <summary>Side of the thumbnail that is made at once: the gallery shows it next.</summary>
    private const int ThumbSide = 256;

    private const int KeyBytesMax = 900;

    private const int LabelLengthMax = 256;

    /// <summary>Longest wait for a dataset that is being created empty.</summary>
    private static readonly TimeSpan _creationWait = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan _creationPoll = TimeSpan.FromMilliseconds(20);

    /// <summary>Takes one file.</summary>
    /// <exception cref="RefusedException">InvalidImage: it is no image that trains. Denied. InUse: a job holds the dataset. LimitExceeded.</exception>
    /// <exception cref="IOException">It cannot be stored, for example because the disk is full. Nothing is left of it in the project.</exception>
    public async Task<UploadAnswer> TakeAsync(ImageProject project, DroppedFile file, CancellationToken cancel)
    {
        if (file.Label is { Length: > LabelLengthMax })
        {
            throw Refused.Invalid($"A label has 1 to {LabelLengthMax} characters; received {file.Label.Length}.");
        }

        var header = Checked(file.Content);
        var (dataset, ready) = await DatasetAsync(project, file.Set, cancel);
        await projects.RequireAsync(ready, "UpdateDatasetEntries", [file.Set], cancel);
        if (!dataset.IsReadable)
        {
            throw Refused.InUse($"The dataset is {dataset.Status}; images can be added when it is CREATE_COMPLETE, UPDATE_COMPLETE or UPDATE_FAILED.");
        }

        var fact = ImageFact.Of("", "", file.Content, header);
        if (await DuplicateAsync(ready, fact.Sha256, cancel) is { } same)
        {
            return same;
        }

        // Decoding is the check that its pixels are there; the gallery asks for the thumbnail next.
        await ThumbAsync(fact, file.Content, cancel);
        var (bucket, key) = await StoreAsync(ready, file, fact, header, cancel);
        var image = $"s3://{bucket}/{key}";
        var etag = await ETagAsync(bucket, key, cancel);
        var line = $$"""{"source-ref":{{System.Text.Json.JsonSerializer.Serialize(image, ImagesJson.Default.String)}}}""";
        if (file.Label is { Length: > 0 } label)
        {
            line = LineLabels.Write(line, new([label], []), header, true, clock.GetUtcNow());
        }

        var parsed = LineLabels.Parse(line);
        if (parsed.HasErrors)
        {
            throw Refused.Invalid(parsed.Issues.First(i => !i.IsWarning).Message);
        }

        await datasets.ChangeAsync(
            project.Caller, [dataset.Arn],
            async (open, token) =>
            {
                await ImageFacts.WriteAsync(open[0], fact with { SourceRef = image, Etag = etag });
                return await open[0].FindAsync(image) ?? await open[0].AddAsync(parsed, null, token);
            },
            cancel);
        changes.Publish(project.Arn, [new ChangedImage(file.Set, image)]);
        return new("added", image, file.Set);
    }

    /// <summary>The project with a dataset for a set, which is made if it has none.</summary>
    /// <exception cref="RefusedException">Denied: the person may not create datasets.</exception>
    public async Task<ImageProject> WithDatasetAsync(ImageProject project, string set, CancellationToken cancel) =>
        (await DatasetAsync(project, set, cancel)).Project;

    /// <summary>The header of an image that trains.</summary>
    private static ImageHeader Checked(byte[] content)
    {
        try
        {
            var header = ImageDecoder.ReadHeader(content);
            ImageDecoder.Check(header, ImageLimits.Default);
            return header;
        }
        catch (ImageRefusedException refused)
        {
            throw new RefusedException(RefusalKind.InvalidImage, refused.Message);
        }
    }

    private async Task ThumbAsync(ImageFact fact, byte[] content, CancellationToken cancel)
    {
        try
        {
            await pictures.MakeAsync(fact.Sha256, content, ThumbSide, cancel);
        }
        catch (ImageRefusedException refused)
        {
            throw new RefusedException(RefusalKind.InvalidImage, refused.Message);
        }
    }

    /// <summary>The dataset of a set; an empty one is made if the project has none, as CreateDataset without a source does.</summary>
    private async Task<(DatasetRow Dataset, ImageProject Project)> DatasetAsync(ImageProject project, string set, CancellationToken cancel)
    {
        var type = ImageSet.Type(set);
        var began = clock.GetTimestamp();
        while (true)
        {
            var rows = await datasets.OfProjectAsync(project.Arn, cancel);
            if (rows.FirstOrDefault(d => d.Type == type) is not { } row)
            {
                var arn = Arn.Parse(project.Arn).Dataset(set, clock.GetUtcNow().ToUnixTimeMilliseconds()).ToString();
                await projects.RequireAsync(project, Permission.Rekognition("CreateDataset", project.Arn, arn), cancel);
                await CreateAsync(project, type, cancel);
                continue;
            }

            if (row.Status != DatasetStatus.CREATE_IN_PROGRESS || row.Source is not EntrySource.Empty || clock.GetElapsedTime(began) > _creationWait)
            {
                return (row, project with { Datasets = rows });
            }

            worker.Wake();
            await Task.Delay(_creationPoll, clock, cancel);
        }
    }

    private async Task CreateAsync(ImageProject project, string type, CancellationToken cancel)
    {
        try
        {
            await datasets.CreateAsync(project.Caller, project.Arn, type, new EntrySource.Empty(), null, cancel);
        }
        catch (RefusedException first) when (first.Kind == RefusalKind.AlreadyExists)
        {
            // Another of the files that come at the same time was first.
        }
    }

    /// <summary>An image of the project with the same content.</summary>
    private async Task<UploadAnswer?> DuplicateAsync(ImageProject project, string sha256, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        var same = await connection.QueryFirstOrDefaultAsync<(string Image, string Type)?>(
            """
            SELECT e.source_ref, d.type FROM console_image_facts f JOIN dataset_entries e ON e.source_ref = f.source_ref JOIN datasets d ON d.id = e.dataset_id
            WHERE f.sha256 = @sha256 AND d.project_arn = @Arn ORDER BY d.type DESC LIMIT 1
            """,
            new { sha256, project.Arn });
        return same is { } found ? new("duplicate", found.Image, found.Type == "TRAIN" ? ImageSet.Train : ImageSet.Test) : null;
    }

    /// <summary>
    /// Stores the object in the bucket of the project's images, or in one of the console for a project without any: a training takes images of one bucket.
    /// </summary>
    private async Task<(string Bucket, string Key)> StoreAsync(
        ImageProject project, DroppedFile file, ImageFact fact, ImageHeader header, CancellationToken cancel)
    {
        var bucket = await BucketAsync(project, cancel);
        var key = KeyOf(project.Name, file.Name, header, null);
        try
        {
            await projects.RequireAsync(project, Permission.Write(bucket, key), cancel);
            switch (await IsSameAsync(bucket, key, file.Content, cancel))
            {
                case true:
                    // A try that was interrupted before the line was added.
                    return (bucket, key);
                case false:
                    // Another image of that name stays as it is.
                    key = KeyOf(project.Name, file.Name, header, fact.Version);
                    await projects.RequireAsync(project, Permission.Write(bucket, key), cancel);
                    break;
            }

            using var stream = new MemoryStream(file.Content, writable: false);
            await objects.PutAsync(bucket, key, stream, header.Format == ImageFormat.Jpeg ? "image/jpeg" : "image/png", cancel);
            return (bucket, key);
        }
        catch (S3Exception refused)
        {
            throw Refused.Invalid($"The object store refused s3://{bucket}/{key}: {refused.Message}");
        }
    }

    /// <summary>Whether an object has this content; null if there is none.</summary>
    private async Task<bool?> IsSameAsync(string bucket, string key, byte[] content, CancellationToken cancel)
    {
        await using var stored = await objects.OpenReadAsync(bucket, key, cancel);
        if (stored is null || stored.Size != content.Length)
        {
            return stored is null ? null : false;
        }

        var bytes = new byte[stored.Size];
        await stored.Stream.ReadExactlyAsync(bytes, cancel);
        return bytes.AsSpan().SequenceEqual(content);
    }

    private async Task<string> ETagAsync(string bucket, string key, CancellationToken cancel)
    {
        await using var stored = await objects.OpenReadAsync(bucket, key, cancel);
        return stored?.ETag ?? "";
    }

    private async Task<string> BucketAsync(ImageProject project, CancellationToken cancel)
    {
        await using (var connection = await data.ConnectAsync(cancel))
        {
            var first = await connection.QueryFirstOrDefaultAsync<string>(
                "SELECT e.source_ref FROM dataset_entries e JOIN datasets d ON d.id = e.dataset_id WHERE d.project_arn = @Arn LIMIT 1", new { project.Arn });
            if (first is not null && LineParser.TrySplit(first, out var used, out _))
            {
                return used;
            }
        }

        var bucket = BucketOf(project.Caller);
        if (await objects.FindBucketAsync(bucket, cancel) is { } found)
        {
            return found.IsOf(project.Caller.AccountId) && found.IsIn(project.Caller.Region)
                ? bucket
                : throw Refused.Invalid($"The bucket {bucket} belongs to another account or region, so the project has no place for images.");
        }

        await projects.RequireAsync(project, new Permission("s3:CreateBucket", Permission.S3Arn(bucket)), cancel);
        return await objects.CreateBucketAsync(bucket, project.Caller.AccountId, project.Caller.Region, cancel)
            ? bucket
            : throw Refused.Invalid(
                $"The first images of a project go into the bucket {bucket}, which the external object store does not have; create it there, and drop the "
                    + $"files again.");
    }

    /// <summary>The bucket of images that were dropped into projects without any.</summary>
    internal static string BucketOf(Caller caller) => $"ocellus-images-{caller.AccountId}-{caller.Region}";

    /// <summary>
    /// The key of a dropped file: the project's name, and its path without what leads out of a folder or cannot be written. The name says nothing of the type:
    /// the extension is the content's.
    /// </summary>
    internal static string KeyOf(string project, string name, ImageHeader header, string? version)
    {
        var parts = new string([.. name.Select(c => c == '\\' ? '/' : char.IsControl(c) ? '_' : c)]).Split('/', StringSplitOptions.RemoveEmptyEntries)
            .Where(p => p is not ("." or "..")).Select(p => p.Trim()).Where(p => p.Length > 0).ToList();
        var path = parts.Count == 0 ? "image" : string.Join('/', parts);
        var dot = path.LastIndexOf('.');
        var stem = dot > path.LastIndexOf('/') + 1 && path.Length - dot <= 5 ? path[..dot] : path;
        while (Encoding.UTF8.GetByteCount(stem) > KeyBytesMax - project.Length)
        {
            stem = stem[..^(char.IsLowSurrogate(stem[^1]) && stem.Length > 1 ? 2 : 1)];
        }

        return $"{project}/{stem}{(version is null ? "" : "-" + version)}{(header.Format == ImageFormat.Jpeg ? ".jpg" : ".png")}";
    }
}
