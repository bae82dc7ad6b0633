using System.ComponentModel.DataAnnotations;

namespace Ocellus.Protocol;

// Every request, response and nested structure of the 23 operations, spelled as on the wire. Every member is nullable:
// an absent member is null here, and Validation tells the sender about those that are required.
// Source: service model rekognition-2016-06-27. WireModelTests holds this file against it.

internal sealed record CreateProjectRequest
{
    [Required, Shape("ProjectName")]
    public string? ProjectName { get; init; }

    [Shape("CustomizationFeature")]
    public string? Feature { get; init; }

    [Shape("ProjectAutoUpdate")]
    public string? AutoUpdate { get; init; }

    [Shape("TagMap")]
    public IReadOnlyDictionary<string, string>? Tags { get; init; }
}

internal sealed record CreateProjectResponse
{
    [Shape("ProjectArn")]
    public string? ProjectArn { get; init; }
}

internal sealed record DescribeProjectsRequest
{
    [Shape("ExtendedPaginationToken")]
    public string? NextToken { get; init; }

    [Shape("ProjectsPageSize")]
    public int? MaxResults { get; init; }

    [Shape("ProjectNames")]
    public IReadOnlyList<string>? ProjectNames { get; init; }

    [Shape("CustomizationFeatures")]
    public IReadOnlyList<string>? Features { get; init; }
}

internal sealed record DescribeProjectsResponse
{
    [Shape("ProjectDescriptions")]
    public IReadOnlyList<ProjectDescription>? ProjectDescriptions { get; init; }

    [Shape("ExtendedPaginationToken")]
    public string? NextToken { get; init; }
}

internal sealed record ProjectDescription
{
    [Shape("ProjectArn")]
    public string? ProjectArn { get; init; }

    [Shape("DateTime")]
    public double? CreationTimestamp { get; init; }

    [Shape("ProjectStatus")]
    public string? Status { get; init; }

    [Shape("DatasetMetadataList")]
    public IReadOnlyList<DatasetMetadata>? Datasets { get; init; }

    [Shape("CustomizationFeature")]
    public string? Feature { get; init; }

    [Shape("ProjectAutoUpdate")]
    public string? AutoUpdate { get; init; }
}

internal sealed record DatasetMetadata
{
    [Shape("DateTime")]
    public double? CreationTimestamp { get; init; }

    [Shape("DatasetType")]
    public string? DatasetType { get; init; }

    [Shape("DatasetArn")]
    public string? DatasetArn { get; init; }

    [Shape("DatasetStatus")]
    public string? Status { get; init; }

    [Shape("StatusMessage")]
    public string? StatusMessage { get; init; }

    [Shape("DatasetStatusMessageCode")]
    public string? StatusMessageCode { get; init; }
}

internal sealed record DeleteProjectRequest
{
    [Required, Shape("ProjectArn")]
    public string? ProjectArn { get; init; }
}

internal sealed record DeleteProjectResponse
{
    [Shape("ProjectStatus")]
    public string? Status { get; init; }
}

internal sealed record CreateDatasetRequest
{
    public DatasetSource? DatasetSource { get; init; }

    [Required, Shape("DatasetType")]
    public string? DatasetType { get; init; }

    [Required, Shape("ProjectArn")]
    public string? ProjectArn { get; init; }

    [Shape("TagMap")]
    public IReadOnlyDictionary<string, string>? Tags { get; init; }
}

internal sealed record DatasetSource
{
    public GroundTruthManifest? GroundTruthManifest { get; init; }

    [Shape("DatasetArn")]
    public string? DatasetArn { get; init; }
}

internal sealed record GroundTruthManifest
{
    public S3Object? S3Object { get; init; }
}

internal sealed record S3Object
{
    [Shape("S3Bucket")]
    public string? Bucket { get; init; }

    [Shape("S3ObjectName")]
    public string? Name { get; init; }

    [Shape("S3ObjectVersion")]
    public string? Version { get; init; }
}

internal sealed record CreateDatasetResponse
{
    [Shape("DatasetArn")]
    public string? DatasetArn { get; init; }
}

internal sealed record DescribeDatasetRequest
{
    [Required, Shape("DatasetArn")]
    public string? DatasetArn { get; init; }
}

internal sealed record DescribeDatasetResponse
{
    public DatasetDescription? DatasetDescription { get; init; }
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

internal sealed record DeleteDatasetRequest
{
    [Required, Shape("DatasetArn")]
    public string? DatasetArn { get; init; }
}

internal sealed record DeleteDatasetResponse;

internal sealed record DistributeDatasetEntriesRequest
{
    [Required, Shape("DistributeDatasetMetadataList")]
    public IReadOnlyList<DistributeDataset>? Datasets { get; init; }
}

internal sealed record DistributeDataset
{
    [Required, Shape("DatasetArn")]
    public string? Arn { get; init; }
}

internal sealed record DistributeDatasetEntriesResponse;

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

internal sealed record UpdateDatasetEntriesRequest
{
    [Required, Shape("DatasetArn")]
    public string? DatasetArn { get; init; }

