using System.ComponentModel.DataAnnotations;
using Ocellus.Identity;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Datasets;

internal sealed record DistributeDatasetEntriesRequest
{
    [Required, Shape("DistributeDatasetMetadataList")]
    public IReadOnlyList<DistributeDataset>? Datasets { get; init; }
}

internal sealed record DistributeDatasetEntriesResponse;

/// <summary>Records the intent to split a TRAIN dataset into TRAIN and TEST; returns at once.</summary>
[Evidence("API_DistributeDatasetEntries, service model rekognition-2016-06-27")]
internal sealed class DistributeDatasetEntries(DatasetCatalog datasets, DatasetWorker worker)
    : Operation<DistributeDatasetEntriesRequest, DistributeDatasetEntriesResponse>(DatasetsJson.Default)
{
    public override IReadOnlyList<Permission> Requires(DistributeDatasetEntriesRequest request, Caller caller) =>
        [.. request.Datasets!.Select(d => Needs(d.Arn!))];

    public override async Task<DistributeDatasetEntriesResponse> RunAsync(DistributeDatasetEntriesRequest request, Caller caller, CancellationToken cancel)
    {
        await datasets.RequestDistributeAsync(caller, request.Datasets![0].Arn!, request.Datasets[1].Arn!, cancel);
        worker.Wake();
        return new();
    }
}

internal sealed record DistributeDataset
{
    [Required, Shape("DatasetArn")]
    public string? Arn { get; init; }
}
