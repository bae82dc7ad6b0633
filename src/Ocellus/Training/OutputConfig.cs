using Ocellus.Wire.AwsJson;

namespace Ocellus.Training;

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

internal sealed record TestingData
{
    [Shape("Assets")]
    public IReadOnlyList<Asset>? Assets { get; init; }

    [Shape("Boolean")]
    public bool? AutoCreate { get; init; }
}

internal sealed record Asset
{
    public GroundTruthManifest? GroundTruthManifest { get; init; }
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
