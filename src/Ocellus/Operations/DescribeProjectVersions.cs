using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Ocellus.Access;
using Ocellus.Projects;
using Ocellus.Protocol;

namespace Ocellus.Operations;

/// <summary>Lists a project's model versions, newest first.</summary>
/// <remarks>Source: API_DescribeProjectVersions, service model rekognition-2016-06-27.</remarks>
internal sealed class DescribeProjectVersions(ProjectCatalog projects, VersionCatalog versions, PageToken pages)
{
    private const int PageDefault = 100;

    /// <exception cref="RefusedException">NotFound: no such project. InvalidToken: a token of another call.</exception>
    public async Task<DescribeProjectVersionsResponse> RunAsync(DescribeProjectVersionsRequest request, Caller caller, CancellationToken cancel)
    {
        var scope = $"DescribeProjectVersions {caller.AccountId} {request.ProjectArn} [{string.Join(',', request.VersionNames ?? [])}]";
        (long? Ms, string? Arn) before = pages.Read(scope, request.NextToken) is { } position ? (long.Parse(position.Split(' ')[0], CultureInfo.InvariantCulture), position.Split(' ')[1]) : (null, null);
        await projects.GetAsync(caller, request.ProjectArn!, cancel);
        var count = request.MaxResults ?? PageDefault;
        var rows = await versions.ListAsync(request.ProjectArn!, request.VersionNames, before.Ms, before.Arn, count + 1, cancel);
        return new()
        {
            ProjectVersionDescriptions = [.. rows.Take(count).Select(Describe)],
            NextToken = rows.Count > count ? pages.Make(scope, string.Create(CultureInfo.InvariantCulture, $"{rows[count - 1].CreatedMs} {rows[count - 1].Arn}")) : null,
        };
    }

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
        TrainingDataResult = Read(row.TrainingResult, AwsJsonContext.Default.TrainingDataResult),
        TestingDataResult = Read(row.TestingResult, AwsJsonContext.Default.TestingDataResult),
        EvaluationResult = Read(row.EvaluationResult, AwsJsonContext.Default.EvaluationResult),
        ManifestSummary = Read(row.ManifestSummary, AwsJsonContext.Default.GroundTruthManifest),
        KmsKeyId = row.KmsKeyId,
        SourceProjectVersionArn = row.SourceArn,
        VersionDescription = row.Description,
        Feature = "CUSTOM_LABELS",
    };

    private static T? Read<T>(string? json, JsonTypeInfo<T> type)
        where T : class => json is null ? null : JsonSerializer.Deserialize(json, type);
}
