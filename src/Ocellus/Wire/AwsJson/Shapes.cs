using System.Collections.Frozen;

namespace Ocellus.Wire.AwsJson;

/// <summary>Names the shape of the service model whose constraints apply to a member.</summary>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class ShapeAttribute(string name) : Attribute
{
    public string Name { get; } = name;
}

/// <summary>
/// The constraints of one shape. They limit the characters of a text, the bytes of a blob, the items of a list or map, or the value of a number.
/// </summary>
internal sealed record Shape(double? Min = null, double? Max = null, string? Pattern = null, string[]? Values = null, string? Item = null, string? Key = null);

/// <summary>The constrained shapes of the service model. WireModelTests compares them.</summary>
internal static class Shapes
{
    public static FrozenDictionary<string, Shape> All { get; } = new Dictionary<string, Shape>
    {
        ["Assets"] = new(),
        ["Boolean"] = new(),
        ["CustomLabels"] = new(),
        ["CustomizationFeature"] = new(Values: ["CONTENT_MODERATION", "CUSTOM_LABELS"]),
        ["CustomizationFeatures"] = new(Min: 1, Max: 2, Item: "CustomizationFeature"),
        ["DatasetArn"] = new(
            Min: 20, Max: 2048, Pattern: @"(^arn:[a-z\d-]+:rekognition:[a-z\d-]+:\d{12}:project\/[a-zA-Z0-9_.\-]{1,255}\/dataset\/(train|test)\/[0-9]+$)"),
        ["DatasetEntries"] = new(Item: "DatasetEntry"),
        ["DatasetEntry"] = new(Min: 1, Max: 100000, Pattern: @"^\{.*\}$"),
        ["DatasetLabel"] = new(Min: 1, Max: 255, Pattern: @".{1,}"),
        ["DatasetLabelDescriptions"] = new(),
        ["DatasetLabels"] = new(Min: 1, Max: 10, Item: "DatasetLabel"),
        ["DatasetMetadataList"] = new(),
        ["DatasetStatus"] = new(
            Values: ["CREATE_IN_PROGRESS", "CREATE_COMPLETE", "CREATE_FAILED", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_FAILED", "DELETE_IN_PROGRESS"]),
        ["DatasetStatusMessageCode"] = new(Values: ["SUCCESS", "SERVICE_ERROR", "CLIENT_ERROR"]),
        ["DatasetType"] = new(Values: ["TRAIN", "TEST"]),
        ["DateTime"] = new(),
        ["DistributeDatasetMetadataList"] = new(Min: 2, Max: 2),
        ["ExtendedPaginationToken"] = new(Max: 1024),
        ["Float"] = new(),
        ["GroundTruthBlob"] = new(Min: 1, Max: 5242880),
        ["HasErrors"] = new(),
        ["ImageBlob"] = new(Min: 1, Max: 5242880),
        ["InferenceUnits"] = new(Min: 1),
        ["IsLabeled"] = new(),
        ["KmsKeyId"] = new(Min: 1, Max: 2048, Pattern: @"^[A-Za-z0-9][A-Za-z0-9:_/+=,@.-]{0,2048}$"),
        ["ListDatasetEntriesPageSize"] = new(Min: 1, Max: 100),
        ["ListDatasetLabelsPageSize"] = new(Min: 1, Max: 100),
        ["ListProjectPoliciesPageSize"] = new(Min: 1, Max: 5),
        ["Percent"] = new(Min: 0, Max: 100),
        ["Polygon"] = new(),
        ["ProjectArn"] = new(Min: 20, Max: 2048, Pattern: @"(^arn:[a-z\d-]+:rekognition:[a-z\d-]+:\d{12}:project\/[a-zA-Z0-9_.\-]{1,255}\/[0-9]+$)"),
        ["ProjectAutoUpdate"] = new(Values: ["ENABLED", "DISABLED"]),
        ["ProjectDescriptions"] = new(),
        ["ProjectName"] = new(Min: 1, Max: 255, Pattern: @"[a-zA-Z0-9_.\-]+"),
        ["ProjectNames"] = new(Min: 1, Max: 10, Item: "ProjectName"),
        ["ProjectPolicies"] = new(),
        ["ProjectPolicyDocument"] = new(Min: 1, Max: 2000, Pattern: @"[\u0009\u000A\u000D\u0020-\u00FF]+"),
        ["ProjectPolicyName"] = new(Min: 1, Max: 128, Pattern: @"[a-zA-Z0-9_.\-]+"),
        ["ProjectPolicyRevisionId"] = new(Max: 64, Pattern: @"[0-9A-Fa-f]+"),
        ["ProjectStatus"] = new(Values: ["CREATING", "CREATED", "DELETING"]),
        ["ProjectVersionArn"] = new(
            Min: 20, Max: 2048,
            Pattern: @"(^arn:[a-z\d-]+:rekognition:[a-z\d-]+:\d{12}:project\/[a-zA-Z0-9_.\-]{1,255}\/version\/[a-zA-Z0-9_.\-]{1,255}\/[0-9]+$)"),
        ["ProjectVersionDescriptions"] = new(),
        ["ProjectVersionStatus"] = new(
            Values: [
                "TRAINING_IN_PROGRESS", "TRAINING_COMPLETED", "TRAINING_FAILED", "STARTING", "RUNNING", "FAILED", "STOPPING", "STOPPED", "DELETING",
                "COPYING_IN_PROGRESS", "COPYING_COMPLETED", "COPYING_FAILED", "DEPRECATED", "EXPIRED"]),
        ["ProjectVersionsPageSize"] = new(Min: 1, Max: 100),
        ["ProjectsPageSize"] = new(Min: 1, Max: 100),
        ["QueryString"] = new(Min: 1, Max: 2048, Pattern: @".*\S.*"),
        ["ResourceArn"] = new(Min: 20, Max: 2048),
        ["S3Bucket"] = new(Min: 3, Max: 255, Pattern: @"[0-9A-Za-z\.\-_]*"),
        ["S3KeyPrefix"] = new(Max: 1024),
        ["S3ObjectName"] = new(Min: 1, Max: 1024),
        ["S3ObjectVersion"] = new(Min: 1, Max: 1024),
        ["StatusMessage"] = new(),
        ["String"] = new(),
        ["TagKey"] = new(Min: 1, Max: 128, Pattern: @"^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@]*$"),
        ["TagKeyList"] = new(Min: 0, Max: 200, Item: "TagKey"),
        ["TagMap"] = new(Min: 0, Max: 200, Item: "TagValue", Key: "TagKey"),
        ["TagValue"] = new(Min: 0, Max: 256, Pattern: @"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$"),
        ["UInteger"] = new(Min: 0),
        ["ULong"] = new(Min: 0),
        ["VersionDescription"] = new(Min: 1, Max: 255, Pattern: @"[a-zA-Z0-9-_. ()':,;?]+"),
        ["VersionName"] = new(Min: 1, Max: 255, Pattern: @"[a-zA-Z0-9_.\-]+"),
        ["VersionNames"] = new(Min: 1, Max: 10, Item: "VersionName"),
    }.ToFrozenDictionary();
}
