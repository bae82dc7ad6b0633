using System.ComponentModel.DataAnnotations;
using Ocellus.Identity;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Datasets;

internal sealed record DeleteDatasetRequest
{
    [Required, Shape("DatasetArn")]
    public string? DatasetArn { get; init; }
}

internal sealed record DeleteDatasetResponse;

/// <summary>Records the intent to delete a dataset; returns at once.</summary>
[Evidence("API_DeleteDataset, service model rekognition-2016-06-27")]
[Assumed("DeleteDataset: a dataset that is deleted twice", "The second call answers as the first did.")]
internal sealed class DeleteDataset(DatasetCatalog datasets, DatasetWorker worker)
    : Operation<DeleteDatasetRequest, DeleteDatasetResponse>(DatasetsJson.Default)
{
    public override IReadOnlyList<Permission> Requires(DeleteDatasetRequest request, Caller caller) =>
        [Needs(request.DatasetArn!)];

    public override async Task<DeleteDatasetResponse> RunAsync(DeleteDatasetRequest request, Caller caller, CancellationToken cancel)
    {
        await datasets.RequestDeleteAsync(caller, request.DatasetArn!, cancel);
        worker.Wake();
        return new();
    }
}
