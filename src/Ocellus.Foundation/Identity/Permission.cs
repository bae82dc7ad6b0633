namespace Ocellus.Identity;

/// <summary>A permission that a request needs.</summary>
/// <param name="Action">Such as <c>rekognition:StopProjectVersion</c>.</param>
/// <param name="Resources">ARNs of the resource. An Allow for any of them is enough, and a Deny for any of them denies. Refusals name the first, its tags
/// count for all, and NotResource is compared with it alone.</param>
internal sealed record Permission(string Action, params IReadOnlyList<string> Resources)
{
    /// <summary>The resource of an action that has none.</summary>
    public const string NoResource = "*";

    /// <summary>Tags that the request sets.</summary>
    public IReadOnlyDictionary<string, string> Tags { get; init; } = new Dictionary<string, string>();

    /// <summary>Keys of the tags that the request sets or removes.</summary>
    public IReadOnlyList<string> TagKeys { get; init; } = [];

    /// <summary>Condition keys of this request alone, such as <c>s3:prefix</c>.</summary>
    public IReadOnlyDictionary<string, string> Values { get; init; } = new Dictionary<string, string>();

    /// <summary>A permission of the API, by the operation's name.</summary>
    public static Permission Rekognition(string operation, params IReadOnlyList<string> resources) => new("rekognition:" + operation, resources);

    /// <summary>This permission, for a request that sets tags.</summary>
    public Permission WithTags(IReadOnlyDictionary<string, string>? tags) =>
        this with { Tags = tags ?? new Dictionary<string, string>(), TagKeys = [.. tags?.Keys ?? []] };

    /// <summary>Permission to read an object.</summary>
    public static Permission Read(string bucket, string key) => new("s3:GetObject", S3Arn(bucket, key));

    /// <summary>Permission to write an object.</summary>
    public static Permission Write(string bucket, string key) => new("s3:PutObject", S3Arn(bucket, key));

    public static string S3Arn(string bucket, string key = "") => key.Length == 0 ? $"arn:aws:s3:::{bucket}" : $"arn:aws:s3:::{bucket}/{key}";
}
