using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Ocellus.Identity;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Training;

internal sealed record DescribeProjectVersionsRequest
{
    [Required, Shape("ProjectArn")]
    public string? ProjectArn { get; init; }

    [Shape("VersionNames")]
    public IReadOnlyList<string>? VersionNames { get; init; }

    [Shape("ExtendedPaginationToken")]
    public string? NextToken { get; init; }

    [Shape("ProjectVersionsPageSize")]
    public int? MaxResults { get; init; }
}

internal sealed record DescribeProjectVersionsResponse
{
    [Shape("ProjectVersionDescriptions")]
    public IReadOnlyList<ProjectVersionDescription>? ProjectVersionDescriptions { get; init; }

    [Shape("ExtendedPaginationToken")]
    public string? NextToken { get; init; }
}

/// <summary>Lists a project's model versions, newest first.</summary>
[Evidence("API_DescribeProjectVersions, service model rekognition-2016-06-27")]
internal sealed class DescribeProjectVersions(ProjectCatalog projects, VersionCatalog versions, PageToken pages, TimeProvider clock)
    : Operation<DescribeProjectVersionsRequest, DescribeProjectVersionsResponse>(TrainingJson.Default)
{
    private const int PageSizeDefault = 100;

    /// <summary>How long a version may have been starting or stopping for a call to wait for the outcome.</summary>
    private static readonly TimeSpan _settleMax = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan _settleCheck = TimeSpan.FromMilliseconds(20);

    public override IReadOnlyList<Permission> Requires(DescribeProjectVersionsRequest request, Caller caller) =>
        [Needs(request.ProjectArn!)];

    /// <exception cref="RefusedException">NotFound: no such project. InvalidToken: a token of another call.</exception>
    public override async Task<DescribeProjectVersionsResponse> RunAsync(DescribeProjectVersionsRequest request, Caller caller, CancellationToken cancel)
    {
        var scope = $"DescribeProjectVersions {caller.AccountId} {request.ProjectArn} [{string.Join(',', request.VersionNames ?? [])}]";
        (long? Ms, string? Arn) before = pages.Read(scope, request.NextToken) is { } position
            ? (long.Parse(position.Split(' ')[0], CultureInfo.InvariantCulture), position.Split(' ')[1])
            : (null, null);
        await projects.GetAsync(caller, request.ProjectArn!, cancel);
        var count = request.MaxResults ?? PageSizeDefault;
        var rows = await ListAsync();
        if (request.VersionNames is not null && await SettledAsync(rows, cancel))
        {
            rows = await ListAsync();
        }

        var (page, next) = pages.Truncate(scope, rows, count, v => string.Create(CultureInfo.InvariantCulture, $"{v.CreatedMs} {v.Arn}"));
        return new()
        {
            ProjectVersionDescriptions = [.. page.Select(Describe)],
            NextToken = next,
        };

        Task<IReadOnlyList<VersionRow>> ListAsync() =>
            versions.ListAsync(request.ProjectArn!, request.VersionNames, before.Ms, before.Arn, count + 1, cancel);
    }

    /// <summary>
    /// Waits for versions that began to start or stop less than a second ago. Most have then done so, and a waiter that would look again only after 30 s is
    /// through at its first look.
    /// </summary>
    /// <returns>Whether it waited.</returns>
    [Assumed(
        "DescribeProjectVersions: a version that is named, and began to start or stop less than a second ago",
        "The call waits until the version runs or has stopped, at most until that second is over.")]
    private async Task<bool> SettledAsync(IReadOnlyList<VersionRow> rows, CancellationToken cancel)
    {
        var waited = false;
        foreach (var row in rows.Where(r => IsMoving(r.Status)))
        {
            var end = DateTimeOffset.FromUnixTimeMilliseconds(row.UpdatedMs) + _settleMax;
            while (clock.GetUtcNow() < end && await versions.FindServedAsync(row.Arn, cancel) is { } now && IsMoving(now.Status))
            {
                waited = true;
                await Task.Delay(_settleCheck, clock, cancel);
            }
        }

        return waited;
    }

    private static bool IsMoving(ProjectVersionStatus status) => status is ProjectVersionStatus.STARTING or ProjectVersionStatus.STOPPING;

    private static ProjectVersionDescription Describe(VersionRow row) => new()
    {
        ProjectVersionArn = row.Arn,
        CreationTimestamp = row.CreatedMs / 1000.0,
        MinInferenceUnits = (int?)row.MinUnits,
        MaxInferenceUnits = (int?)row.MaxUnits,
        Status = row.Status.ToString(),
        StatusMessage = row.Message,
        BillableTrainingTimeInSeconds = row.BillableSeconds,
        TrainingEndTimestamp = row.EndedMs / 1000.0,
        OutputConfig = new() { S3Bucket = row.OutputBucket, S3KeyPrefix = row.OutputPrefix },
        TrainingDataResult = Read(row.TrainingResult, TrainingJson.Default.TrainingDataResult),
        TestingDataResult = Read(row.TestingResult, TrainingJson.Default.TestingDataResult),
        EvaluationResult = Read(row.EvaluationResult, TrainingJson.Default.EvaluationResult),
        ManifestSummary = Read(row.ManifestSummary, TrainingJson.Default.GroundTruthManifest),
        KmsKeyId = row.KmsKeyId,
        SourceProjectVersionArn = row.SourceArn,
        VersionDescription = row.Description,
        Feature = "CUSTOM_LABELS",
    };

    private static T? Read<T>(string? json, JsonTypeInfo<T> type)
        where T : class => json is null ? null : JsonSerializer.Deserialize(json, type);
}

