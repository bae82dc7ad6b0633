using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;
using Ocellus.Identity;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Datasets;

internal sealed record ListDatasetEntriesRequest
{
    [Required, Shape("DatasetArn")]
    public string? DatasetArn { get; init; }

    [Shape("DatasetLabels")]
    public IReadOnlyList<string>? ContainsLabels { get; init; }

    [Shape("IsLabeled")]
    public bool? Labeled { get; init; }

    [Shape("QueryString")]
    public string? SourceRefContains { get; init; }

    [Shape("HasErrors")]
    public bool? HasErrors { get; init; }

    [Shape("ExtendedPaginationToken")]
    public string? NextToken { get; init; }

    [Shape("ListDatasetEntriesPageSize")]
    public int? MaxResults { get; init; }
}

internal sealed record ListDatasetEntriesResponse
{
    [Shape("DatasetEntries")]
    public IReadOnlyList<string>? DatasetEntries { get; init; }

    [Shape("ExtendedPaginationToken")]
    public string? NextToken { get; init; }
}

/// <summary>Lists the lines of a dataset that match a filter, in the order of the manifest.</summary>
[Evidence("API_ListDatasetEntries, service model rekognition-2016-06-27")]
[Assumed("ListDatasetEntries: `HasErrors` false", "It filters nothing: the program of AWS's guide sends it and expects every entry.")]
internal sealed class ListDatasetEntries(DatasetCatalog datasets, PageToken pages)
    : Operation<ListDatasetEntriesRequest, ListDatasetEntriesResponse>(DatasetsJson.Default)
{
    private const int PageSizeDefault = 100;

    public override IReadOnlyList<Permission> Requires(ListDatasetEntriesRequest request, Caller caller) =>
        [Needs(request.DatasetArn!)];

    public override async Task<ListDatasetEntriesResponse> RunAsync(ListDatasetEntriesRequest request, Caller caller, CancellationToken cancel)
    {
        var scope = $"ListDatasetEntries {caller.AccountId} {request.DatasetArn} {request.Labeled} {request.HasErrors} "
            + $"{JsonSerializer.Serialize(request.SourceRefContains, ErrorJsonContext.Default.String)} "
            + $"{JsonSerializer.Serialize(request.ContainsLabels, ErrorJsonContext.Default.IReadOnlyListString)}";
        var after = pages.Read(scope, request.NextToken) is { } position ? long.Parse(position, CultureInfo.InvariantCulture) : 0;
        var count = request.MaxResults ?? PageSizeDefault;
        var filter = new EntryFilter(request.ContainsLabels, request.Labeled, request.SourceRefContains, request.HasErrors is true);
        var rows = await datasets.ListEntriesAsync(caller, request.DatasetArn!, filter, after, count + 1, cancel);
        var (page, next) = pages.Truncate(scope, rows, count, r => r.Ordinal.ToString(CultureInfo.InvariantCulture));
        return new() { DatasetEntries = [.. page.Select(r => r.Entry)], NextToken = next };
    }
}
