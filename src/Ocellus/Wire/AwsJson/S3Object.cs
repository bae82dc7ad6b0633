namespace Ocellus.Wire.AwsJson;

internal sealed record S3Object
{
    [Shape("S3Bucket")]
    public string? Bucket { get; init; }

    [Shape("S3ObjectName")]
    public string? Name { get; init; }

    [Shape("S3ObjectVersion")]
    public string? Version { get; init; }
}
