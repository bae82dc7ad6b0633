using System.Net;

namespace Ocellus.Identity;

/// <summary>Who signed a request, and the region of its credential scope. Resources live in that account and region.</summary>
internal sealed record Caller(string AccountId, string Region, string UserName, string AccessKeyId)
{
    public string UserArn => $"arn:aws:iam::{AccountId}:user/{UserName}";

    /// <summary>Address of the client, or of the proxy in front of the server. Null for calls from within the process.</summary>
    public IPAddress? SourceAddress { get; init; }

    /// <summary>Whether the request used TLS.</summary>
    public bool IsSecure { get; init; }
}
