using System.ComponentModel.DataAnnotations;

namespace Ocellus.Wire;

/// <summary>
/// How long and how large the bodies of requests may be while they arrive. Section <c>Ocellus:Bodies</c>; a wrong value stops the server at start and names
/// the setting.
/// </summary>
internal sealed class BodyOptions
{
    public const string Section = "Ocellus:Bodies";

    /// <summary>
    /// Bytes that all bodies of API requests may take together until their signatures are verified. Default 256 MB: forty images of the largest size or a
    /// thousand usual ones at one moment, far more than a machine decodes in a second, and little enough for a small machine to lend.
    /// </summary>
    [Range(16L * 1024 * 1024, 1L << 40)]
    public long UnverifiedBytesMax { get; set; } = 256L * 1024 * 1024;

    /// <summary>
    /// Longest time until the whole body of an API request is there. Default 60 s: SDKs wait no longer for an answer, and the largest image then comes over a
    /// line of 1 Mbit/s.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:30:00")]
    public TimeSpan ApiTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Time over which the rate of an upload to the object store is taken; a pause in one may last from one to two of them. Default 30 s: SDKs give a
    /// connection that says nothing up after 60 s.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:30:00")]
    public TimeSpan UploadWindow { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Bytes a second that an upload to the object store brings at least, over each window in which the server waited for it. Default 1024: a tenth of the
    /// slowest line in use.
    /// </summary>
    [Range(1, 1_000_000_000)]
    public int UploadBytesPerSecondMin { get; set; } = 1024;
}
