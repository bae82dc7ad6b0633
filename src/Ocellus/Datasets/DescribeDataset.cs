using System.ComponentModel.DataAnnotations;
using Ocellus.Identity;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Datasets;

internal sealed record DescribeDatasetRequest
{
    [Required, Shape("DatasetArn")]
    public string? DatasetArn { get; init; }
}

internal sealed record DescribeDatasetResponse
{
    public DatasetDescription? DatasetDescription { get; init; }
}

/// <summary>Returns a dataset's status and counts.</summary>
[Evidence("API_DescribeDataset, service model rekognition-2016-06-27")]
internal sealed class DescribeDataset(DatasetCatalog datasets)
    : Operation<DescribeDatasetRequest, DescribeDatasetResponse>(DatasetsJson.Default)
{
    public override IReadOnlyList<Permission> Requires(DescribeDatasetRequest request, Caller caller) =>
        [Needs(request.DatasetArn!)];

    public override async Task<DescribeDatasetResponse> RunAsync(DescribeDatasetRequest request, Caller caller, CancellationToken cancel)
    {
        var row = await datasets.GetAsync(caller, request.DatasetArn!, cancel);
        return new()
        {
            DatasetDescription = new()
            {
                CreationTimestamp = row.CreatedMs / 1000.0,
                LastUpdatedTimestamp = row.UpdatedMs / 1000.0,
                Status = row.Status.ToString(),
                StatusMessage = row.Message,
                StatusMessageCode = row.Code,
                DatasetStats = new()
                {
                    TotalEntries = (int)row.Total,
                    LabeledEntries = (int)row.Labeled,
                    TotalLabels = (int)row.Labels,
                    ErrorEntries = (int)row.Errors,
                },
            },
        };
    }
}

internal sealed record DatasetDescription
{
    [Shape("DateTime")]
    public double? CreationTimestamp { get; init; }

    [Shape("DateTime")]
    public double? LastUpdatedTimestamp { get; init; }

    [Shape("DatasetStatus")]
    public string? Status { get; init; }

    [Shape("StatusMessage")]
    public string? StatusMessage { get; init; }

    [Shape("DatasetStatusMessageCode")]
    public string? StatusMessageCode { get; init; }

    public DatasetStats? DatasetStats { get; init; }
}

internal sealed record DatasetStats
{
    [Shape("UInteger")]
    public int? LabeledEntries { get; init; }

    [Shape("UInteger")]
    public int? TotalEntries { get; init; }

    [Shape("UInteger")]
    public int? TotalLabels { get; init; }

    [Shape("UInteger")]
    public int? ErrorEntries { get; init; }
}
