using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Ocellus.Datasets;
using Ocellus.Identity;
using Ocellus.Objects;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Storage;
using Ocellus.Training.Job;
using Ocellus.Training.Server;
using Ocellus.Vision.Recipes;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Training;

internal sealed record CreateProjectVersionRequest
{
    [Required, Shape("ProjectArn")]
    public string? ProjectArn { get; init; }

    [Required, Shape("VersionName")]
    public string? VersionName { get; init; }

    [Required]
    public OutputConfig? OutputConfig { get; init; }

    public TrainingData? TrainingData { get; init; }

    public TestingData? TestingData { get; init; }

    [Shape("TagMap")]
    public IReadOnlyDictionary<string, string>? Tags { get; init; }

    [Shape("KmsKeyId")]
    public string? KmsKeyId { get; init; }

    [Shape("VersionDescription")]
    public string? VersionDescription { get; init; }

    public CustomizationFeatureConfig? FeatureConfig { get; init; }
}

internal sealed record CreateProjectVersionResponse
{
    [Shape("ProjectVersionArn")]
    public string? ProjectVersionArn { get; init; }
}

/// <summary>Takes a snapshot of the data and starts a training; returns at once. <c>DescribeProjectVersions</c> shows its progress.</summary>
[Evidence("API_CreateProjectVersion, service model rekognition-2016-06-27")]
internal sealed class CreateProjectVersion(
    ProjectCatalog projects, VersionCatalog versions, DatasetCatalog datasets, IObjects objects, Authorizer authorizer, DataDirectory data,
    PolicyCatalog policies, TrainingWorker worker, IOptions<TrainingOptions> options, TimeProvider clock)
    : Operation<CreateProjectVersionRequest, CreateProjectVersionResponse>(TrainingJson.Default)
{
    public override IReadOnlyList<Permission> Requires(CreateProjectVersionRequest request, Caller caller) =>
        NewResource.Permissions(
            request.Tags,
            NewResource.ArnIn(request.ProjectArn!, p => p.Version(request.VersionName!, clock.GetUtcNow().ToUnixTimeMilliseconds())),
            made => [Needs(request.ProjectArn!, made)]);

    /// <exception cref="RefusedException">NotFound: no such project. InUse: the name is taken, or a dataset's job is running. Invalid: no data to train with.
    /// LimitExceeded, QuotaExceeded.</exception>
    public override async Task<CreateProjectVersionResponse> RunAsync(CreateProjectVersionRequest request, Caller caller, CancellationToken cancel)
    {
        await projects.GetAsync(caller, request.ProjectArn!, cancel);
        if (!TrainingLibrary.IsInstalled)
        {
            throw Refused.Invalid(TrainingLibrary.NotInstalled);
        }

        TrainingTags.Check(request.Tags);
        if (request.FeatureConfig?.ContentModeration is not null)
        {
            throw Refused.Invalid("FeatureConfig has ContentModeration, which is for CONTENT_MODERATION projects; leave it out for a CUSTOM_LABELS project.");
        }

        if (request.OutputConfig!.S3Bucket is not { } bucket)
        {
            throw Refused.Invalid("OutputConfig needs S3Bucket: the bucket that evaluation files are written to.");
        }

        await versions.CheckRoomAsync(caller, request.ProjectArn!, request.VersionName!, ProjectVersionStatus.TRAINING_IN_PROGRESS, cancel);
        var rights = authorizer.Of(caller);
        var plan = await PlanAsync(request, caller, rights, cancel);
        var repeated = await PlanTag.ReadAsync(request.Tags, caller, rights, versions, data, cancel);
        var name = VersionRemoval.FolderPrefix + Guid.NewGuid().ToString("N");
        var folder = new JobFolder(Path.Combine(data.JobsPath, name));
        Directory.CreateDirectory(folder.Path);
        try
        {
            await plan.SnapshotAsync(folder, cancel);
            var start = await StartTag.LinkAsync(request, caller, rights, versions, policies, data, folder, cancel);
            var created = clock.GetUtcNow().ToUnixTimeMilliseconds();
            folder.Write(Describe(Arn.Parse(request.ProjectArn!).Version(request.VersionName!, created), request, plan, repeated, start));
            folder.Kept = await data.Models.Store.PutAsync(folder.KeptName, folder.Path, JobFolder.IsInput, cancel);
            var arn = await versions.CreateAsync(
                caller,
                new NewVersion(
                    request.ProjectArn!, request.VersionName!, ProjectVersionStatus.TRAINING_IN_PROGRESS, name, bucket, request.OutputConfig.S3KeyPrefix ?? "")
                {
                    Description = request.VersionDescription,
                    KmsKeyId = request.KmsKeyId,
                    TrainingResult = JsonSerializer.Serialize(new TrainingDataResult { Input = plan.Training }, TrainingJson.Default.TrainingDataResult),
                    TestingResult = JsonSerializer.Serialize(new TestingDataResult { Input = plan.Testing }, TrainingJson.Default.TestingDataResult),
                    Tags = request.Tags,
                    Rights = rights.ToJson(),
                    CreatedMs = created,
                },
                cancel);
            worker.Wake();
            return new() { ProjectVersionArn = arn.ToString() };
        }
        catch
        {
            Directory.Delete(folder.Path, recursive: true);
            await data.Models.Store.RemoveAsync(folder.KeptName, CancellationToken.None);
            throw;
        }
    }

    private JobDescription Describe(Arn arn, CreateProjectVersionRequest request, Plan plan, JsonElement? repeated, string? start) => new()
    {
        ProjectVersionArn = arn.ToString(),
        ProjectName = arn.Project,
        VersionName = arn.Name,
        ManifestDenied = plan.Denied,
        AutoSplit = plan.Testing.AutoCreate is true,
        TimeBudgetSeconds = options.Value.TimeBudget.TotalSeconds,
        Threads = options.Value.Threads,
        Kernels = options.Value.Kernels,
        AnswerMillisecondsMax = TrainingTags.MaxAnswer(request.Tags)?.TotalMilliseconds,
        Plan = repeated,
        StartFrom = start,
        Quick = TrainingTags.IsQuick(request.Tags),
        Precision = options.Value.PrecisionOf(request.Tags),
        Seed = repeated is { } json ? CarriedPlan.FromJson(json).Seed : 0,
    };

    private async Task<Plan> PlanAsync(CreateProjectVersionRequest request, Caller caller, CallerRights rights, CancellationToken cancel)
    {
        var existing = await datasets.OfProjectAsync(request.ProjectArn!, cancel);
        if (request.TrainingData is null != request.TestingData is null)
        {
            throw Refused.Invalid("TrainingData and TestingData go together: give both, or neither to train with the project's datasets.");
        }

        if (request.TrainingData is not null)
        {
            return existing.Count > 0
                ? throw Refused.Invalid(
                    "The project has datasets, so TrainingData and TestingData must be left out; external manifests are for projects without datasets.")
                : External(request.TrainingData, request.TestingData!, caller, rights);
        }

        var training = existing.FirstOrDefault(d => d.Type == "TRAIN")
            ?? throw Refused.Invalid("The project has no TRAIN dataset and the request no TrainingData; create a dataset of type TRAIN first.");
        var testing = existing.FirstOrDefault(d => d.Type == "TEST");
        RequireUsable(training);
        if (testing is not null)
        {
            RequireUsable(testing);
        }

        return new(
            new(),
            new() { AutoCreate = testing is null },
            async (folder, token) =>
            {
                await ExportAsync(training.Arn, folder.TrainingManifest, token);
                if (testing is not null)
                {
                    await ExportAsync(testing.Arn, folder.TestingManifest, token);
                }
            });
    }

    private Plan External(TrainingData training, TestingData testing, Caller caller, CallerRights rights)
    {
        var first = One(training.Assets, "TrainingData.Assets");
        var autoCreate = testing.AutoCreate is true;
        if (autoCreate && testing.Assets is { Count: > 0 })
        {
            throw Refused.Invalid("TestingData has both AutoCreate true and Assets; give one manifest, or let AutoCreate split the training manifest.");
        }

        var second = autoCreate ? null : One(testing.Assets, "TestingData.Assets");
        var denied = !MayRead(first) || (second is not null && !MayRead(second));
        return new(
            training,
            new() { Assets = testing.Assets ?? [], AutoCreate = autoCreate },
            async (folder, token) =>
            {
                // How the training ends must not reveal whether a manifest exists that the caller may not read.
                if (denied)
                {
                    return;
                }

                // A missing manifest is missing in the job too: the training then fails because it cannot be read.
                await LinkAsync(first, folder.TrainingManifest, caller, token);
                if (second is not null)
                {
                    await LinkAsync(second, folder.TestingManifest, caller, token);
                }
            })
        {
            Denied = denied,
        };

        bool MayRead(S3Object manifest) => rights.Allow(Permission.Read(manifest.Bucket!, manifest.Name!));
    }

    private async Task LinkAsync(S3Object manifest, string target, Caller caller, CancellationToken cancel)
    {
        if (await objects.FindBucketAsync(manifest.Bucket!, cancel) is { } bucket && bucket.IsOf(caller.AccountId) && bucket.IsIn(caller.Region))
        {
            await objects.FetchAsync(manifest.Bucket!, manifest.Name!, target, cancel);
        }
    }

    private static S3Object One(IReadOnlyList<Asset>? assets, string member) => assets switch
    {
        [{ GroundTruthManifest.S3Object: { Bucket: not null, Name: not null } manifest }] => manifest,
        { Count: > 1 } => throw Refused.Invalid($"{member} has {assets.Count} manifests; the maximum is one."),
        _ => throw Refused.Invalid($"{member} needs one asset with GroundTruthManifest.S3Object, Bucket and Name."),
    };

    private static void RequireUsable(DatasetRow dataset)
    {
        switch (dataset.Status)
        {
            case DatasetStatus.CREATE_IN_PROGRESS or DatasetStatus.UPDATE_IN_PROGRESS or DatasetStatus.DELETE_IN_PROGRESS:
                throw Refused.InUse($"The {dataset.Type} dataset is {dataset.Status}; wait until its job has ended.");
            case DatasetStatus.CREATE_FAILED:
                throw Refused.Invalid($"The {dataset.Type} dataset is CREATE_FAILED; delete it and create it again.");
            default:
                if (dataset.Total == 0)
                {
                    throw Refused.Invalid($"The {dataset.Type} dataset has no entries.");
                }

                return;
        }
    }

    private async Task ExportAsync(string arn, string path, CancellationToken cancel)
    {
        await using var target = File.Create(path);
        await datasets.ExportAsync(arn, target, cancel);
        target.Flush(flushToDisk: true);
    }

    /// <summary>Where the data comes from.</summary>
    /// <param name="Training">Echoed as TrainingDataResult.Input.</param>
    /// <param name="Testing">Echoed as TestingDataResult.Input.</param>
    /// <param name="SnapshotAsync">Writes the manifests into the job's folder.</param>
    private sealed record Plan(TrainingData Training, TestingData Testing, Func<JobFolder, CancellationToken, Task> SnapshotAsync)
    {
        /// <summary>The caller may not read a manifest.</summary>
        public bool Denied { get; init; }
    }
}
