namespace Ocellus.Identity;

/// <summary>An access key and the user that it belongs to.</summary>
internal sealed record AccessKey(string AccessKeyId, string SecretAccessKey, string AccountId, string UserName)
{
    /// <summary>Omits the secret, so that a log line cannot leak it.</summary>
    public override string ToString() => $"AccessKey {{ {AccessKeyId}, {AccountId}, {UserName} }}";
}
