using System.ComponentModel.DataAnnotations;

namespace Ocellus.Wire;

/// <summary>
/// Limits on the time and memory that request bodies take while they arrive. Section <c>Ocellus:Bodies</c>; a wrong value stops the server at start and names
/// the setting.
/// </summary>
internal sealed class BodyOptions
{
    public const string Section = "Ocellus:Bodies";

    /// <summary>
    /// Maximum total size of API request bodies whose signatures are not verified yet. Default 256 MB: forty images of the largest size or a thousand usual
    /// ones, far more than a machine decodes in a second, and little enough for a small machine.
    /// </summary>
    [Range(16L * 1024 * 1024, 1L << 40)]
    public long UnverifiedBytesMax { get; set; } = 256L * 1024 * 1024;

    /// <summary>
    /// Maximum time for the whole body of an API request to arrive. Default 60 s: SDKs wait no longer for a response, and it suffices for the largest image
    /// over 1 Mbit/s.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:30:00")]
    public TimeSpan ApiTimeout { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Time window for the rate of an upload to the object store. A pause may last one to two windows. Default 30 s: SDKs give up an idle connection after
    /// 60 s.
    /// </summary>
    [Range(typeof(TimeSpan), "00:00:01", "00:30:00")]
    public TimeSpan UploadWindow { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Minimum bytes per second of an upload to the object store, in each window in which the server waited for it. Default 1024: a tenth of the slowest
    /// connection in use.
    /// </summary>
    [Range(1, 1_000_000_000)]
    public int UploadBytesPerSecondMin { get; set; } = 1024;
}
