namespace Ocellus.Access;

/// <summary>Who signed a request, and the region of its credential scope: resources live in that account and region.</summary>
internal sealed record Caller(string AccountId, string Region, string UserName, string AccessKeyId)
{
    public string UserArn => $"arn:aws:iam::{AccountId}:user/{UserName}";
}
