namespace Ocellus.Identity;

/// <summary>One right that a request needs.</summary>
/// <param name="Action">Such as <c>rekognition:StopProjectVersion</c>.</param>
/// <param name="Resources">What it is needed on; of several, an Allow for one is enough and a Deny for one denies. The first is named in refusals, its tags
/// count for all, and it alone is tried against NotResource.</param>
internal sealed record Permission(string Action, params IReadOnlyList<string> Resources)
{
    /// <summary>Stands for the resource of an action that has none.</summary>
    public const string NoResource = "*";

    /// <summary>Tags that the request sets.</summary>
    public IReadOnlyDictionary<string, string> Tags { get; init; } = new Dictionary<string, string>();

    /// <summary>Keys of the tags that the request sets or removes.</summary>
    public IReadOnlyList<string> TagKeys { get; init; } = [];

    /// <summary>Condition keys that only this request has, such as <c>s3:prefix</c>.</summary>
    public IReadOnlyDictionary<string, string> Values { get; init; } = new Dictionary<string, string>();

    /// <summary>An action of the API, by the operation's name.</summary>
    public static Permission Rekognition(string operation, params IReadOnlyList<string> resources) => new("rekognition:" + operation, resources);

    /// <summary>The same permission for a request that sets tags.</summary>
    public Permission WithTags(IReadOnlyDictionary<string, string>? tags) =>
        this with { Tags = tags ?? new Dictionary<string, string>(), TagKeys = [.. tags?.Keys ?? []] };

    /// <summary>Reading an object of the object store.</summary>
    public static Permission Read(string bucket, string key) => new("s3:GetObject", S3Arn(bucket, key));

    /// <summary>Writing an object of the object store.</summary>
    public static Permission Write(string bucket, string key) => new("s3:PutObject", S3Arn(bucket, key));

    public static string S3Arn(string bucket, string key = "") => key.Length == 0 ? $"arn:aws:s3:::{bucket}" : $"arn:aws:s3:::{bucket}/{key}";
}