internal sealed record ProjectVersionDescription
{
    [Shape("ProjectVersionArn")]
    public string? ProjectVersionArn { get; init; }

    [Shape("DateTime")]
    public double? CreationTimestamp { get; init; }

    [Shape("InferenceUnits")]
    public int? MinInferenceUnits { get; init; }

    [Shape("ProjectVersionStatus")]
    public string? Status { get; init; }

    [Shape("StatusMessage")]
    public string? StatusMessage { get; init; }

    [Shape("ULong")]
    public long? BillableTrainingTimeInSeconds { get; init; }

    [Shape("DateTime")]
    public double? TrainingEndTimestamp { get; init; }

    public OutputConfig? OutputConfig { get; init; }

    public TrainingDataResult? TrainingDataResult { get; init; }

    public TestingDataResult? TestingDataResult { get; init; }

    public EvaluationResult? EvaluationResult { get; init; }

    public GroundTruthManifest? ManifestSummary { get; init; }

    [Shape("KmsKeyId")]
    public string? KmsKeyId { get; init; }

    [Shape("InferenceUnits")]
    public int? MaxInferenceUnits { get; init; }

    [Shape("ProjectVersionArn")]
    public string? SourceProjectVersionArn { get; init; }

    [Shape("VersionDescription")]
    public string? VersionDescription { get; init; }

    [Shape("CustomizationFeature")]
    public string? Feature { get; init; }

    [Shape("String")]
    public string? BaseModelVersion { get; init; }

    public CustomizationFeatureConfig? FeatureConfig { get; init; }
}

internal sealed record TrainingDataResult
{
    public TrainingData? Input { get; init; }

    public TrainingData? Output { get; init; }

    public ValidationData? Validation { get; init; }
}

internal sealed record TestingDataResult
{
    public TestingData? Input { get; init; }

    public TestingData? Output { get; init; }

    public ValidationData? Validation { get; init; }
}

internal sealed record ValidationData
{
    [Shape("Assets")]
    public IReadOnlyList<Asset>? Assets { get; init; }
}

internal sealed record EvaluationResult
{
    [Shape("Float")]
    public double? F1Score { get; init; }

    public Summary? Summary { get; init; }
}

internal sealed record Summary
{
    public S3Object? S3Object { get; init; }
}
