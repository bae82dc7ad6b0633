namespace Ocellus.Identity;

/// <summary>An access key and whom it stands for.</summary>
internal sealed record AccessKey(string AccessKeyId, string SecretAccessKey, string AccountId, string UserName)
{
    /// <summary>Leaves the secret out, so that a log line cannot leak it.</summary>
    public override string ToString() => $"AccessKey {{ {AccessKeyId}, {AccountId}, {UserName} }}";
}