    [Required]
    public DatasetChanges? Changes { get; init; }
}

internal sealed record DatasetChanges
{
    [Required, Shape("GroundTruthBlob")]
    public byte[]? GroundTruth { get; init; }
}

internal sealed record UpdateDatasetEntriesResponse;

internal sealed record CreateProjectVersionRequest
{
    [Required, Shape("ProjectArn")]
    public string? ProjectArn { get; init; }

    [Required, Shape("VersionName")]
    public string? VersionName { get; init; }

    [Required]
    public OutputConfig? OutputConfig { get; init; }

    public TrainingData? TrainingData { get; init; }

    public TestingData? TestingData { get; init; }

    [Shape("TagMap")]
    public IReadOnlyDictionary<string, string>? Tags { get; init; }

    [Shape("KmsKeyId")]
    public string? KmsKeyId { get; init; }

    [Shape("VersionDescription")]
    public string? VersionDescription { get; init; }

    public CustomizationFeatureConfig? FeatureConfig { get; init; }
}

internal sealed record OutputConfig
{
    [Shape("S3Bucket")]
    public string? S3Bucket { get; init; }

    [Shape("S3KeyPrefix")]
    public string? S3KeyPrefix { get; init; }
}

internal sealed record TrainingData
{
    [Shape("Assets")]
    public IReadOnlyList<Asset>? Assets { get; init; }
}

internal sealed record Asset
{
    public GroundTruthManifest? GroundTruthManifest { get; init; }
}

internal sealed record TestingData
{
    [Shape("Assets")]
    public IReadOnlyList<Asset>? Assets { get; init; }

    [Shape("Boolean")]
    public bool? AutoCreate { get; init; }
}

internal sealed record CustomizationFeatureConfig
{
    public CustomizationFeatureContentModerationConfig? ContentModeration { get; init; }
}

internal sealed record CustomizationFeatureContentModerationConfig
{
    [Shape("Percent")]
    public double? ConfidenceThreshold { get; init; }
}

internal sealed record CreateProjectVersionResponse
{
    [Shape("ProjectVersionArn")]
    public string? ProjectVersionArn { get; init; }
}

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

internal sealed record ValidationData
{
    [Shape("Assets")]
    public IReadOnlyList<Asset>? Assets { get; init; }
}

internal sealed record TestingDataResult
{
    public TestingData? Input { get; init; }

    public TestingData? Output { get; init; }

    public ValidationData? Validation { get; init; }
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

internal sealed record DeleteProjectVersionRequest
{
    [Required, Shape("ProjectVersionArn")]
    public string? ProjectVersionArn { get; init; }
}

internal sealed record DeleteProjectVersionResponse
{
    [Shape("ProjectVersionStatus")]
    public string? Status { get; init; }
}

internal sealed record StartProjectVersionRequest
{
    [Required, Shape("ProjectVersionArn")]
    public string? ProjectVersionArn { get; init; }

    [Required, Shape("InferenceUnits")]
    public int? MinInferenceUnits { get; init; }

    [Shape("InferenceUnits")]
    public int? MaxInferenceUnits { get; init; }
}

internal sealed record StartProjectVersionResponse
{
    [Shape("ProjectVersionStatus")]
    public string? Status { get; init; }
}

internal sealed record StopProjectVersionRequest
{
    [Required, Shape("ProjectVersionArn")]
    public string? ProjectVersionArn { get; init; }
}

internal sealed record StopProjectVersionResponse
{
    [Shape("ProjectVersionStatus")]
    public string? Status { get; init; }
}

internal sealed record CopyProjectVersionRequest
{
    [Required, Shape("ProjectArn")]
    public string? SourceProjectArn { get; init; }

    [Required, Shape("ProjectVersionArn")]
    public string? SourceProjectVersionArn { get; init; }

    [Required, Shape("ProjectArn")]
    public string? DestinationProjectArn { get; init; }

    [Required, Shape("VersionName")]
    public string? VersionName { get; init; }

    [Required]
    public OutputConfig? OutputConfig { get; init; }

    [Shape("TagMap")]
    public IReadOnlyDictionary<string, string>? Tags { get; init; }

