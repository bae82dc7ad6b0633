using System.ComponentModel.DataAnnotations;
using System.Globalization;
using Ocellus.Identity;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Datasets;

internal sealed record ListDatasetLabelsRequest
{
    [Required, Shape("DatasetArn")]
    public string? DatasetArn { get; init; }

    [Shape("ExtendedPaginationToken")]
    public string? NextToken { get; init; }

    [Shape("ListDatasetLabelsPageSize")]
    public int? MaxResults { get; init; }
}

internal sealed record ListDatasetLabelsResponse
{
    [Shape("DatasetLabelDescriptions")]
    public IReadOnlyList<DatasetLabelDescription>? DatasetLabelDescriptions { get; init; }

    [Shape("ExtendedPaginationToken")]
    public string? NextToken { get; init; }
}

/// <summary>Lists the labels of a dataset with the number of entries and boxes of each.</summary>
[Evidence("API_ListDatasetLabels, service model rekognition-2016-06-27")]
[Assumed("ListDatasetLabels: `BoundingBoxCount` of a label without boxes", "0. It counts images that have the label on a box, not boxes.")]
internal sealed class ListDatasetLabels(DatasetCatalog datasets, PageToken pages)
    : Operation<ListDatasetLabelsRequest, ListDatasetLabelsResponse>(DatasetsJson.Default)
{
    private const int PageSizeDefault = 100;

    public override IReadOnlyList<Permission> Requires(ListDatasetLabelsRequest request, Caller caller) =>
        [Needs(request.DatasetArn!)];

    public override async Task<ListDatasetLabelsResponse> RunAsync(ListDatasetLabelsRequest request, Caller caller, CancellationToken cancel)
    {
        var scope = $"ListDatasetLabels {caller.AccountId} {request.DatasetArn}";
        var skip = pages.Read(scope, request.NextToken) is { } position ? int.Parse(position, CultureInfo.InvariantCulture) : 0;
        var count = request.MaxResults ?? PageSizeDefault;
        var rows = await datasets.ListLabelsAsync(caller, request.DatasetArn!, skip, count + 1, cancel);
        var (page, next) = pages.Truncate(scope, rows, count, _ => (skip + count).ToString(CultureInfo.InvariantCulture));
        return new()
        {
            DatasetLabelDescriptions =
            [
                .. page.Select(
                    r => new DatasetLabelDescription
                    {
                        LabelName = r.Label,
                        LabelStats = new() { EntryCount = (int)r.Entries, BoundingBoxCount = (int)r.Boxes },
                    }),
            ],
            NextToken = next,
        };
    }
}

internal sealed record DatasetLabelDescription
{
    [Shape("DatasetLabel")]
    public string? LabelName { get; init; }

    public DatasetLabelStats? LabelStats { get; init; }
}

internal sealed record DatasetLabelStats
{
    [Shape("UInteger")]
    public int? EntryCount { get; init; }

    [Shape("UInteger")]
    public int? BoundingBoxCount { get; init; }
}
