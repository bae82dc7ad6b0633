namespace Ocellus.Identity;

/// <summary>The condition keys that a kind of policy may use. They are not case-sensitive.</summary>
/// <param name="names">Complete keys.</param>
/// <param name="prefixes">Prefixes of keys that end with a tag key.</param>
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

    /// <summary>Keys of identity policies.</summary>
    public static ConditionKeys Identity { get; } = new(
        [
            PrincipalArn, PrincipalAccount, UserName, SourceIp, SecureTransport, CurrentTime, EpochTime, RequestedRegion, TagKeys, ListPrefix, ListDelimiter,
            ListMaxKeys,
        ],
        [ResourceTag, RequestTag]);

    /// <summary>Keys of project policies. Their only action has nothing to do with tags.</summary>
    public static ConditionKeys Project { get; } = new([PrincipalArn, PrincipalAccount], []);

    /// <summary>All keys, for a message.</summary>
    public string Words { get; } = string.Join(", ", names.SkipLast(1).Concat(prefixes.Select(p => p + "KEY"))) + " and " + names[^1];

    public bool Knows(string key) =>
        names.Contains(key, StringComparer.OrdinalIgnoreCase)
            || prefixes.Any(p => key.Length > p.Length && key.StartsWith(p, StringComparison.OrdinalIgnoreCase));

    /// <summary>A complete key in its canonical spelling; other keys unchanged.</summary>
    public string Spelled(string key) => names.FirstOrDefault(n => Is(n, key)) ?? key;

    public static bool HasSeveralValues(string key) => Is(key, TagKeys);

    public static bool Is(string key, string name) => string.Equals(key, name, StringComparison.OrdinalIgnoreCase);
}