    [Shape("KmsKeyId")]
    public string? KmsKeyId { get; init; }
}

internal sealed record CopyProjectVersionResponse
{
    [Shape("ProjectVersionArn")]
    public string? ProjectVersionArn { get; init; }
}

internal sealed record DetectCustomLabelsRequest
{
    [Required, Shape("ProjectVersionArn")]
    public string? ProjectVersionArn { get; init; }

    [Required]
    public Image? Image { get; init; }

    [Shape("UInteger")]
    public int? MaxResults { get; init; }

    [Shape("Percent")]
    public double? MinConfidence { get; init; }
}

internal sealed record Image
{
    [Shape("ImageBlob")]
    public byte[]? Bytes { get; init; }

    public S3Object? S3Object { get; init; }
}

internal sealed record DetectCustomLabelsResponse
{
    [Shape("CustomLabels")]
    public IReadOnlyList<CustomLabel>? CustomLabels { get; init; }
}

internal sealed record CustomLabel
{
    [Shape("String")]
    public string? Name { get; init; }

    [Shape("Percent")]
    public double? Confidence { get; init; }

    public Geometry? Geometry { get; init; }
}

internal sealed record Geometry
{
    public BoundingBox? BoundingBox { get; init; }

    [Shape("Polygon")]
    public IReadOnlyList<Point>? Polygon { get; init; }
}

internal sealed record BoundingBox
{
    [Shape("Float")]
    public double? Width { get; init; }

    [Shape("Float")]
    public double? Height { get; init; }

    [Shape("Float")]
    public double? Left { get; init; }

    [Shape("Float")]
    public double? Top { get; init; }
}

internal sealed record Point
{
    [Shape("Float")]
    public double? X { get; init; }

    [Shape("Float")]
    public double? Y { get; init; }
}

internal sealed record PutProjectPolicyRequest
{
    [Required, Shape("ProjectArn")]
    public string? ProjectArn { get; init; }

    [Required, Shape("ProjectPolicyName")]
    public string? PolicyName { get; init; }

    [Shape("ProjectPolicyRevisionId")]
    public string? PolicyRevisionId { get; init; }

    [Required, Shape("ProjectPolicyDocument")]
    public string? PolicyDocument { get; init; }
}

internal sealed record PutProjectPolicyResponse
{
    [Shape("ProjectPolicyRevisionId")]
    public string? PolicyRevisionId { get; init; }
}

internal sealed record ListProjectPoliciesRequest
{
    [Required, Shape("ProjectArn")]
    public string? ProjectArn { get; init; }

    [Shape("ExtendedPaginationToken")]
    public string? NextToken { get; init; }

    [Shape("ListProjectPoliciesPageSize")]
    public int? MaxResults { get; init; }
}

internal sealed record ListProjectPoliciesResponse
{
    [Shape("ProjectPolicies")]
    public IReadOnlyList<ProjectPolicy>? ProjectPolicies { get; init; }

    [Shape("ExtendedPaginationToken")]
    public string? NextToken { get; init; }
}

internal sealed record ProjectPolicy
{
    [Shape("ProjectArn")]
    public string? ProjectArn { get; init; }

    [Shape("ProjectPolicyName")]
    public string? PolicyName { get; init; }

    [Shape("ProjectPolicyRevisionId")]
    public string? PolicyRevisionId { get; init; }

    [Shape("ProjectPolicyDocument")]
    public string? PolicyDocument { get; init; }

    [Shape("DateTime")]
    public double? CreationTimestamp { get; init; }

    [Shape("DateTime")]
    public double? LastUpdatedTimestamp { get; init; }
}

internal sealed record DeleteProjectPolicyRequest
{
    [Required, Shape("ProjectArn")]
    public string? ProjectArn { get; init; }

    [Required, Shape("ProjectPolicyName")]
    public string? PolicyName { get; init; }

    [Shape("ProjectPolicyRevisionId")]
    public string? PolicyRevisionId { get; init; }
}

internal sealed record DeleteProjectPolicyResponse;

internal sealed record TagResourceRequest
{
    [Required, Shape("ResourceArn")]
    public string? ResourceArn { get; init; }

    [Required, Shape("TagMap")]
    public IReadOnlyDictionary<string, string>? Tags { get; init; }
}

internal sealed record TagResourceResponse;

internal sealed record UntagResourceRequest
{
    [Required, Shape("ResourceArn")]
    public string? ResourceArn { get; init; }

    [Required, Shape("TagKeyList")]
    public IReadOnlyList<string>? TagKeys { get; init; }
}

internal sealed record UntagResourceResponse;

internal sealed record ListTagsForResourceRequest
{
    [Required, Shape("ResourceArn")]
    public string? ResourceArn { get; init; }
}

internal sealed record ListTagsForResourceResponse
{
    [Shape("TagMap")]
    public IReadOnlyDictionary<string, string>? Tags { get; init; }
}
