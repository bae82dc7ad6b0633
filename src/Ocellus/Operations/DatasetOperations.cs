using System.Globalization;
using System.Text.Json;
using Ocellus.Access;
using Ocellus.Datasets;
using Ocellus.Objects;
using Ocellus.Protocol;

namespace Ocellus.Operations;

/// <summary>The dataset operations. They write what is to be done, wake the worker and answer.</summary>
internal sealed class DatasetOperations(DatasetCatalog datasets, DatasetWorker worker, IObjects objects, Authorizer authorizer, PageToken pages)
{
    private const int PageDefault = 100;

    public async Task<CreateDatasetResponse> CreateAsync(CreateDatasetRequest request, Caller caller, CancellationToken cancel)
    {
        var source = await SourceAsync(request.DatasetSource, caller, cancel);
        var arn = await datasets.CreateAsync(caller, request.ProjectArn!, request.DatasetType!, source, request.Tags, cancel);
        worker.Wake();
        return new() { DatasetArn = arn.ToString() };
    }

    public async Task<DescribeDatasetResponse> DescribeAsync(DescribeDatasetRequest request, Caller caller, CancellationToken cancel)
    {
        var row = await datasets.GetAsync(caller, request.DatasetArn!, cancel);
        return new()
        {
            DatasetDescription = new()
            {
                CreationTimestamp = row.CreatedMs / 1000.0,
                LastUpdatedTimestamp = row.UpdatedMs / 1000.0,
                Status = row.Status,
                StatusMessage = row.Message,
                StatusMessageCode = row.Code,
                DatasetStats = new() { TotalEntries = (int)row.Total, LabeledEntries = (int)row.Labeled, TotalLabels = (int)row.Labels, ErrorEntries = (int)row.Errors },
            },
        };
    }

    public async Task<DeleteDatasetResponse> DeleteAsync(DeleteDatasetRequest request, Caller caller, CancellationToken cancel)
    {
        await datasets.RequestDeleteAsync(caller, request.DatasetArn!, cancel);
        worker.Wake();
        return new();
    }

    public async Task<UpdateDatasetEntriesResponse> UpdateEntriesAsync(UpdateDatasetEntriesRequest request, Caller caller, CancellationToken cancel)
    {
        await datasets.RequestUpdateAsync(caller, request.DatasetArn!, request.Changes!.GroundTruth!, cancel);
        worker.Wake();
        return new();
    }

    public async Task<DistributeDatasetEntriesResponse> DistributeEntriesAsync(DistributeDatasetEntriesRequest request, Caller caller, CancellationToken cancel)
    {
        await datasets.RequestDistributeAsync(caller, request.Datasets![0].Arn!, request.Datasets[1].Arn!, cancel);
        worker.Wake();
        return new();
    }

    public async Task<ListDatasetEntriesResponse> ListEntriesAsync(ListDatasetEntriesRequest request, Caller caller, CancellationToken cancel)
    {
        var scope = $"ListDatasetEntries {caller.AccountId} {request.DatasetArn} {request.Labeled} {request.HasErrors} {JsonSerializer.Serialize(request.SourceRefContains, ErrorJsonContext.Default.String)} {JsonSerializer.Serialize(request.ContainsLabels, ErrorJsonContext.Default.IReadOnlyListString)}";
        var after = pages.Read(scope, request.NextToken) is { } position ? long.Parse(position, CultureInfo.InvariantCulture) : 0;
        var count = request.MaxResults ?? PageDefault;
        // HasErrors false is no filter: the guide's list program sends it and expects everything.
        var filter = new EntryFilter(request.ContainsLabels, request.Labeled, request.SourceRefContains, request.HasErrors is true);
        var rows = await datasets.ListEntriesAsync(caller, request.DatasetArn!, filter, after, count + 1, cancel);
        return new()
        {
            DatasetEntries = [.. rows.Take(count).Select(r => r.Entry)],
            NextToken = rows.Count > count ? pages.Make(scope, rows[count - 1].Ordinal.ToString(CultureInfo.InvariantCulture)) : null,
        };
    }

    public async Task<ListDatasetLabelsResponse> ListLabelsAsync(ListDatasetLabelsRequest request, Caller caller, CancellationToken cancel)
    {
        var scope = $"ListDatasetLabels {caller.AccountId} {request.DatasetArn}";
        var skip = pages.Read(scope, request.NextToken) is { } position ? int.Parse(position, CultureInfo.InvariantCulture) : 0;
        var count = request.MaxResults ?? PageDefault;
        var rows = await datasets.ListLabelsAsync(caller, request.DatasetArn!, skip, count + 1, cancel);
        return new()
        {
            DatasetLabelDescriptions = [.. rows.Take(count).Select(r => new DatasetLabelDescription { LabelName = r.Label, LabelStats = new() { EntryCount = (int)r.Entries, BoundingBoxCount = (int)r.Boxes } })],
            NextToken = rows.Count > count ? pages.Make(scope, (skip + count).ToString(CultureInfo.InvariantCulture)) : null,
        };
    }

    private async Task<string> SourceAsync(DatasetSource? source, Caller caller, CancellationToken cancel)
    {
        if (source is null)
        {
            return "empty";
        }

        if (source.GroundTruthManifest is null == source.DatasetArn is null)
        {
            throw Refused.Invalid("DatasetSource takes exactly one of GroundTruthManifest and DatasetArn.");
        }

        if (source.DatasetArn is { } sourceArn)
        {
            // The catalog looks at its status, in the transaction that writes the intent.
            _ = await datasets.GetAsync(caller, sourceArn, cancel);
            return $"dataset {sourceArn}";
        }

        if (source.GroundTruthManifest!.S3Object is not { Bucket: { } bucket, Name: { } name } manifest)
        {
            throw Refused.Invalid("GroundTruthManifest needs S3Object with Bucket and Name.");
        }

        // The store keeps no versions: as in S3, the one that an object then has is called null.
        if (manifest.Version is not (null or "null"))
        {
            throw new RefusedException(RefusalKind.InvalidS3Object, $"Unable to get object metadata from S3. The object s3://{Readable.Cut(bucket)}/{Readable.Cut(name)} has no version '{Readable.Cut(manifest.Version)}'; leave Version out.");
        }

        // The worker ends it as AWS does. Whether the object exists is not looked at.
        if (!authorizer.Of(caller).Allow(Permission.Read(bucket, name)))
        {
            return $"denied {bucket}/{name}";
        }

        if (await objects.FindBucketAsync(bucket, cancel) is not { } found || !found.IsOf(caller.AccountId) || !found.IsIn(caller.Region) || !await objects.ExistsAsync(bucket, name, cancel))
        {
            throw new RefusedException(RefusalKind.InvalidS3Object, $"Unable to get object metadata from S3. Check object key, region and/or access permissions. No object s3://{Readable.Cut(bucket)}/{Readable.Cut(name)} exists.");
        }

        return $"manifest {bucket}/{name}";
    }
}
