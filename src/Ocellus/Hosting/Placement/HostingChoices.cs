using Microsoft.Extensions.Options;
using Ocellus.Projects;

namespace Ocellus.Hosting.Placement;

/// <summary>Settings beyond AWS, chosen by the version's owner or else by the server's.</summary>
/// <param name="IdleStop">Time without a request after which the version stops; null: never.</param>
/// <param name="IdleStopSource">Where that was set, for messages.</param>
/// <param name="WakeOnDetect">Whether a request starts the version.</param>
internal readonly record struct HostingChoice(TimeSpan? IdleStop, string IdleStopSource, bool WakeOnDetect);

/// <summary>Reads the choices: a version's tag takes precedence over the server's setting. Nothing is cached, so a tag takes effect at once.</summary>
internal sealed class HostingChoices(VersionCatalog versions, IOptions<HostingOptions> options)
{
    /// <summary>The shortest idle time that any version can have now; the database need not be queried before it has passed.</summary>
    public TimeSpan ShortestIdleStop => Default is { } time && time < TimeSpan.FromMinutes(1) ? time : TimeSpan.FromMinutes(1);

    private TimeSpan? Default => options.Value.IdleStopMinutes > 0 ? TimeSpan.FromMinutes(options.Value.IdleStopMinutes) : null;

    /// <summary>The choices for a version, as they are now.</summary>
    public async Task<HostingChoice> OfAsync(string arn, CancellationToken cancel)
    {
        var tags = await versions.HostingTagsAsync(arn, cancel);
        var byTag = tags.TryGetValue(HostingTags.IdleStopMinutes, out var minutes) & HostingTags.TryIdleStop(minutes ?? "", out var idle);
        return new(
            byTag ? idle : Default,
            byTag ? $"tag {HostingTags.IdleStopMinutes}" : "setting Ocellus:Hosting:IdleStopMinutes",
            tags.TryGetValue(HostingTags.WakeOnDetect, out var wake) && HostingTags.TryWake(wake, out var wakes) ? wakes : options.Value.WakeOnDetect);
    }
}
