namespace Ocellus.Identity;

/// <summary>Condition keys that a kind of policy may ask for. Their case does not count.</summary>
/// <param name="names">Whole keys.</param>
/// <param name="prefixes">Beginnings of keys that end with the key of a tag.</param>
internal sealed class ConditionKeys(IReadOnlyList<string> names, IReadOnlyList<string> prefixes)
{
    public const string PrincipalArn = "aws:PrincipalArn";
    public const string PrincipalAccount = "aws:PrincipalAccount";
    public const string UserName = "aws:username";
    public const string SourceIp = "aws:SourceIp";
    public const string SecureTransport = "aws:SecureTransport";
    public const string CurrentTime = "aws:CurrentTime";
    public const string EpochTime = "aws:EpochTime";
    public const string RequestedRegion = "aws:RequestedRegion";
    public const string TagKeys = "aws:TagKeys";
    public const string ResourceTag = "aws:ResourceTag/";
    public const string RequestTag = "aws:RequestTag/";
    public const string ListPrefix = "s3:prefix";
    public const string ListDelimiter = "s3:delimiter";
    public const string ListMaxKeys = "s3:max-keys";

    /// <summary>Of identity policies.</summary>
    public static ConditionKeys Identity { get; } = new(
        [
            PrincipalArn, PrincipalAccount, UserName, SourceIp, SecureTransport, CurrentTime, EpochTime, RequestedRegion, TagKeys, ListPrefix, ListDelimiter,
            ListMaxKeys,
        ],
        [ResourceTag, RequestTag]);

    /// <summary>Of project policies, whose only action says nothing of tags.</summary>
    public static ConditionKeys Project { get; } = new([PrincipalArn, PrincipalAccount], []);

    /// <summary>All of them, for a message.</summary>
    public string Words { get; } = string.Join(", ", names.SkipLast(1).Concat(prefixes.Select(p => p + "KEY"))) + " and " + names[^1];

    public bool Knows(string key) =>
        names.Contains(key, StringComparer.OrdinalIgnoreCase)
            || prefixes.Any(p => key.Length > p.Length && key.StartsWith(p, StringComparison.OrdinalIgnoreCase));

    /// <summary>A whole key as it is spelled here; itself if it is none.</summary>
    public string Spelled(string key) => names.FirstOrDefault(n => Is(n, key)) ?? key;

    public static bool HasSeveralValues(string key) => Is(key, TagKeys);

    public static bool Is(string key, string name) => string.Equals(key, name, StringComparison.OrdinalIgnoreCase);
}
