using System.ComponentModel.DataAnnotations;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Objects;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Datasets;

internal sealed record CreateDatasetRequest
{
    public DatasetSource? DatasetSource { get; init; }

    [Required, Shape("DatasetType")]
    public string? DatasetType { get; init; }

    [Required, Shape("ProjectArn")]
    public string? ProjectArn { get; init; }

    [Shape("TagMap")]
    public IReadOnlyDictionary<string, string>? Tags { get; init; }
}

internal sealed record CreateDatasetResponse
{
    [Shape("DatasetArn")]
    public string? DatasetArn { get; init; }
}

/// <summary>
/// Records the intent to create a dataset from a manifest, from another dataset, or empty; returns at once. <c>DescribeDataset</c> reports the import.
/// </summary>
[Evidence("API_CreateDataset, service model rekognition-2016-06-27")]
internal sealed class CreateDataset(DatasetCatalog datasets, DatasetWorker worker, IObjects objects, Authorizer authorizer, TimeProvider clock)
    : Operation<CreateDatasetRequest, CreateDatasetResponse>(DatasetsJson.Default)
{
    public override IReadOnlyList<Permission> Requires(CreateDatasetRequest request, Caller caller) =>
        NewResource.Permissions(
            request.Tags,
            NewResource.ArnIn(
                request.ProjectArn!, p => p.Dataset(request.DatasetType == "TEST" ? "test" : "train", clock.GetUtcNow().ToUnixTimeMilliseconds())),
            arn =>
            [
                Needs(request.ProjectArn!, arn),
                .. request.DatasetSource?.DatasetArn is { } source ? [Permission.Rekognition("ListDatasetEntries", source)] : Array.Empty<Permission>(),
            ]);

    public override async Task<CreateDatasetResponse> RunAsync(CreateDatasetRequest request, Caller caller, CancellationToken cancel)
    {
        var source = await SourceAsync(request.DatasetSource, caller, cancel);
        OwnTags.Check(ArnKind.Dataset, request.Tags);
        var arn = await datasets.CreateAsync(caller, request.ProjectArn!, request.DatasetType!, source, request.Tags, cancel);
        worker.Wake();
        return new() { DatasetArn = arn.ToString() };
    }

    private async Task<EntrySource> SourceAsync(DatasetSource? source, Caller caller, CancellationToken cancel)
    {
        if (source is null)
        {
            return new EntrySource.Empty();
        }

        if (source.GroundTruthManifest is null == source.DatasetArn is null)
        {
            throw Refused.Invalid("DatasetSource takes exactly one of GroundTruthManifest and DatasetArn.");
        }

        if (source.DatasetArn is { } sourceArn)
        {
            // The catalog checks its status, in the transaction that records the intent.
            _ = await datasets.GetAsync(caller, sourceArn, cancel);
            return new EntrySource.Dataset(sourceArn);
        }

        if (source.GroundTruthManifest!.S3Object is not { Bucket: { } bucket, Name: { } name } manifest)
        {
            throw Refused.Invalid("GroundTruthManifest needs S3Object with Bucket and Name.");
        }

        // The store keeps no versions: as in S3, the only version of an object is then called null.
        if (manifest.Version is not (null or "null"))
        {
            throw new RefusedException(
                RefusalKind.InvalidS3Object,
                $"Unable to get object metadata from S3. The object s3://{Readable.Truncate(bucket)}/{Readable.Truncate(name)} has no version "
                    + $"'{Readable.Truncate(manifest.Version)}'; leave Version out.");
        }

        // The worker fails it as AWS does, without checking whether the object exists.
        if (!authorizer.Of(caller).Allow(Permission.Read(bucket, name)))
        {
            return new EntrySource.DeniedManifest(bucket, name);
        }

        var refusal = await objects.BucketRefusalAsync(bucket, caller, cancel)
            ?? (await objects.ExistsAsync(bucket, name, cancel) ? null : $"No object s3://{Readable.Truncate(bucket)}/{Readable.Truncate(name)} exists.");
        if (refusal is not null)
        {
            throw new RefusedException(
                RefusalKind.InvalidS3Object, $"Unable to get object metadata from S3. Check object key, region and/or access permissions. {refusal}");
        }

        return new EntrySource.Manifest(bucket, name);
    }
}

internal sealed record DatasetSource
{
    public GroundTruthManifest? GroundTruthManifest { get; init; }

    [Shape("DatasetArn")]
    public string? DatasetArn { get; init; }
}
