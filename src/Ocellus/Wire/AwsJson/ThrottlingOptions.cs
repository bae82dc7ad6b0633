using System.ComponentModel.DataAnnotations;

namespace Ocellus.Wire.AwsJson;

/// <summary>How many requests an account may send. Section <c>Ocellus:Throttling</c>; a wrong value stops the server at start and names the setting.</summary>
/// <remarks>The rates are AWS's quotas of transactions per second, for each account, region and operation.</remarks>
internal sealed class ThrottlingOptions
{
    /// <summary>Whether requests are counted. Off by default: on a machine of one's own only the models have a limit.</summary>
    public bool Enabled { get; set; }

    /// <summary>DetectCustomLabels a second.</summary>
    [Range(1, 1_000_000)]
    public int DetectPerSecond { get; set; } = 50;

    /// <summary>TagResource, UntagResource and ListTagsForResource a second, each.</summary>
    [Range(1, 1_000_000)]
    public int TagsPerSecond { get; set; } = 10;

    /// <summary>Every other operation a second, each.</summary>
    [Range(1, 1_000_000)]
    public int OthersPerSecond { get; set; } = 5;
}
