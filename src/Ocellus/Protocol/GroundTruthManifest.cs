namespace Ocellus.Protocol;

internal sealed record GroundTruthManifest
{
    public S3Object? S3Object { get; init; }
}
