using System.Globalization;
using Ocellus.Encodings;
using Ocellus.Refusals;

namespace Ocellus.Projects;

/// <summary>
/// Tags of a project version that say how it is hosted: AWS has no members for this, and every AWS client can set tags. They are read on use, so a change takes
/// effect at once, even for a running model.
/// </summary>
[Assumed(
    "Tags `ocellus:idle-stop-minutes` and `ocellus:wake-on-detect`",
    "They exist only here, on model versions. A value that is not understood is `InvalidParameterException`, and so is any tag that begins with "
    + "`ocellus:` and has no meaning, on every resource. All other tags are stored and have no effect.")]
internal static class HostingTags
{
    /// <summary>Minutes without a request after which a running version stops by itself, 1 to 43200, or <see cref="Off"/>.</summary>
    public const string IdleStopMinutes = "ocellus:idle-stop-minutes";

    /// <summary><c>true</c>: a request starts a stopped version. <c>false</c>: it does not, whatever the server's default.</summary>
    public const string WakeOnDetect = "ocellus:wake-on-detect";

    /// <summary>The version never stops by itself, whatever the server's default.</summary>
    public const string Off = "off";

    /// <summary>30 days.</summary>
    private const int MinutesMax = 43_200;

    /// <summary>Checks the values of these tags.</summary>
    /// <exception cref="RefusedException">Invalid: a value that is not understood.</exception>
    public static void Check(IReadOnlyDictionary<string, string>? tags)
    {
        if (tags?.GetValueOrDefault(IdleStopMinutes) is { } minutes && !TryIdleStop(minutes, out _))
        {
            throw Refused.Invalid(
                $"The tag {IdleStopMinutes} is '{Readable.Truncate(minutes)}'; it takes a whole number of minutes from 1 to {MinutesMax}, or {Off}.");
        }

        if (tags?.GetValueOrDefault(WakeOnDetect) is { } wake && !TryWake(wake, out _))
        {
            throw Refused.Invalid($"The tag {WakeOnDetect} is '{Readable.Truncate(wake)}'; it takes true or false.");
        }
    }

    /// <summary>Reads <see cref="IdleStopMinutes"/>; the result is null for <see cref="Off"/>.</summary>
    public static bool TryIdleStop(string value, out TimeSpan? idle)
    {
        var isNumber = int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var minutes) && minutes is >= 1 and <= MinutesMax;
        idle = isNumber ? TimeSpan.FromMinutes(minutes) : null;
        return isNumber || value == Off;
    }

    /// <summary>Reads <see cref="WakeOnDetect"/>.</summary>
    public static bool TryWake(string value, out bool wake)
    {
        wake = value == "true";
        return value is "true" or "false";
    }
}
