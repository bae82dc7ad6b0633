using System.Net;

namespace Ocellus.Identity;

/// <summary>Who signed a request, and the region of its credential scope: resources live in that account and region.</summary>
internal sealed record Caller(string AccountId, string Region, string UserName, string AccessKeyId)
{
    public string UserArn => $"arn:aws:iam::{AccountId}:user/{UserName}";

    /// <summary>Where the request came from: behind a proxy, the proxy. Null for a call from within the process.</summary>
    public IPAddress? SourceAddress { get; init; }

    /// <summary>Whether the request came encrypted.</summary>
    public bool IsSecure { get; init; }
}
