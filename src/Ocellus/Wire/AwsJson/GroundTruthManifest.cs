namespace Ocellus.Wire.AwsJson;

internal sealed record GroundTruthManifest
{
    public S3Object? S3Object { get; init; }
}
