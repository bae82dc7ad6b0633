using System.ComponentModel.DataAnnotations;
using Ocellus.Identity;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Datasets;

internal sealed record UpdateDatasetEntriesRequest
{
    [Required, Shape("DatasetArn")]
    public string? DatasetArn { get; init; }

    [Required]
    public DatasetChanges? Changes { get; init; }
}

internal sealed record UpdateDatasetEntriesResponse;

/// <summary>Records the intent to add or replace entries of a dataset; returns at once.</summary>
[Evidence("API_UpdateDatasetEntries, service model rekognition-2016-06-27")]
internal sealed class UpdateDatasetEntries(DatasetCatalog datasets, DatasetWorker worker)
    : Operation<UpdateDatasetEntriesRequest, UpdateDatasetEntriesResponse>(DatasetsJson.Default)
{
    public override IReadOnlyList<Permission> Requires(UpdateDatasetEntriesRequest request, Caller caller) =>
        [Needs(request.DatasetArn!)];

    public override async Task<UpdateDatasetEntriesResponse> RunAsync(UpdateDatasetEntriesRequest request, Caller caller, CancellationToken cancel)
    {
        await datasets.RequestUpdateAsync(caller, request.DatasetArn!, request.Changes!.GroundTruth!, cancel);
        worker.Wake();
        return new();
    }
}

internal sealed record DatasetChanges
{
    [Required, Shape("GroundTruthBlob")]
    public byte[]? GroundTruth { get; init; }
}
