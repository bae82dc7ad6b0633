using System.ComponentModel.DataAnnotations;

namespace Ocellus.Wire.AwsJson;

/// <summary>The request rates of an account. Section <c>Ocellus:Throttling</c>; a wrong value stops the server at start and names the setting.</summary>
/// <remarks>The rates are AWS's quotas of transactions per second, for each account, region and operation.</remarks>
internal sealed class ThrottlingOptions
{
    /// <summary>Whether the rates are enforced. Off by default: on your own machine only the models are a limit.</summary>
    public bool Enabled { get; set; }

    /// <summary>DetectCustomLabels per second.</summary>
    [Range(1, 1_000_000)]
    public int DetectPerSecond { get; set; } = 50;

    /// <summary>TagResource, UntagResource and ListTagsForResource per second, each.</summary>
    [Range(1, 1_000_000)]
    public int TagsPerSecond { get; set; } = 10;

    /// <summary>Every other operation per second, each.</summary>
    [Range(1, 1_000_000)]
    public int OthersPerSecond { get; set; } = 5;
}
