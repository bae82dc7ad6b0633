using System.Globalization;
using System.Text.Json;
using Ocellus.Access;
using Ocellus.Datasets;
using Ocellus.Objects;
using Ocellus.Projects;
using Ocellus.Protocol;

namespace Ocellus.Operations;

/// <summary>CreateDataset, DescribeDataset, DeleteDataset, ListDatasetEntries, ListDatasetLabels.</summary>
internal sealed class DatasetOperations(DatasetCatalog datasets, ProjectCatalog projects, DatasetWorker worker, ObjectStore objects, PageToken pages)
{
    private const int PageDefault = 100;

    public async Task<CreateDatasetResponse> CreateAsync(CreateDatasetRequest request, Caller caller, CancellationToken cancel)
    {
        var source = await SourceAsync(request.DatasetSource, caller, cancel);
        var arn = await datasets.CreateAsync(caller, request.ProjectArn!, request.DatasetType!, source, cancel);
        if (request.Tags is { Count: > 0 } tags)
        {
            await projects.TagAsync(caller, arn.ToString(), tags, CancellationToken.None);
        }

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
        var row = await datasets.GetAsync(caller, request.DatasetArn!, cancel);
        if (row.Status is "CREATE_IN_PROGRESS" or "UPDATE_IN_PROGRESS")
        {
            throw Refused.InUse($"The dataset is {row.Status}; wait until the job has ended, then delete it.");
        }

        // A second delete answers as the first, and so does one that lost the race to another.
        if (row.Status != "DELETE_IN_PROGRESS" && !await datasets.MoveAsync(row.Arn, row.Status, "DELETE_IN_PROGRESS", "The dataset is being deleted.", "SUCCESS", cancel))
        {
            throw Refused.InUse("The dataset changed while it was being deleted; ask again.");
        }

        worker.Wake();
        return new();
    }

    public async Task<ListDatasetEntriesResponse> ListEntriesAsync(ListDatasetEntriesRequest request, Caller caller, CancellationToken cancel)
    {
        var scope = $"ListDatasetEntries {caller.AccountId} {request.DatasetArn} {request.Labeled} {request.HasErrors} {JsonSerializer.Serialize(request.SourceRefContains, ErrorJsonContext.Default.String)} {JsonSerializer.Serialize(request.ContainsLabels, ErrorJsonContext.Default.IReadOnlyListString)}";
        var after = pages.Read(scope, request.NextToken) is { } position ? long.Parse(position, CultureInfo.InvariantCulture) : 0;
        await RequireReadableAsync(request.DatasetArn!, caller, cancel);
        var count = request.MaxResults ?? PageDefault;
        // HasErrors false is no filter: the guide's list program sends it and expects everything.
        var filter = new EntryFilter(request.ContainsLabels, request.Labeled, request.SourceRefContains, request.HasErrors is true);
        var rows = await datasets.ListEntriesAsync(request.DatasetArn!, filter, after, count + 1, cancel);
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
        await RequireReadableAsync(request.DatasetArn!, caller, cancel);
        var count = request.MaxResults ?? PageDefault;
        var rows = await datasets.ListLabelsAsync(request.DatasetArn!, skip, count + 1, cancel);
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
            var row = await datasets.GetAsync(caller, sourceArn, cancel);
            return row.Status is "CREATE_COMPLETE" or "UPDATE_COMPLETE" or "UPDATE_FAILED"
                ? $"dataset {sourceArn}"
                : throw Refused.Invalid($"The source dataset is {row.Status}; it can be copied when it is CREATE_COMPLETE, UPDATE_COMPLETE or UPDATE_FAILED.");
        }

        if (source.GroundTruthManifest!.S3Object is not { Bucket: { } bucket, Name: { } name })
        {
            throw Refused.Invalid("GroundTruthManifest needs S3Object with Bucket and Name.");
        }

        if (objects.FindBucket(bucket)?.AccountId != caller.AccountId || await objects.HeadAsync(bucket, name, cancel) is null)
        {
            throw new RefusedException(RefusalKind.InvalidS3Object, $"Unable to get object metadata from S3. Check object key, region and/or access permissions. No object s3://{Readable.Cut(bucket)}/{Readable.Cut(name)} exists.");
        }

        return $"manifest {bucket}/{name}";
    }

    private async Task RequireReadableAsync(string arn, Caller caller, CancellationToken cancel)
    {
        var row = await datasets.GetAsync(caller, arn, cancel);
        switch (row.Status)
        {
            case "CREATE_IN_PROGRESS" or "UPDATE_IN_PROGRESS" or "CREATE_FAILED":
                throw Refused.NotReady($"The dataset is {row.Status}; its entries can be read when it is CREATE_COMPLETE, UPDATE_COMPLETE or UPDATE_FAILED.");
            case "DELETE_IN_PROGRESS":
                throw Refused.InUse("The dataset is being deleted.");
            default:
                return;
        }
    }
}
